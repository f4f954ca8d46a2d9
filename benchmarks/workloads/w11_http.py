"""W11: HTTP."""

from __future__ import annotations

from perdure.benchmarks.contests.tasks import Task, counted, timed
from perdure.benchmarks.measuring import http, lists
from perdure.benchmarks.rows import Row, Workload

ROWS = (
    Row(
        name="http-signals",
        title="signals over HTTP, 64 connections, durable",
        against="2,500/s, or 0.6 x an empty endpoint if that is lower",
        measure=http.signals,
        turns=3,
    ),
    Row(
        name="http-calls",
        title="calls over HTTP, 64 connections, durable",
        against="2,000/s, or 0.6 x an empty endpoint if that is lower",
        measure=http.calls,
        turns=3,
    ),
    Row(
        name="http-status",
        title="a GET of an entity's state, p50",
        unit="µs",
        measure=http.status,
        turns=3,
    ),
    Row(
        name="http-lists",
        title="the slowest of 26 lists, with 100,000 orchestrations and a million events",
        unit="ms",
        measure=lists.slowest,
        turns=1,
    ),
)
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
    rows=ROWS,
    tasks=TASKS,
)
