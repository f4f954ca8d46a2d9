"""W5: activation with a long past."""

from __future__ import annotations

from perdure.benchmarks.contests.lives import activated
from perdure.benchmarks.contests.tasks import Task
from perdure.benchmarks.measuring import latency, waiting
from perdure.benchmarks.rows import Row, Workload

ROWS = (
    Row(
        name="activation",
        title="activation after restart, 10,000 past operations, p50",
        against="10 past operations",
        unit="µs",
        measure=latency.activation,
        turns=3,
    ),
    Row(
        name="past-activation",
        title="activation of an orchestration with a history of 10,000 events",
        unit="s",
        measure=waiting.long_activation,
        turns=3,
    ),
    Row(
        name="past-turn",
        title="an event of an active one with a history of 10,000 events, p50",
        against="one of 10 events",
        unit="µs",
        measure=waiting.long_turns,
        turns=3,
    ),
)
TASKS = (
    Task(
        name="w5-activation",
        title="the first read of a counter with 10,000 operations, after a restart, p50",
        unit="µs",
        needs="call",
        measure=activated,
        turns=1,
    ),
)
ACTIVATION = Workload(
    name="W5",
    title="activation with a long past",
    does="the first read of counters after a restart, each with 10,000 additions behind it",
    checks="each has what was added",
    rows=ROWS,
    tasks=TASKS,
)
