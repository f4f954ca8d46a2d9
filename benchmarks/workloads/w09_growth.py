"""W9: growth of the store."""

from __future__ import annotations

from perdure.benchmarks.contests.curves import grown
from perdure.benchmarks.contests.tasks import Axes, Task
from perdure.benchmarks.rows import Workload

TASKS = (
    Task(
        name="w9-growth",
        title="calls per second in the largest store, against one of 10,000 events",
        unit="x",
        needs="hold",
        measure=grown,
        turns=1,
        axes=Axes(across="events in the store", up="calls per second", is_log=True),
        more={"memory": ("memory in the largest store, against one of 10,000 events", "x")},
        alone=True,
    ),
)
GROWTH = Workload(
    name="W9",
    title="growth of the store",
    does="calls to a store that grows to 100,000 events (--full: 10 million)",
    checks="each counter has as much as was added",
    tasks=TASKS,
)
