"""W10: recovery after kill -9."""

from __future__ import annotations

from perdure.benchmarks.contests.curves import recovered
from perdure.benchmarks.contests.tasks import Axes, Task
from perdure.benchmarks.rows import Workload

TASKS = (
    Task(
        name="w10-recovery",
        title="kill -9 to the end of 10,000 instances that were under way (--full: 100,000)",
        unit="s",
        needs="hold",
        measure=recovered,
        turns=1,
        axes=(Axes(across="instances under way", up="seconds", is_log=True),),
        more={
            "first": ("kill -9 to the first new call's answer, beside as many", "s"),
            "linear": ("seconds for each instance, the most against the size before it", "x"),
        },
        alone=True,
    ),
)
RECOVERY = Workload(
    name="W10",
    title="recovery after kill -9",
    does="orchestrations killed amid an activity: a new start until all have ended",
    checks="all of them end, once",
    tasks=TASKS,
)
