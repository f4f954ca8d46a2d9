"""How long one thing takes: a call, a chain, an activation, a call beside sleepers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from perdure.benchmarks.bench import Applied, Bench, check, remove_store, seconds_of
from perdure.benchmarks.measuring.drivers import REPLY_SECONDS
from perdure.benchmarks.measuring.references import raw_commit_micros
from perdure.benchmarks.report.figures import Turn, percentile
from perdure.benchmarks.subjects.entities import Counter, Relay, Sleeper
from perdure.orchestration.client import EmbeddedClient

HOPS = 10
OLD = 10_000
YOUNG = 10
RUN_SWITCH_SECONDS = 0.0005
"""The switch interval of ``perdure run``."""


def _call_seconds(client: EmbeddedClient, key: str, count: int, first: int) -> list[float]:
    """How long each of *count* calls takes, after *first* ones that do not count."""
    counter = client.entity(Counter, key)
    taken = [
        seconds_of(lambda: counter.call(Counter.add, 1).get(REPLY_SECONDS))
        for _ in range(first + count)
    ]
    check("called", counter.call(Counter.total).get(REPLY_SECONDS), first + count)
    return taken[first:]


def single_call(bench: Bench) -> Turn:
    """A call with nothing else in flight, p50, against one raw commit of one row."""
    reference = raw_commit_micros(bench)
    with bench.client() as client:
        count = bench.count(1_000, least=20)
        taken = _call_seconds(client, "visits", count, bench.count(500))
    return Turn(percentile(taken, 50) * 1e6, reference)


def chain(bench: Bench) -> Turn:
    """Ten signals from entity to entity, until the last is durable, against one call; p50."""
    count = bench.count(500, least=10)
    with bench.client() as client:
        reference = percentile(_call_seconds(client, "visits", count, count), 50)
        applied = Applied(client.node)
        first = client.entity(Relay, "1")

        def whole_chain() -> None:
            wanted = applied.count + HOPS + 1
            first.signal(Relay.hand_on, HOPS + 1)
            applied.wait(wanted)

        taken = [seconds_of(whole_chain) for _ in range(count)]
        check("hops", applied.count, count * (HOPS + 1))
        applied.close()
    return Turn(percentile(taken, 50) * 1e6, reference * 1e6)


def activation(bench: Bench) -> Turn:
    """The first read of an entity with a long past after a restart, against a short; p50."""
    old = bench.count(OLD, least=100)
    entities = 16
    path = bench.new_path()
    with bench.client(path) as client, client.pipeline() as pipeline:
        for number in range(entities):
            for name, operations in (("old", old), ("young", YOUNG)):
                ref = pipeline.entity(Counter, f"{name}{number}")
                for _ in range(operations):
                    ref.signal(Counter.add, 1)
    medians: dict[str, float] = {}
    with bench.client(path) as client:
        client.entity(Counter, "somebody").call(Counter.total).get(REPLY_SECONDS)
        for name, operations in (("young", YOUNG), ("old", old)):
            taken: list[float] = []
            for number in range(entities):
                begun = time.perf_counter()
                total = client.entity(Counter, f"{name}{number}").call(Counter.total)
                found = total.get(REPLY_SECONDS)
                taken.append(time.perf_counter() - begun)
                check(f"{name}{number}", found, operations)
            medians[name] = percentile(taken, 50) * 1e6
    remove_store(path)
    return Turn(medians["old"], medians["young"])


def beside_sleeper(bench: Bench) -> Turn:
    """The p99 of other entities' calls while one entity sleeps for a second."""
    return _beside(bench, sleepers=1, work=Sleeper.sleep)


def beside_sleepers(bench: Bench) -> Turn:
    """The p99 of other entities' calls while 20 entities sleep for a second."""
    return _beside(bench, sleepers=20, work=Sleeper.sleep)


def beside_computer(bench: Bench) -> Turn:
    """The p99 of other entities' calls while one entity computes for a second."""
    with _switch_interval(RUN_SWITCH_SECONDS):
        return _beside(bench, sleepers=1, work=Sleeper.compute)


def _beside(bench: Bench, *, sleepers: int, work: Callable[[Sleeper, float], None]) -> Turn:
    seconds = max(0.1, min(1.0, 2 * bench.scale))
    with bench.client() as client:
        others = [client.entity(Counter, f"c{number}") for number in range(10)]
        for other in others:
            other.call(Counter.add, 1).get(REPLY_SECONDS)
        naps = [
            client.entity(Sleeper, str(number)).call(work, seconds)
            for number in range(sleepers)
        ]
        taken: list[float] = []
        while not all(nap.done for nap in naps):
            other = others[len(taken) % len(others)]
            taken.append(seconds_of(lambda: other.call(Counter.add, 1).get(REPLY_SECONDS)))  # noqa: B023
            time.sleep(0.001)
        for nap in naps:
            nap.get(REPLY_SECONDS)
        found = sum(other.call(Counter.total).get(REPLY_SECONDS) for other in others)
        check("called", found, len(others) + len(taken))
    return Turn(percentile(taken, 99) * 1e3)


@contextmanager
def _switch_interval(seconds: float) -> Generator[None]:
    """Have threads of this process take turns more often, as ``perdure run`` does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
