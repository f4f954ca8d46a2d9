"""Tasks: what every system can be asked to do, how it is measured, and how it is checked."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from perdure.benchmarks.bench import Bench, check
from perdure.benchmarks.peers.contestant import Contestant

IN_FLIGHT = 64
ACCOUNTS = 1_000
FAN = 1_000
WARM_FAN = 50
"""Activities before: a whole fan-out takes some systems half a minute."""
Points = tuple[tuple[float, float], ...]


@attrs.frozen
class Outcome:
    """What one turn of a task yields.

    Attributes:
        value: in the task's unit.
        lines: for a curve: points by the name of their line.
        more: other values of the same turn, by the names in ``Task.more``.
    """

    value: float
    lines: Mapping[str, Points] = attrs.Factory(dict[str, Points])
    more: Mapping[str, float] = attrs.Factory(dict[str, float])


@attrs.frozen
class Axes:
    """What a curve shows: of all lines of an outcome, or of those that are named."""

    across: str
    up: str
    is_log: bool = False
    lines: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Task:
    """One thing to do and to measure, the same for all systems.

    Attributes:
        name: for ``--only``, bars and comparisons.
        title: what is measured.
        unit: of the value; ``/s`` is better when larger, all others when smaller.
        needs: the operations that a driver must have, with spaces between them.
        measure: takes one turn of one system.
        turns: at most so many.
        axes: of its curves, if it has any.
        more: titles and units of further values.
        alone: whether perdure does it when no other system was asked for.
    """

    name: str
    title: str
    unit: str = "/s"
    needs: str
    measure: Callable[[Contestant, Bench], Outcome]
    turns: int = 1_000
    axes: tuple[Axes, ...] = ()
    more: Mapping[str, tuple[str, str]] = attrs.Factory(dict[str, tuple[str, str]])
    alone: bool = False


def closed(contestant: Contestant, bench: Bench, what: str, **arguments: Any) -> dict[str, Any]:
    """A load of some seconds after a warm-up; its correctness is checked by the caller."""
    in_flight = arguments.pop("in_flight", IN_FLIGHT)
    seconds = bench.load_seconds
    request = {"what": what, "in_flight": in_flight, **arguments}
    contestant.ask("closed", **request, seconds=seconds / 4)
    return dict(contestant.ask("closed", **request, seconds=seconds))


def summed(what: str, each: int, **arguments: Any) -> Any:
    """A measure of operations that each give *each*."""

    def measure(contestant: Contestant, bench: Bench) -> Outcome:
        done = closed(contestant, bench, what, **arguments)
        check(f"{contestant.peer.name}: results of {what}", done["total"], each * done["count"])
        return Outcome(done["count"] / done["seconds"])

    return measure


def counted(what: str, **arguments: Any) -> Any:
    """A measure of additions to counters, which are read afterwards."""

    def measure(contestant: Contestant, bench: Bench) -> Outcome:
        done = closed(contestant, bench, what, **arguments)
        check(f"{contestant.peer.name}: counters", done["found"], done["count"])
        return Outcome(done["count"] / done["seconds"])

    return measure


def timed(what: str, percentile: str = "p50", **arguments: Any) -> Any:
    """A measure of how long additions take with one in flight."""

    def measure(contestant: Contestant, bench: Bench) -> Outcome:
        done = closed(contestant, bench, what, in_flight=1, **arguments)
        check(f"{contestant.peer.name}: counters", done["found"], done["count"])
        return Outcome(done[percentile])

    return measure


_series = itertools.count()


def transferred(contestant: Contestant, bench: Bench) -> Outcome:
    """Moves of 1 between two of 1,000 accounts: each balance must be right afterwards."""
    draw, series = random.Random(7), next(_series)
    accounts = [f"a{series}-{number}" for number in range(bench.count(ACCOUNTS, least=8))]
    warm, pairs = ([draw.sample(accounts, 2) for _ in range(5_000)] for _ in range(2))
    request = {"what": "transfer", "in_flight": IN_FLIGHT}
    warm = [[f"w{giver}", f"w{taker}"] for giver, taker in warm]
    contestant.ask("closed", **request, pairs=warm, seconds=bench.load_seconds / 4)
    done = contestant.ask("closed", **request, pairs=pairs, seconds=bench.load_seconds)
    wanted = balances(pairs, done["count"])
    check(f"{contestant.peer.name}: balances", done["found"], wanted)
    check(f"{contestant.peer.name}: money", sum(done["found"].values()), 0)
    return Outcome(done["count"] / done["seconds"])


def balances(pairs: Sequence[Sequence[str]], count: int) -> dict[str, int]:
    """What *count* moves, which go through the *pairs* again and again, leave."""
    found: dict[str, int] = {}
    for giver, taker in itertools.islice(itertools.cycle(pairs), count):
        found[giver] = found.get(giver, 0) - 1
        found[taker] = found.get(taker, 0) + 1
    return found


def fanned(contestant: Contestant, bench: Bench) -> Outcome:
    """Orchestrations of 1,000 activities at once, one after the other."""
    width = bench.count(FAN, least=10)
    contestant.ask("closed", what="fan_out", in_flight=1, seconds=0.0, width=WARM_FAN)
    each = width * (width + 1) // 2
    seconds = bench.load_seconds
    done = contestant.ask("closed", what="fan_out", in_flight=1, seconds=seconds, width=width)
    check(f"{contestant.peer.name}: results of fan_out", done["total"], each * done["count"])
    return Outcome(width * done["count"] / done["seconds"])


def spread(contestant: Contestant, bench: Bench) -> Outcome:
    """Signals to 100,000 counters in turn, as far as the time allows."""
    outcome: Outcome = counted("signal", keys=bench.count(100_000))(contestant, bench)
    return outcome
