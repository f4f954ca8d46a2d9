"""W11: HTTP."""

from __future__ import annotations

from perdure.benchmarks.rows import Workload
from perdure.benchmarks.tasks import Task, counted, timed

TASKS = (
    Task(
        name="w11-calls",
        title="calls of 100 counters through HTTP, 64 in flight",
        needs="http_call",
        measure=counted("http_call", keys=100),
    ),
    Task(
        name="w11-call",
        title="a call of a counter through HTTP, one in flight, p50",
        unit="µs",
        needs="http_call",
        measure=timed("http_call"),
    ),
)
HTTP = Workload(
    name="W11",
    title="HTTP",
    does="additions through HTTP, each answered; perdure's by `perdure serve`",
    checks="each counter has as much as was added",
    tasks=TASKS,
)
