"""Histories that the node cuts by itself, in simulated time and in threads."""

from __future__ import annotations

import itertools
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.actors import limits
from perdure.actors.retention import Retention
from perdure.orchestration.simulation import Simulation
from perdure.storage.records import BaseRow
from perdure.testing import simulate

DAY = timedelta(days=1)


@perdure.event
class Added:
    amount: int


def shop() -> tuple[perdure.App, type[perdure.Entity], type[perdure.Entity]]:
    """An app with a kind that keeps ten days of history, and one that keeps all."""
    app = perdure.App("shop")

    @app.entity(retention=10 * DAY)
    class Cart(perdure.Entity):
        items: int = 0

        def add(self, amount: int) -> int:
            self.record(Added(amount))
            return self.items

        @perdure.applies
        def when_added(self, event: Added) -> None:
            self.items += event.amount

    @app.entity
    class Ledger(perdure.Entity):
        total: int = 0

        def add(self, amount: int) -> int:
            self.total += amount
            return self.total

    return app, Cart, Ledger


def versions(world: Simulation, kind: str, key: str) -> list[int]:
    return [event.version for event in world.client.entity(kind, key).history()]


def items(world: Simulation, version: int) -> int:
    """What was in the cart ``a`` at a version."""
    cart: Any = world.client.entity("cart", "a").as_of(version)
    found: int = cart.items
    return found


def test_events_older_than_the_retention_go_and_the_rest_can_be_read() -> None:
    app, *_ = shop()
    with simulate(app) as world:
        cart = world.client.entity("cart", "a")
        for amount in range(1, 7):
            cart.call("add", amount).get(timeout=5)
            world.client.entity("ledger", "a").call("add", 1).get(timeout=5)
            world.advance(5 * DAY)

        assert versions(world, "cart", "a") == [5, 6]
        assert [items(world, version) for version in (4, 5, 6)] == [10, 15, 21]
        with pytest.raises(perdure.InvalidInputError, match="purged"):
            cart.as_of(3)
        assert versions(world, "ledger", "a") == [1, 2, 3, 4, 5, 6]
        assert cart.call("add", 1).get(timeout=5) == 22
        assert list(world.client.verify()) == []


def test_the_history_of_an_entity_that_rests_ends_and_its_state_stays() -> None:
    app, *_ = shop()
    with simulate(app) as world:
        world.client.entity("cart", "a").call("add", 3).get(timeout=5)
        world.client.entity("cart", "gone").call("add", 3).get(timeout=5)
        world.client.entity("cart", "gone").call("delete").get(timeout=5)
        world.advance(10 * DAY - timedelta(seconds=1))
        before = versions(world, "cart", "a"), versions(world, "cart", "gone")
        world.advance(timedelta(minutes=2))

        assert before == ([1], [1, 2])
        assert (versions(world, "cart", "a"), versions(world, "cart", "gone")) == ([], [])
        snapshot = world.client.entity("cart", "a").get()
        assert snapshot is not None
        assert (snapshot.state.items, snapshot.version) == (3, 1)
        assert world.client.entity("cart", "gone").get() is None
        assert list(world.client.verify()) == []


def test_much_old_history_goes_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RETENTION_PAGE", 7)
    monkeypatch.setattr(limits, "RETENTION_ENTITIES", 3)
    app, *_ = shop()
    with simulate(app) as world:
        for number in range(250):
            key = "busy" if number % 2 else f"k{number}"
            world.client.entity("cart", key).call("add", 1).get(timeout=5)
            world.client.entity("ledger", key).call("add", 1).get(timeout=5)
        world.advance(11 * DAY)

        kinds = {change.id.kind for change in world.client.changes(follow=False)}
        assert kinds == {"ledger"}
        assert list(world.client.verify()) == []


