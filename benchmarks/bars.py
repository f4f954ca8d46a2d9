"""What each figure must reach, in one place: rows by their names, peers by ``task/peer``.

Without ``at_most`` a figure is a ratio of speeds, or a speed; with it, one of times, or a
measurement. ``aim`` is the value to be proud of.
"""

from __future__ import annotations

from perdure.benchmarks.report.figures import Bar

BARS: dict[str, Bar] = {
    # rows: perdure beside a reference, in one process
    "signals": Bar(limit=0.25, aim=0.5),
    "signals-many": Bar(limit=0.05),
    "calls": Bar(limit=0.35, aim=0.6),
    "calls-threads": Bar(limit=0.7, aim=1.0),
    "calls-readonly": Bar(limit=0.7),
    "call": Bar(limit=2.5, at_most=True, aim=1.5),
    "chain": Bar(limit=2.0, at_most=True),
    "activation": Bar(limit=3.0, at_most=True),
    "sequences": Bar(limit=0.015, aim=0.03),
    "sequence": Bar(limit=8.0, at_most=True, aim=5.0),
    "fan-out": Bar(limit=0.06, aim=0.12),
    "transfers": Bar(limit=0.012, aim=0.03),
    "waiting-starts": Bar(limit=5_000.0),
    "waiting-memory": Bar(limit=4_096.0, at_most=True),
    "waiting-restart": Bar(limit=1.5, at_most=True),
    "past-activation": Bar(limit=1.0, at_most=True),
    "past-turn": Bar(limit=1.5, at_most=True),
    "asleep-1": Bar(limit=50.0, at_most=True),
    "asleep-20": Bar(limit=50.0, at_most=True),
    "computing": Bar(limit=100.0, at_most=True),
    "memory-active": Bar(limit=6.0, at_most=True),
    "memory-passive": Bar(limit=4_096.0, at_most=True),
    "import": Bar(limit=0.15, at_most=True),
    "first-call": Bar(limit=0.4, at_most=True),
    "http-signals": Bar(limit=1.0),
    "http-calls": Bar(limit=1.0),
    "http-status": Bar(limit=2_000.0, at_most=True),
    "http-lists": Bar(limit=300.0, at_most=True),
    "crash-everywhere": Bar(limit=2.0, at_most=True),
    "replay": Bar(limit=5.0, at_most=True),
    "lint": Bar(limit=2.0, at_most=True),
    "tracing": Bar(limit=1.25, at_most=True),
    # tasks: perdure beside the systems that a user would pick instead
    "w1-sequences/restate": Bar(limit=8),
    "w1-sequences/dbos": Bar(limit=30),
    "w1-sequences/durabletask": Bar(limit=30),
    "w2-fan-out/restate": Bar(limit=8),
    "w3-signals/restate": Bar(limit=80),
    "w3-calls/restate": Bar(limit=20),
    "w3-calls/eventsourcing": Bar(limit=6),
    "w3-call/eventsourcing": Bar(limit=1, at_most=True),
    "w4-transfers/restate": Bar(limit=8),
    "w4-transfers/eventsourcing": Bar(limit=1),
    "w7-start/dbos": Bar(limit=1, at_most=True),
    # tasks: perdure alone
    "w9-growth": Bar(limit=0.8),
    "w9-growth-memory": Bar(limit=1.5, at_most=True),
    "w9-instances": Bar(limit=0.8),
    "w9-instances-memory": Bar(limit=1.5, at_most=True),
    "w10-recovery": Bar(limit=10, at_most=True),
    "w10-recovery-linear": Bar(limit=1.5, at_most=True),
}
