"""What the engine makes of locks: order, crashes, failed commits, and what readers see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import pytest

import perdure
from perdure.actors import limits
from perdure.actors.client import EntityClient
from perdure.actors.simulated import Chances
from perdure.actors.simulation import EntitySimulation
from perdure.errors import StoreUnavailableError
from perdure.storage.records import Batch
from tests.actors.holder import AppWithHolders, Purse, app, lock, plan_of, release, run

World = EntitySimulation[EntityClient]


A, B = "@purse@a", "@purse@b"


@attrs.define
class NextCommit:
    """Fails the next commit of an entity's state, written or not."""

    written: bool
    armed: bool = False

    def _fail(self, batch: Batch) -> None:
        if self.armed and any(row.stream == A for row in batch.states):
            self.armed = False
            msg = "simulated"
            raise StoreUnavailableError(msg)

    def before_commit(self, batch: Batch) -> None:
        if not self.written:
            self._fail(batch)

    def after_commit(self, batch: Batch) -> None:
        if self.written:
            self._fail(batch)


@pytest.fixture(params=["plain", "passivated"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    often = Chances(passivation=1.0) if request.param == "passivated" else None
    with EntitySimulation(app, seed=7, chances=often) as world:
        yield world


def purse(world: World) -> Any:
    return world.client.entity(Purse, "a")


def settled(client: EntityClient) -> None:
    """Everything is done, and the store hangs together."""
    assert list(client.verify()) == []


def test_others_wait_in_order_until_the_release(world: World) -> None:
    run(world.client, "order", lock(A))
    world.settle()
    for letter in "abc":
        purse(world).signal(Purse.note, letter)
    run(world.client, "order", (A, "note", "1"))
    world.settle()
    assert purse(world).get().state.notes == "1"
    assert purse(world).get().locked_by == "order"

    run(world.client, "order", (A, "note", "2"), release(A))
    purse(world).signal(Purse.note, "d")
    world.settle()

    assert purse(world).get().state.notes == "12abcd"
    assert purse(world).get().locked_by is None
    settled(world.client)


def test_sections_have_the_entity_one_after_the_other(
    world: World,
) -> None:
    for name in "xyz":
        run(world.client, f"order-{name}", lock(A, name))
        world.settle()
        purse(world).signal(Purse.note, name.upper())
        world.settle()

    for name in "xyz":
        assert plan_of(world.client, f"order-{name}").answers == [{"locked": name}]
        run(world.client, f"order-{name}", (A, "note", name), release(A, name))
        world.settle()

    assert purse(world).get().state.notes == "xXyYzZ"


@pytest.mark.parametrize("undo", [False, True])
def test_a_lock_and_those_who_wait_outlive_a_crash(world: World, undo: bool) -> None:
    purse(world).signal(Purse.note, "-")
    run(world.client, "order", lock(A, transaction=True), (A, "note", "1"))
    world.settle()
    for letter in "ab":
        purse(world).signal(Purse.note, letter)
    world.crash()
    world.settle()
    purse(world).signal(Purse.note, "c")
    world.settle()
    assert purse(world).get().state.notes == "-"
    assert purse(world).get().locked_by == "order"

    run(world.client, "order", (A, "note", "2"), release(A, undo=undo))
    world.settle()

    assert purse(world).get().state.notes == ("-abc" if undo else "-12abc")
    settled(world.client)


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize("moment", ["lock", "note", "release"])
def test_a_commit_that_fails_loses_nothing(written: bool, undo: bool, moment: str) -> None:
    faults = NextCommit(written)
    plan = {
        "lock": lock(A, transaction=True),
        "note": (A, "note", "1"),
        "release": release(A, undo=undo),
    }
    with EntitySimulation(app, faults=faults) as world:
        purse(world).signal(Purse.note, "-")
        for name, asked in plan.items():
            faults.armed = name == moment
            run(world.client, "order", asked)
            world.advance(seconds=5)
            assert not faults.armed

        row = purse(world).get()

        assert row.state.notes == ("-" if undo else "-1")
        assert (row.locked_by, row.version) == (None, 1 if undo else 2)
        settled(world.client)


def test_a_transaction_is_invisible_until_its_end(
    world: World,
) -> None:
    purse(world).signal(Purse.put, 5)
    before = world.now
    world.advance(seconds=1)
    run(
        world.client,
        "order",
        lock(A, transaction=True),
        (A, "put", 1),
        (A, "fail", 100),
        (A, "pay_fee", 2),
    )
    world.settle()
    world.advance(seconds=1)

    assert plan_of(world.client, "order").answers[1] == 6
    assert "planned" in plan_of(world.client, "order").answers[2]["message"]
    snapshot = purse(world).get()
    assert (snapshot.state.coins, snapshot.version) == (5, 1)
    assert [snapshot.locked_by for snapshot in world.client.entities().items] == ["order"]
    assert [e.operation for e in purse(world).history()] == ["put"]
    assert len(list(world.client.changes(follow=False))) == 1
    assert purse(world).as_of(world.now).coins == 5
    with purse(world).watch() as watch:
        assert next(iter(watch)).state.coins == 5
    assert world.client.entity(Purse, "fees").get() is None
    settled(world.client)

    run(world.client, "order", release(A))
    world.settle()

    assert purse(world).get().state.coins == 4
    assert [(e.version, e.operation) for e in purse(world).history()] == [
        (1, "put"),
        (2, "put"),
        (3, "pay_fee"),
    ]
    assert [e.caller for e in purse(world).history()] == [None, "order", "order"]
    assert purse(world).as_of(before).coins == 5
    fees = world.client.entity(Purse, "fees").get()
    assert fees is not None
    assert fees.state.coins == 2
    settled(world.client)


def test_an_undone_transaction_sends_nothing(world: World) -> None:
    run(
        world.client,
        "order",
        lock(A, transaction=True),
        (A, "pay_fee", 2),
        release(A, undo=True),
    )
    world.settle()

    assert purse(world).get() is None
    assert world.client.entity(Purse, "fees").get() is None
    assert world.client.node.store.state(A) is None
    settled(world.client)


def test_a_lock_without_a_state_is_no_entity(world: World) -> None:
    run(world.client, "order", lock(A), lock(B, transaction=True))
    world.settle()
    assert world.client.node.store.state(A) is not None

    assert purse(world).get() is None
    assert world.client.entities().items == []
    with purse(world).watch() as watch:
        assert next(iter(watch)) is None
    settled(world.client)

    run(world.client, "order", release(A), release(B))
    world.settle()
    assert world.client.node.store.state(A) is None
    assert world.client.node.store.state(B) is None


def test_a_deleted_entity_goes_on_at_its_version_after_a_lock(
    world: World,
) -> None:
    purse(world).signal(Purse.put, 1)
    purse(world).signal("delete")
    run(world.client, "order", lock(A), release(A))
    world.settle()
    assert world.client.node.store.state(A) is None

    purse(world).signal(Purse.put, 1)
    world.settle()

    assert purse(world).get().version == 3
    settled(world.client)


def test_history_is_purged_behind_a_transaction(world: World) -> None:
    for _ in range(3):
        purse(world).call(Purse.put, 1).get()
    run(world.client, "order", lock(A, transaction=True), (A, "put", 1))
    world.settle()

    world.client.purge_history(A, up_to_version=3)
    settled(world.client)
    run(world.client, "order", release(A))
    world.settle()

    assert purse(world).get().state.coins == 4
    settled(world.client)


def test_neither_clients_nor_entities_can_lock(world: World) -> None:
    with pytest.raises(perdure.UnknownOperationError):
        purse(world).signal("$lock", {"section": "s"})
    with pytest.raises(perdure.OperationFailedError, match="the engine's"):
        purse(world).call(Purse.lock_another).get()


def test_an_entity_whose_class_changed_can_be_released_and_read_again() -> None:
    changed = AppWithHolders("holding")

    @changed.entity(name="purse")
    class Changed(perdure.Entity):
        other: int = 0

    with EntitySimulation(app) as world:
        purse(world).signal(Purse.note, "-")
        run(world.client, "order", lock(A, transaction=True), (A, "note", "1"))
        world.settle()
        world._app = changed
        world.crash()
        run(world.client, "order", (A, "note", "2"), release(A))
        world.settle()
        world._app = app
        world.crash()

        assert purse(world).get().state.notes == "-1"
        assert purse(world).get().locked_by is None
        assert "cannot be activated" in plan_of(world.client, "order").answers[2]["message"]
        settled(world.client)


def test_locks_on_threads_and_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with app.open(path) as client:
        ref = client.entity(Purse, "a")
        ref.call(Purse.put, 5).get(timeout=5)
        run(client, "order", lock(A, transaction=True), lock(B), (A, "put", 1))
        with ref.watch() as watch:
            assert [s.state.coins for s in islice(watch, 1) if s] == [5]
        waiting = client.entity(Purse, "b").call(Purse.put, 3)
        assert not waiting.done
        run(client, "order", release(B))
        assert waiting.get(timeout=5) == 3
        held = client.entity(Purse, "a").get()
        assert held is not None
        assert (held.state.coins, held.locked_by) == (5, "order")
        settled(client)

    with app.open(path) as client:
        waiting = client.entity(Purse, "a").call(Purse.put, 10)
        run(client, "order", release(A))
        assert waiting.get(timeout=5) == 16
        settled(client)


def test_who_waits_for_a_release_is_not_blamed_for_crashes(
    world: World,
) -> None:
    run(world.client, "order", lock(A))
    world.settle()
    for letter in "abc":
        purse(world).signal(Purse.note, letter)
    for _ in range(6):
        world.crash()
        world.settle()
        assert world.client.status()["recovering"] is False

    run(world.client, "order", release(A))
    world.settle()

    assert purse(world).get().state.notes == "abc"


def test_who_waits_for_a_release_keeps_nobody_from_being_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IN_HAND_MESSAGES", 3)
    run(world.client, "order", lock(A))
    world.settle()
    for letter in "abcde":
        purse(world).signal(Purse.note, letter)
    world.crash()
    later = world.client.entity(Purse, "b").options(at=timedelta(seconds=5))
    later.signal(Purse.note, "x")

    world.advance(seconds=10)

    other = world.client.entity(Purse, "b").get()
    assert other is not None
    assert other.state.notes == "x"