def test_one_step_cuts_so_many_entities_and_turns_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RETENTION_ENTITIES", 3)
    app, *_ = shop()
    with simulate(app) as world:
        for key in ("k0", "k1", "k2", "k3"):
            world.client.entity("cart", key).call("add", 1).get(timeout=5)
        for _ in range(101):
            world.client.entity("cart", "long").call("add", 1).get(timeout=5)
        world.settle()
        store, now = world.client.node.store, world.client.now_micros() + 11 * 86_400_000_000
        retention = Retention(app.definitions.values())
        left: list[int] = []
        more = True
        while more:
            more = retention.step(store, lambda work: work(store), now)
            left.append(len(store.turn_times(0)))

        assert left == [102, 1, 0]


def test_a_history_that_cannot_be_read_is_kept_and_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, cart, _ = shop()
    with simulate(app) as world:
        for amount in (1, -1):
            world.client.entity("cart", "bad").call("add", amount).get(timeout=5)
        world.advance(5 * DAY)
        for key in ("bad", "good"):
            world.client.entity("cart", key).call("add", 1).get(timeout=5)
        definition = app.resolve(cart)
        assert definition is not None
        (spec,) = definition.events.values()
        object.__setattr__(spec, "apply", _fail)
        with caplog.at_level(logging.WARNING, logger="perdure"):
            world.advance(6 * DAY)

        assert versions(world, "cart", "bad") == [1, 2, 3]
        assert "the old history of @cart@bad is kept" in caplog.text
        world.advance(6 * DAY)
        assert versions(world, "cart", "good") == []


def _fail(*_: object) -> None:
    msg = "a handler of today"
    raise ValueError(msg)


def test_what_became_too_old_while_the_store_was_closed_goes_when_it_is_opened(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "shop.db")
    app, *_ = shop()
    with app.open(path) as client:
        for _ in range(3):
            client.entity("cart", "a").call("add", 2).get(timeout=5)
    short = perdure.App("shop")

    @short.entity(name="cart", retention=timedelta(microseconds=1))
    class Basket(perdure.Entity):
        items: int = 0

    with short.open(path) as client:
        for _ in range(500):
            if not list(client.entity(Basket, "a").history()):
                break
            client.node.world.pause(0.01)

        assert list(client.entity(Basket, "a").history()) == []
        snapshot = client.entity(Basket, "a").get()
        assert snapshot is not None
        assert snapshot.state.items == 6
        assert list(client.verify()) == []


def test_a_handler_that_takes_long_over_old_history_holds_up_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TIDY_SECONDS", 0.05)
    folding, may_go_on = threading.Event(), threading.Event()
    seen: set[int] = set()
    app = perdure.App("shop")

    @app.entity(retention=timedelta(seconds=1))
    class Cart(perdure.Entity):
        items: int = 0

        def add(self, amount: int) -> None:
            self.record(Added(amount))

        @perdure.applies
        def when_added(self, event: Added) -> None:
            self.items += event.amount
            if event.amount in seen:
                folding.set()
                may_go_on.wait(30)
            seen.add(event.amount)

    with app.open(tmp_path / "shop.db") as client:
        number = itertools.count(1)
        while not folding.is_set():
            client.entity(Cart, "a").call("add", next(number)).get(timeout=20)
        done = client.entity(Cart, "b").call("delete")
        done.get(timeout=20)
        may_go_on.set()

    assert done.done


@pytest.mark.parametrize("retention", [0, 30, "30d", timedelta(), -DAY])
def test_a_retention_that_is_no_age_is_refused(retention: Any) -> None:
    with pytest.raises(
        perdure.DefinitionError, match=r"Cart: retention=.*timedelta\(days=30\)"
    ):

        @perdure.App().entity(retention=retention)
        class Cart(perdure.Entity):
            items: int = 0


