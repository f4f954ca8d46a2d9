"""W7: start-up to the first durable result."""

from __future__ import annotations

from perdure.benchmarks.contests.lives import started, started_again
from perdure.benchmarks.contests.tasks import Task
from perdure.benchmarks.measuring import footprint, waiting
from perdure.benchmarks.rows import Row, Workload

ROWS = (
    Row(
        name="import",
        title="import perdure",
        unit="s",
        measure=footprint.import_time,
    ),
    Row(
        name="first-call",
        title="process start to first durable call",
        unit="s",
        measure=footprint.first_call,
    ),
    Row(
        name="waiting-restart",
        title="process start to the first new result beside 100,000 of them, p50",
        against="an empty store",
        unit="s",
        measure=waiting.restart,
        turns=1,
    ),
)
TASKS = (
    Task(
        name="w7-start",
        title="process start to the first result, in an empty folder",
        unit="s",
        needs="total",
        measure=started,
        turns=5,
    ),
    Task(
        name="w7-restart",
        title="process start to the first result, in a folder that is there",
        unit="s",
        needs="total",
        measure=started_again,
        turns=5,
    ),
)
START_UP = Workload(
    name="W7",
    title="start-up to the first durable result",
    does="a start of all that a system needs, until its first result is durable",
    checks="the result",
    rows=ROWS,
    tasks=TASKS,
)
