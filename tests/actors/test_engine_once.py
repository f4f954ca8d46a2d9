"""Messages that can be found in the store and come through memory too are applied once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from perdure.actors.messages import to_row
from perdure.actors.pending import Record
from perdure.orchestration.simulation import Simulation, simulate
from perdure.storage.records import Batch, QuarantineRow
from tests.actors.engine import Counter, app


def value(world: Simulation, key: str) -> int:
    """The committed count of one entity."""
    snapshot = world.client.entity(Counter, key).get()
    assert snapshot is not None
    return snapshot.state.value


def test_a_scheduled_signal_found_before_its_commit_is_reported_is_applied_once() -> None:
    with simulate(app) as world:
        runtime = world.runtime
        partition = world.client.node.partition

        def schedule(seconds: float) -> None:
            ref = world.client.entity(Counter, "a").options(at=timedelta(seconds=seconds))
            ref.signal(Counter.add, 1)

        def commit(batch: Batch, done: Callable[[BaseException | None], None]) -> None:
            def write() -> None:
                world.client.node.store.commit(batch)
                runtime.clock.micros += 2_000_000  # the committer's thread has to wait
                partition.work()
                done(None)

            runtime.task("slow commit", write)

        world.client.entity(Counter, "a").signal(Counter.add, 1)
        schedule(1.0)  # because of it the store is looked through
        usual, runtime.commit = runtime.commit, commit  # type: ignore[method-assign]
        schedule(1.5)
        runtime.commit = usual  # type: ignore[method-assign]
        world.advance(seconds=10)

        assert value(world, "a") == 3


def test_a_redriven_message_that_an_activation_found_is_applied_once() -> None:
    with simulate(app) as world:
        client = world.client
        partition = client.node.partition
        message, _ = client.entity(Counter, "a")._message(Counter.add, (1,), {})
        message.id = 5
        row = to_row(message)
        aside = QuarantineRow(row.id, row.stream, row.body, 0, "a test", partition.now)
        partition.post(lambda: partition.add(Record(partition.now, quarantined=[aside])))
        world.settle()
        maintain = client.node.maintain

        def interrupted(work: Any) -> Any:
            stream = maintain(work)
            client.entity(Counter, "a").call(Counter.add, 100)  # from another thread
            partition.work()
            return stream

        client.node.maintain = interrupted  # type: ignore[method-assign]
        assert client.redrive(5)
        partition.work()  # before the turn is durable
        world.advance(seconds=5)

        assert value(world, "a") == 101
