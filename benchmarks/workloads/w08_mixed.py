"""W8: mixed load, open loop."""

from __future__ import annotations

from perdure.benchmarks.contests.curves import mixed
from perdure.benchmarks.contests.tasks import Axes, Task
from perdure.benchmarks.measuring import latency
from perdure.benchmarks.rows import Row, Workload

ROWS = (
    Row(
        name="asleep-1",
        title="others' calls while 1 entity sleeps 1 s, p99",
        unit="ms",
        measure=latency.beside_sleeper,
        turns=3,
    ),
    Row(
        name="asleep-20",
        title="others' calls while 20 entities sleep 1 s, p99",
        unit="ms",
        measure=latency.beside_sleepers,
        turns=3,
    ),
    Row(
        name="computing",
        title="others' calls while 1 entity computes 1 s, p99 (switch interval 0.5 ms)",
        unit="ms",
        measure=latency.beside_computer,
        turns=3,
    ),
)
TASKS = (
    Task(
        name="w8-mixed",
        title="calls and sequences at half the peak, open loop, p99",
        unit="ms",
        needs="sequence call",
        measure=mixed,
        turns=3,
        axes=(Axes(across="percent of the peak", up="ms"),),
        alone=True,
    ),
)
MIXED = Workload(
    name="W8",
    title="mixed load, open loop",
    does="nine calls and a sequence, when they are due, at parts of the peak",
    checks="each counter has as much as was added",
    rows=ROWS,
    tasks=TASKS,
)