# ---- by hand -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ({"up_to_version": 2}, [3, 4]),
        ({"up_to_version": 0}, [1, 2, 3, 4]),
        ({"keep": 3}, [2, 3, 4]),
        ({"keep": 9}, [1, 2, 3, 4]),
        ({"keep": 0}, []),
        ({"before": 2 * DAY}, [3, 4]),
        ({"before": datetime(2000, 1, 1)}, [1, 2, 3, 4]),
        ({"before": datetime(2100, 1, 1, tzinfo=UTC)}, []),
    ],
)
def test_a_history_is_purged_by_version_number_or_age(how: Any, left: list[int]) -> None:
    app, *_ = shop()
    with simulate(app) as world:
        ledger = world.client.entity("ledger", "a")
        for _ in range(4):
            ledger.call("add", 1).get(timeout=5)
            world.advance(DAY)

        dropped = world.client.purge_history(ledger.id, **how)

        assert dropped == 4 - len(left)
        assert versions(world, "ledger", "a") == left
        assert ledger.as_of(4 - len(left)) is not None or len(left) == 4
        assert list(world.client.verify()) == []


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, "one of up_to_version, before and keep"),
        ({"keep": 1, "before": DAY}, "one of up_to_version, before and keep"),
        ({"up_to_version": 9}, "@ledger@a is at version 1; up_to_version=9 is yet to come"),
        ({"up_to_version": -1}, "up_to_version=-1: use an int from 0"),
        ({"keep": 1.5}, "keep=1.5: use an int from 0"),
        ({"before": -DAY}, r"before=.* timedelta\(days=30\)"),
        ({"before": "30d"}, "before='30d' is neither a datetime nor an age"),
    ],
)
def test_a_purge_that_cannot_be_meant_says_why(how: Any, why: str) -> None:
    app, *_ = shop()
    with simulate(app) as world:
        world.client.entity("ledger", "a").call("add", 1).get(timeout=5)

        with pytest.raises(perdure.InvalidInputError, match=why):
            world.client.purge_history("@ledger@a", **how)


def test_a_turn_of_which_a_part_is_to_go_stays_whole() -> None:
    app, *_ = shop()
    with simulate(app) as world:
        with world.client.pipeline() as pipeline:
            for amount in (1, 2, 3):
                pipeline.entity("cart", "a").signal("add", amount)
        world.settle()

        assert world.client.purge_history("@cart@a", up_to_version=2) == 0

        assert versions(world, "cart", "a") == [1, 2, 3]
        assert items(world, 1) == 1


def test_a_base_in_the_middle_of_a_turn_is_not_applied_twice() -> None:
    app, *_ = shop()
    with simulate(app) as world:
        world.client.entity("cart", "a").call("add", 10).get(timeout=5)
        with world.client.pipeline() as pipeline:
            for amount in (1, 2, 3):
                pipeline.entity("cart", "a").signal("add", amount)
        world.settle()
        world.client.entity("cart", "a").call("add", 100).get(timeout=5)
        base = BaseRow("@cart@a", 3, b'{"items":13}', 1)
        world.client.node.maintain(lambda store: store.purge_history(base, limit=9))

        assert (items(world, 4), items(world, 5)) == (16, 116)
        assert world.client.purge_history("@cart@a", up_to_version=4) == 1
        assert (items(world, 4), items(world, 5)) == (16, 116)
        assert list(world.client.verify()) == []


def test_what_an_interrupted_purge_has_left_goes_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app, *_ = shop()
    with simulate(app) as world:
        for _ in range(5):
            world.client.entity("cart", "a").call("add", 10).get(timeout=5)
        base = BaseRow("@cart@a", 3, b'{"items":30}', 1)
        world.client.node.maintain(lambda store: store.purge_history(base, limit=1))
        assert versions(world, "cart", "a") == [2, 3, 4, 5]

        monkeypatch.setattr("perdure.actors.client.CUT_TURNS", 1)
        assert world.client.purge_history("@cart@a", up_to_version=3) == 2
        assert items(world, 4) == 40
        assert versions(world, "cart", "a") == [4, 5]


def test_a_history_whose_events_nobody_knows_any_more_can_be_dropped() -> None:
    app, *_ = shop()
    with simulate(app) as world:
        for _ in range(2):
            world.client.entity("cart", "a").call("add", 2).get(timeout=5)
        definition = app.resolve("cart")
        assert definition is not None
        object.__setattr__(definition, "events_by_name", {})

        with pytest.raises(perdure.UnknownEventError):
            world.client.purge_history("@cart@a", keep=1)
        assert world.client.purge_history("@cart@a", keep=0) == 2

        assert list(world.client.verify()) == []
