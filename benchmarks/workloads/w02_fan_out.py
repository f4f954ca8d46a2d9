"""W2: a fan-out of 1,000."""

from __future__ import annotations

from perdure.benchmarks.contests.tasks import Task, fanned
from perdure.benchmarks.measuring import orchestrations
from perdure.benchmarks.rows import TELL, Row, Workload

ROWS = (
    Row(
        name="fan-out",
        title="activities, 1,000 at once and waited for",
        against=TELL,
        measure=orchestrations.fan_outs,
    ),
)
TASKS = (
    Task(
        name="w2-fan-out",
        title="activities, 1,000 at once and waited for",
        needs="fan_out",
        measure=fanned,
    ),
)
FAN_OUT = Workload(
    name="W2",
    title="a fan-out of 1,000",
    does="orchestrations that wait for 1,000 activities at once",
    checks="the sum of what they give",
    rows=ROWS,
    tasks=TASKS,
)
