"""Ids of entities, and what a client reads of them: snapshots, queues, and lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

import perdure
from perdure.testing import simulate

app = perdure.App("reading")
HOUR = timedelta(hours=1)


@app.entity
class Item(perdure.Entity):
    count: int = 0

    def add(self, amount: int) -> int:
        self.count += amount
        return self.count

    def ask_other(self) -> None:
        self.context.entity(Item, "b").call(Item.add, 1)

    def remind(self) -> None:
        me = self.context.entity(Item, self.context.id.key)
        me.options(at=HOUR).signal(Item.add, 1)

    def pass_on(self, key: str) -> None:
        self.context.entity(Item, key).signal(Item.add, 5)


@app.orchestrator
async def asking(ctx: perdure.OrchestrationContext) -> int:
    ctx.entity(Item, "o").signal(Item.add, 2)
    ctx.entity(Item, "o").options(at=HOUR).signal(Item.add, 10)
    return await ctx.entity(Item, "o").call(Item.add, 3)


@app.orchestrator
async def holding(ctx: perdure.OrchestrationContext) -> None:
    async with ctx.lock_entities(ctx.entity(Item, "a")):
        await ctx.wait_for_external_event("go")


def test_an_id_is_a_kind_in_lower_case_and_a_key_as_it_is() -> None:
    entity_id = perdure.EntityId("Item", "Key")

    assert (entity_id.kind, entity_id.key, str(entity_id)) == ("item", "Key", "@item@Key")
    assert perdure.EntityId.parse("@ITEM@a@b") == perdure.EntityId("item", "a@b")


def test_keys_are_compared_byte_for_byte() -> None:
    with simulate(app) as world:
        for key in ("é", "e\u0301", "E", "e"):
            world.client.entity(Item, key).call(Item.add, 1).get(1)

        found = [item.id.key for item in world.client.entities(Item).items]

    assert found == sorted(["é", "e\u0301", "E", "e"], key=str.encode)


@pytest.mark.parametrize("key", ["", "x" * 257, "a\nb", "\ud800", 5])
def test_a_key_that_breaks_the_rules_is_refused(key: str) -> None:
    with simulate(app) as world, pytest.raises(perdure.InvalidIdError):
        world.client.entity(Item, key)


def test_clients_orchestrations_and_entities_signal_and_the_first_two_call() -> None:
    with simulate(app) as world:
        assert world.client.start(asking).result(1) == 5
        world.client.entity(Item, "o").signal(Item.add, 1)
        world.client.entity(Item, "p").signal(Item.pass_on, "o")
        assert world.client.entity(Item, "o").call(Item.add, 0).get(1) == 11
        with pytest.raises(perdure.OperationFailedError, match="send a signal instead"):
            world.client.entity(Item, "a").call(Item.ask_other).get(1)


def test_a_signal_may_be_for_later_from_everybody() -> None:
    with simulate(app) as world:
        world.client.start(asking).result(1)
        world.client.entity(Item, "o").options(at=HOUR).signal(Item.add, 100)
        world.client.entity(Item, "o").signal(Item.remind)
        world.advance(minutes=59)
        assert world.client.entity(Item, "o").call(Item.add, 0).get(1) == 5
        world.advance(minutes=1)
        assert world.client.entity(Item, "o").call(Item.add, 0).get(1) == 116


def test_a_snapshot_tells_version_time_holder_and_how_many_wait() -> None:
    with simulate(app) as world:
        ref = world.client.entity(Item, "a")
        ref.call(Item.add, 7).get(1)
        before = ref.get()
        assert before is not None
        assert (before.modified, before.queue_length, before.locked_by) == (world.now, 0, None)
        world.client.start(holding, instance_id="h")
        world.settle()
        for _ in range(3):
            ref.signal(Item.add, 1)
        world.settle()
        snapshot = ref.get()

        assert snapshot is not None
        assert (snapshot.state.count, snapshot.version) == (7, 1)
        assert (snapshot.queue_length, snapshot.locked_by) == (3, "h")
        assert world.client.entity(Item, "none").get() is None


def test_entities_are_found_by_kind_prefix_and_time() -> None:
    with simulate(app) as world:
        times: dict[str, datetime] = {}
        for key in ("a1", "a2", "b1"):
            world.client.entity(Item, key).call(Item.add, 1).get(1)
            times[key] = world.now
            world.advance(HOUR)

        def keys(**filters: Any) -> list[str]:
            page = world.client.entities(Item, **filters)
            return [item.id.key for item in page.items]

        assert keys(prefix="a") == ["a1", "a2"]
        assert keys(modified_from=times["a2"]) == ["a2", "b1"]
        assert keys(modified_to=times["a2"]) == ["a1", "a2"]
        assert keys(modified_from=times["a2"], modified_to=times["a2"]) == ["a2"]
        with pytest.raises(perdure.InvalidInputError):
            keys(modified_from="now")
        with pytest.raises(perdure.InvalidInputError):
            keys(limit=1.5)


def test_an_entity_without_state_mail_and_lock_leaves_no_row() -> None:
    with simulate(app) as world:
        ref = world.client.entity(Item, "a")
        ref.call(Item.add, 1).get(1)
        ref.signal("delete")
        world.settle()

        assert ref.get() is None
        assert world.client.entities().items == []
        assert world.client.node.store.waiting() == 0
        assert [event.kind for event in ref.history()] == ["changed", "deleted"]
