"""What is a curve and not a number: latency by load, speed by size, recovery by backlog."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from perdure.benchmarks.bench import Bench, check
from perdure.benchmarks.contests.tasks import Outcome, Points, closed
from perdure.benchmarks.peers.contestant import Contestant, PeerError

PARTS = (25, 50, 75, 90)
"""Percent of the peak."""
KEYS = 100
MILLION = 1_000_000
SMALL = (10_000, 30_000, 100_000)
EVENTS = (10_000, 100_000, MILLION, 10 * MILLION)
INSTANCES = (10_000, 100_000, MILLION)
COUNTERS = 10_000
"""Each event is a turn of its own, as counters get theirs one after the other."""
PORTION = 100_000
"""What is added at once: an answer must not take minutes."""


def mixed(contestant: Contestant, bench: Bench) -> Outcome:
    """Percentiles of an open load at parts of what a closed one reaches."""
    peak_load = closed(contestant, bench, "mixed", keys=KEYS)
    peak = peak_load["count"] / peak_load["seconds"]
    lines: dict[str, list[tuple[float, float]]] = {"p50": [], "p99": [], "p99.9": []}
    for part in PARTS:
        done = contestant.ask(
            "open", what="mixed", rate=peak * part / 100, seconds=bench.load_seconds, keys=KEYS
        )
        calls = done["count"] - (done["count"] + 9) // 10
        check(f"{contestant.peer.name}: counters", done["found"], calls)
        for name, key in (("p50", "p50"), ("p99", "p99"), ("p99.9", "p999")):
            lines[name].append((part, done[key] / 1e3))
    frozen: dict[str, Points] = {name: tuple(points) for name, points in lines.items()}
    return Outcome(dict(frozen["p99"])[50], lines=frozen)


def grown(contestant: Contestant, bench: Bench) -> Outcome:
    """Calls per second and memory as the same counters get ever more events."""
    keys = bench.count(COUNTERS, least=10)

    def fill(count: int, first: int) -> None:
        contestant.ask("fill", count=count, keys=keys, first=first)

    def calls() -> dict[str, Any]:
        done = closed(contestant, bench, "call", keys=KEYS)
        check("counters", done["found"], done["count"])
        return done

    sizes = EVENTS if bench.full else SMALL
    return _growth(contestant, [bench.count(size, least=100) for size in sizes], fill, calls)


def crowded(contestant: Contestant, bench: Bench) -> Outcome:
    """Sequences per second and memory as orchestrations that wait become more."""

    def wait(count: int, first: int) -> None:
        contestant.ask("wait", count=count, first=first)

    def sequences() -> dict[str, Any]:
        done = closed(contestant, bench, "sequence")
        check("results", done["total"], 4 * done["count"])
        return done

    sizes = INSTANCES if bench.full else SMALL
    return _growth(contestant, [bench.count(size, least=10) for size in sizes], wait, sequences)


def _growth(
    contestant: Contestant,
    sizes: Sequence[int],
    add: Callable[[int, int], None],
    load: Callable[[], dict[str, Any]],
) -> Outcome:
    """The speed of a load at each size, each in a new process, and what that has in memory.

    A process that has just written so much keeps as many active as it may; a new one tells
    what the size of the store itself costs.
    """
    contestant.renew()
    speeds: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    there = 0
    for size in sizes:
        while there < size:
            more = min(PORTION, size - there)
            add(more, there)
            there += more
        contestant.restart()
        done = load()
        speeds.append((there, done["count"] / done["seconds"]))
        memory.append((there, contestant.resident_kib() / 1024))
    return Outcome(
        speeds[-1][1] / speeds[0][1],
        lines={"speed": tuple(speeds), "memory": tuple(memory)},
        more={"memory": memory[-1][1] / memory[0][1]},
    )


def recovered(contestant: Contestant, bench: Bench) -> Outcome:
    """Seconds from the start of a new process until all that was under way has ended.

    And until it answers something new, which stands in the same queue.
    """
    sizes = [1_000, 10_000, 100_000] if bench.full else [1_000, 3_000, 10_000]
    points: list[tuple[float, float]] = []
    firsts: list[tuple[float, float]] = []
    for whole in sizes:
        size = bench.count(whole, least=5)
        contestant.renew()
        contestant.ask("hold", count=size)
        contestant.kill()
        (contestant.folder / "gate").unlink()
        begun = time.monotonic()
        contestant.start()
        done = contestant.ask("closed", what="call", in_flight=1, seconds=0.0)
        check("a new counter", done["found"], 1)
        firsts.append((size, time.monotonic() - begun))
        ended, counting = contestant.ask("held", count=size)
        taken = time.monotonic() - begun - counting
        if ended < size:
            msg = f"{ended:,} of {size:,} have ended {taken:.0f} s after it"
            raise PeerError(msg)
        points.append((size, taken))
    each = [seconds / size for size, seconds in points]
    return Outcome(
        points[-1][1],
        lines={"until all have ended": tuple(points), "until a new call": tuple(firsts)},
        more={"first": firsts[-1][1], "linear": each[-1] / each[1]},
    )
