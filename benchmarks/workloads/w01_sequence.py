"""W1: a sequence of three activities."""

from __future__ import annotations

from perdure.benchmarks.contests.tasks import Task, summed
from perdure.benchmarks.measuring import orchestrations
from perdure.benchmarks.rows import TELL, Row, Workload

ROWS = (
    Row(
        name="sequences",
        title="orchestrations of 3 no-op activities, 64 in flight",
        against=TELL,
        measure=orchestrations.sequences,
    ),
    Row(
        name="sequence",
        title="an orchestration of 3 no-op activities, one in flight, p50",
        against="SQLite commit of one row",
        unit="µs",
        measure=orchestrations.single_sequence,
    ),
)
TASKS = (
    Task(
        name="w1-sequences",
        title="sequences of 3 activities, 64 in flight",
        needs="sequence",
        measure=summed("sequence", each=4),
    ),
    Task(
        name="w1-sequence",
        title="a sequence of 3 activities, one in flight",
        needs="sequence",
        measure=summed("sequence", each=4, in_flight=1),
    ),
)
SEQUENCE = Workload(
    name="W1",
    title="a sequence of three activities",
    does="orchestrations of three activities, one after the other, each adding 1",
    checks="each gives 4, and nothing is left over",
    rows=ROWS,
    tasks=TASKS,
)
