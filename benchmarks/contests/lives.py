"""What is about a whole process: starting it, what it reads first, what it has in memory."""

from __future__ import annotations

import time

from perdure.benchmarks.bench import Bench, check
from perdure.benchmarks.contests.tasks import Outcome
from perdure.benchmarks.peers.catalog import OURS
from perdure.benchmarks.peers.contestant import Contestant

PAST = 10_000
COMPARED = 10_000
PORTION = 100_000
OLD = 1
"""Counters with a long past; slow systems make each operation one by one, for a minute."""


def activated(contestant: Contestant, bench: Bench) -> Outcome:
    """A counter with 10,000 operations, read for the first time after a restart."""
    past = bench.count(PAST, least=20)
    contestant.renew()
    contestant.ask("fill", count=past * OLD, keys=OLD)
    contestant.restart()
    read = contestant.ask("read", keys=[f"c{number}" for number in range(OLD)])
    check(f"{contestant.peer.name}: counters", read["found"], [past] * OLD)
    return Outcome(read["p50"])


def resident(contestant: Contestant, bench: Bench) -> Outcome:
    """Memory after a restart over many counters, of which ten are read.

    What is compared is the size that every system is asked for; perdure goes on from there.
    """
    more = [100_000, 1_000_000] if bench.full and contestant.peer.name == OURS else []
    sizes = [1_000, COMPARED, *more]
    points: list[tuple[float, float]] = []
    for whole in sizes:
        size = bench.count(whole, least=10)
        contestant.renew()
        for first in range(0, size, PORTION):
            contestant.ask("fill", count=min(PORTION, size - first), keys=size, first=first)
        contestant.restart()
        keys = [f"c{number}" for number in range(0, size, max(1, size // 10))]
        read = contestant.ask("read", keys=keys)
        check(f"{contestant.peer.name}: counters", set(read["found"]), {1})
        points.append((size, contestant.resident_kib()))
    return Outcome(points[1][1], lines={"memory": tuple(points)})


def started(contestant: Contestant, bench: Bench) -> Outcome:
    """From an empty folder to the first result: server, tables, worker and work."""
    del bench
    contestant.renew()
    return Outcome(_first(contestant))


def started_again(contestant: Contestant, bench: Bench) -> Outcome:
    """The same with the files of an earlier start."""
    del bench
    contestant.start()  # unless it runs, and has files, from the turn before
    contestant.close()
    return Outcome(_first(contestant))


def _first(contestant: Contestant) -> float:
    begun = time.monotonic()
    contestant.start()
    if not contestant.lacks("sequence"):
        done = contestant.ask("closed", what="sequence", in_flight=1, seconds=0.0)
        check(f"{contestant.peer.name}: the first result", done["total"], 4)
    else:
        done = contestant.ask("closed", what="call", in_flight=1, seconds=0.0)
        check(f"{contestant.peer.name}: the first result", done["found"], 1)
    return time.monotonic() - begun
