"""W6: memory of what is not in use."""

from __future__ import annotations

from perdure.benchmarks.contests.lives import resident
from perdure.benchmarks.contests.tasks import Axes, Task
from perdure.benchmarks.measuring import footprint, waiting
from perdure.benchmarks.rows import Row, Workload

ROWS = (
    Row(
        name="memory-active",
        title="memory of an active entity (100,000 of them)",
        unit="KiB",
        measure=footprint.active_memory,
        turns=1,
    ),
    Row(
        name="memory-passive",
        title="memory for 100,000 passive entities, all together (--full: 1,000,000)",
        unit="KiB",
        measure=footprint.passive_memory,
        turns=1,
    ),
    Row(
        name="waiting-memory",
        title="memory for 100,000 of them, passive, all together",
        unit="KiB",
        measure=waiting.memory,
        turns=1,
    ),
    Row(
        name="waiting-starts",
        title="starts of 100,000 orchestrations that wait for an event",
        measure=waiting.starting,
        turns=1,
    ),
)
TASKS = (
    Task(
        name="w6-memory",
        title="memory of all its processes over 10,000 counters",
        unit="KiB",
        needs="call",
        measure=resident,
        turns=1,
        axes=(Axes(across="counters", up="KiB", is_log=True),),
    ),
)
MEMORY = Workload(
    name="W6",
    title="memory of what is not in use",
    does="a restart over 10,000 counters (--full: perdure's also over "
    "1,000,000), of which ten are read",
    checks="the ten have what was added",
    rows=ROWS,
    tasks=TASKS,
)
