"""What is a curve and not a number: latency by load, speed by size, recovery by backlog."""

from __future__ import annotations

import time

from perdure.benchmarks.bench import Bench, check
from perdure.benchmarks.contests.tasks import Outcome, Points, closed
from perdure.benchmarks.peers.contestant import Contestant

PARTS = (25, 50, 75, 90)
"""Percent of the peak."""
KEYS = 100


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
    """Calls per second and memory as the store grows; a tenth of the events are counters."""
    sizes = (
        [10_000, 100_000, 1_000_000, 10_000_000] if bench.full else [10_000, 30_000, 100_000]
    )
    contestant.renew()
    calls: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    there = 0
    for whole in sizes:
        size = bench.count(whole, least=100)
        more = max(1, size - there)
        contestant.ask("fill", count=more, keys=max(1, size // 10))
        there += more
        done = closed(contestant, bench, "call", keys=KEYS)
        check("counters", done["found"], done["count"])
        calls.append((there, done["count"] / done["seconds"]))
        memory.append((there, contestant.resident_kib()))
    return Outcome(
        calls[-1][1] / calls[0][1],
        lines={"calls": tuple(calls)},
        more={"memory": memory[-1][1] / memory[0][1]},
    )


def recovered(contestant: Contestant, bench: Bench) -> Outcome:
    """Seconds from the start of a new process until all that was under way has ended."""
    sizes = [1_000, 10_000, 100_000] if bench.full else [1_000, 3_000, 10_000]
    points: list[tuple[float, float]] = []
    for whole in sizes:
        size = bench.count(whole, least=5)
        contestant.renew()
        contestant.ask("hold", count=size)
        contestant.kill()
        (contestant.folder / "gate").unlink()
        begun = time.monotonic()
        contestant.start()
        check("instances that ended", contestant.ask("held", count=size), size)
        points.append((size, time.monotonic() - begun))
    each = [seconds / size for size, seconds in points]
    return Outcome(
        points[-1][1],
        lines={"until all have ended": tuple(points)},
        more={"linear": each[-1] / each[0]},
    )
