"""The hot path in pieces: ``pytest benchmarks/micro --benchmark-only``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from perdure.actors.codec import codec_for
from perdure.benchmarks.bench import Applied
from perdure.benchmarks.subjects.entities import Counter, bench_app
from perdure.benchmarks.subjects.orchestrators import long_past, sequence
from perdure.orchestration.client import EmbeddedClient
from perdure.testing import assert_replays

Judge = Callable[[float], None]
ORDER = {"sku": "tea", "amount": 3, "notes": ["green", "loose"], "paid": True}


def measured(benchmark: BenchmarkFixture, judged: Judge, work: Callable[[], Any]) -> Any:
    """Run a piece many times and judge its fastest round, which others disturb least."""
    plain: Any = benchmark  # its methods are not annotated
    result = plain.pedantic(work, rounds=60, iterations=1, warmup_rounds=10)
    judged(plain.stats.stats.min)
    return result


@pytest.fixture
def client() -> Iterator[EmbeddedClient]:
    with bench_app().open(":memory:") as client:
        yield client


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[EmbeddedClient]:
    with bench_app().open(str(tmp_path / "micro.db")) as client:
        yield client


def test_codec(benchmark: BenchmarkFixture, judged: Judge) -> None:
    """A small document is written and read a hundred times."""
    codec = codec_for(dict[str, Any], "order")

    def work() -> Any:
        for _ in range(99):
            codec.decode(codec.encode(ORDER))
        return codec.decode(codec.encode(ORDER))

    assert measured(benchmark, judged, work) == ORDER


def test_mailbox(benchmark: BenchmarkFixture, judged: Judge, client: EmbeddedClient) -> None:
    """A hundred signals are taken in, in memory."""
    counter = client.entity(Counter, "visits")

    def work() -> None:
        with client.pipeline() as pipeline:
            ref = pipeline.entity(Counter, "visits")
            for _ in range(100):
                ref.signal(Counter.add, 1)

    measured(benchmark, judged, work)
    assert counter.call(Counter.total).get(10) == 70 * 100


def test_turn(benchmark: BenchmarkFixture, judged: Judge, client: EmbeddedClient) -> None:
    """A hundred calls of one entity, in memory, all in flight."""
    counter = client.entity(Counter, "visits")

    def work() -> Any:
        replies = [counter.call(Counter.add, 1) for _ in range(100)]
        return [reply.get(10) for reply in replies][-1]

    assert measured(benchmark, judged, work) == 70 * 100


def test_append(benchmark: BenchmarkFixture, judged: Judge, on_disk: EmbeddedClient) -> None:
    """A hundred signals to as many entities are committed on the disk and applied."""
    applied = Applied(on_disk.node)

    def work() -> None:
        wanted = applied.count + 100
        with on_disk.pipeline() as pipeline:
            for number in range(100):
                pipeline.entity(Counter, f"c{number}").signal(Counter.add, 1)
        applied.wait(wanted)

    measured(benchmark, judged, work)
    assert applied.count == 70 * 100
    applied.close()


def test_orchestration(
    benchmark: BenchmarkFixture, judged: Judge, client: EmbeddedClient
) -> None:
    """Ten sequences of three activities, in memory."""

    def work() -> list[int]:
        started = [client.start(sequence, 1) for _ in range(10)]
        return [ref.result(10) for ref in started]

    assert measured(benchmark, judged, work) == [4] * 10


def test_replay_step(
    benchmark: BenchmarkFixture, judged: Judge, client: EmbeddedClient, tmp_path: Path
) -> None:
    """A history of 400 events is replayed."""
    ref = client.start(long_past, 200, instance_id="old")
    ref.raise_event("more", data=False)
    assert ref.result(30) == 200
    path = tmp_path / "old.json"
    path.write_bytes(ref.export_history())
    app = bench_app()

    assert measured(benchmark, judged, lambda: assert_replays(app, path)) == 1
