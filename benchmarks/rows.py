"""The rows of the table: what is measured, against what, and the bar for it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from perdure.benchmarks import footprint, http, latency, orchestrations, throughput, waiting
from perdure.benchmarks.bench import Bench
from perdure.benchmarks.figures import Bar, Turn

TELL = "pykka tell"
ASK = "pykka ask, window 64"


@attrs.frozen(kw_only=True)
class Row:
    """One benchmark.

    Attributes:
        name: for ``--only``.
        title: what is measured, in a few words.
        against: what the figure is a ratio to; empty when it is no ratio.
        unit: of what is measured.
        bar: what to reach; ``None`` when it is only shown.
        measure: takes one turn.
        turns: at most so many, for what takes long.
    """

    name: str
    title: str
    against: str = ""
    unit: str = "/s"
    bar: Bar | None
    measure: Callable[[Bench], Turn]
    turns: int = 1_000


ROWS = (
    Row(
        name="signals",
        title="signals to 100 entities in a pipeline, durable and applied",
        against=TELL,
        bar=Bar(limit=0.25, aim=0.5),
        measure=throughput.signals,
    ),
    Row(
        name="signals-many",
        title="signals to 100,000 distinct entities, one each",
        against=TELL,
        bar=Bar(limit=0.05),
        measure=throughput.signals_to_many,
        turns=3,
    ),
    Row(
        name="signals-rows",
        title="signals to 100 entities in a pipeline",
        against="SQLite rows, commits of 100",
        bar=None,
        measure=throughput.signals_as_rows,
    ),
    Row(
        name="calls",
        title="calls of one entity, one thread, window 64",
        against=ASK,
        bar=Bar(limit=0.35, aim=0.6),
        measure=throughput.calls,
    ),
    Row(
        name="calls-many",
        title="calls of 64 entities, one thread, window 64",
        against=ASK,
        bar=None,
        measure=throughput.calls_to_many,
    ),
    Row(
        name="calls-threads",
        title="calls, 64 threads each waiting",
        against="pykka ask, 64 threads",
        bar=Bar(limit=0.7, aim=1.0),
        measure=throughput.calls_from_threads,
    ),
    Row(
        name="calls-readonly",
        title="readonly calls, one thread, window 64",
        against=ASK,
        bar=Bar(limit=0.7),
        measure=throughput.readonly_calls,
    ),
    Row(
        name="call",
        title="a call, one in flight, p50",
        against="SQLite commit of one row",
        unit="µs",
        bar=Bar(limit=2.5, at_most=True, aim=1.5),
        measure=latency.single_call,
    ),
    Row(
        name="chain",
        title="10 signals from entity to entity until the last is durable, p50",
        against="one call",
        unit="µs",
        bar=Bar(limit=2.0, at_most=True),
        measure=latency.chain,
    ),
    Row(
        name="activation",
        title="activation after restart, 10,000 past operations, p50",
        against="10 past operations",
        unit="µs",
        bar=Bar(limit=3.0, at_most=True),
        measure=latency.activation,
        turns=3,
    ),
    Row(
        name="sequences",
        title="orchestrations of 3 no-op activities, 64 in flight",
        against=TELL,
        bar=Bar(limit=0.015, aim=0.03),
        measure=orchestrations.sequences,
    ),
    Row(
        name="sequence",
        title="an orchestration of 3 no-op activities, one in flight, p50",
        against="SQLite commit of one row",
        unit="µs",
        bar=Bar(limit=8.0, at_most=True, aim=5.0),
        measure=orchestrations.single_sequence,
    ),
    Row(
        name="fan-out",
        title="activities, 1,000 at once and waited for",
        against=TELL,
        bar=Bar(limit=0.06, aim=0.12),
        measure=orchestrations.fan_outs,
    ),
    Row(
        name="transfers",
        title="transfers between 2 of 1,000 accounts under locks, 64 in flight",
        against=TELL,
        bar=Bar(limit=0.012, aim=0.03),
        measure=orchestrations.transfers,
    ),
    Row(
        name="waiting-starts",
        title="starts of 100,000 orchestrations that wait for an event",
        bar=Bar(limit=5_000.0),
        measure=waiting.starting,
        turns=1,
    ),
    Row(
        name="waiting-memory",
        title="memory for 100,000 of them, passive, all together",
        unit="KiB",
        bar=Bar(limit=4_096.0, at_most=True),
        measure=waiting.memory,
        turns=1,
    ),
    Row(
        name="waiting-restart",
        title="process start to the first new result beside 100,000 of them, p50",
        against="an empty store",
        unit="s",
        bar=Bar(limit=1.5, at_most=True),
        measure=waiting.restart,
        turns=1,
    ),
    Row(
        name="past-activation",
        title="activation of an orchestration with a history of 10,000 events",
        unit="s",
        bar=Bar(limit=1.0, at_most=True),
        measure=waiting.long_activation,
        turns=3,
    ),
    Row(
        name="past-turn",
        title="an event of an active one with a history of 10,000 events, p50",
        against="one of 10 events",
        unit="µs",
        bar=Bar(limit=1.5, at_most=True),
        measure=waiting.long_turns,
        turns=3,
    ),
    Row(
        name="asleep-1",
        title="others' calls while 1 entity sleeps 1 s, p99",
        unit="ms",
        bar=Bar(limit=50.0, at_most=True),
        measure=latency.beside_sleeper,
        turns=3,
    ),
    Row(
        name="asleep-20",
        title="others' calls while 20 entities sleep 1 s, p99",
        unit="ms",
        bar=Bar(limit=50.0, at_most=True),
        measure=latency.beside_sleepers,
        turns=3,
    ),
    Row(
        name="computing",
        title="others' calls while 1 entity computes 1 s, p99 (switch interval 0.5 ms)",
        unit="ms",
        bar=Bar(limit=100.0, at_most=True),
        measure=latency.beside_computer,
        turns=3,
    ),
    Row(
        name="http-signals",
        title="signals over HTTP, 64 connections, durable",
        against="2,500/s, or 0.6 x an empty endpoint if that is lower",
        bar=Bar(limit=1.0),
        measure=http.signals,
        turns=3,
    ),
    Row(
        name="http-calls",
        title="calls over HTTP, 64 connections, durable",
        against="2,000/s, or 0.6 x an empty endpoint if that is lower",
        bar=Bar(limit=1.0),
        measure=http.calls,
        turns=3,
    ),
    Row(
        name="http-status",
        title="a GET of an entity's state, p50",
        unit="µs",
        bar=Bar(limit=2_000.0, at_most=True),
        measure=http.status,
        turns=3,
    ),
    Row(
        name="memory-active",
        title="memory of an active entity (100,000 of them)",
        unit="KiB",
        bar=Bar(limit=6.0, at_most=True),
        measure=footprint.active_memory,
        turns=1,
    ),
    Row(
        name="memory-passive",
        title="memory for 100,000 passive entities, all together (--full: 1,000,000)",
        unit="KiB",
        bar=Bar(limit=4_096.0, at_most=True),
        measure=footprint.passive_memory,
        turns=1,
    ),
    Row(
        name="import",
        title="import perdure",
        unit="s",
        bar=Bar(limit=0.15, at_most=True),
        measure=footprint.import_time,
    ),
    Row(
        name="first-call",
        title="process start to first durable call",
        unit="s",
        bar=Bar(limit=0.4, at_most=True),
        measure=footprint.first_call,
    ),
)
