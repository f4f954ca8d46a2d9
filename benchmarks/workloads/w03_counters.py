"""W3: signals and calls to counters."""

from __future__ import annotations

from perdure.benchmarks.contests.tasks import Task, counted, spread, timed
from perdure.benchmarks.measuring import latency, throughput
from perdure.benchmarks.rows import ASK, TELL, Row, Workload

ROWS = (
    Row(
        name="signals",
        title="signals to 100 entities in a pipeline, durable and applied",
        against=TELL,
        measure=throughput.signals,
    ),
    Row(
        name="signals-many",
        title="signals to 100,000 distinct entities, one each",
        against=TELL,
        measure=throughput.signals_to_many,
        turns=3,
    ),
    Row(
        name="signals-rows",
        title="signals to 100 entities in a pipeline",
        against="SQLite rows, commits of 100",
        measure=throughput.signals_as_rows,
    ),
    Row(
        name="calls",
        title="calls of one entity, one thread, window 64",
        against=ASK,
        measure=throughput.calls,
    ),
    Row(
        name="calls-many",
        title="calls of 64 entities, one thread, window 64",
        against=ASK,
        measure=throughput.calls_to_many,
    ),
    Row(
        name="calls-threads",
        title="calls, 64 threads each waiting",
        against="pykka ask, 64 threads",
        measure=throughput.calls_from_threads,
    ),
    Row(
        name="calls-readonly",
        title="readonly calls, one thread, window 64",
        against=ASK,
        measure=throughput.readonly_calls,
    ),
    Row(
        name="call",
        title="a call, one in flight, p50",
        against="SQLite commit of one row",
        unit="µs",
        measure=latency.single_call,
    ),
    Row(
        name="chain",
        title="10 signals from entity to entity until the last is durable, p50",
        against="one call",
        unit="µs",
        measure=latency.chain,
    ),
)
TASKS = (
    Task(
        name="w3-signals",
        title="signals to 100 counters, until all are applied",
        needs="signal total",
        measure=counted("signal", keys=100),
    ),
    Task(
        name="w3-signals-many",
        title="signals to up to 100,000 counters, until all are applied",
        needs="signal total",
        measure=spread,
        turns=3,
    ),
    Task(
        name="w3-calls",
        title="calls of 100 counters, 64 in flight",
        needs="call",
        measure=counted("call", keys=100),
    ),
    Task(
        name="w3-call",
        title="a call of a counter, one in flight, p50",
        unit="µs",
        needs="call",
        measure=timed("call"),
    ),
)
COUNTERS = Workload(
    name="W3",
    title="signals and calls to counters",
    does="additions to counters, sent (signals) or answered (calls)",
    checks="each counter has as much as was added",
    rows=ROWS,
    tasks=TASKS,
)
