"""W9: growth of the store."""

from __future__ import annotations

from perdure.benchmarks.contests.curves import crowded, grown
from perdure.benchmarks.contests.tasks import Axes, Task
from perdure.benchmarks.rows import Workload


def _axes(across: str, speed: str) -> tuple[Axes, ...]:
    return (
        Axes(across=across, up=speed, is_log=True, lines=("speed",)),
        Axes(across=across, up="MiB", is_log=True, lines=("memory",)),
    )


TASKS = (
    Task(
        name="w9-growth",
        title="calls per second in the largest store, against one of 10,000 events",
        unit="x",
        needs="hold",
        measure=grown,
        turns=1,
        axes=_axes("events in the store", "calls per second"),
        more={"memory": ("memory in the largest store, against one of 10,000 events", "x")},
        alone=True,
    ),
    Task(
        name="w9-instances",
        title="sequences per second beside the most instances that wait, against 10,000",
        unit="x",
        needs="wait sequence",
        measure=crowded,
        turns=1,
        axes=_axes("instances that wait", "sequences per second"),
        more={"memory": ("memory beside the most instances that wait, against 10,000", "x")},
        alone=True,
    ),
)
GROWTH = Workload(
    name="W9",
    title="growth of the store",
    does="calls to a store that grows to 100,000 events (--full: 10 million), and sequences "
    "beside as many instances that wait (--full: a million)",
    checks="each counter has as much as was added, each sequence gives 4",
    tasks=TASKS,
)
