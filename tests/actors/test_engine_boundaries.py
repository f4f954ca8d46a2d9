"""What users meet at the edges of an open app: calls inside turns, late classes, the end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import perdure
from tests.actors.engine import Counter
from tests.actors.engine import app as engine


def test_a_call_to_another_entity_inside_an_operation_says_to_signal() -> None:
    app = perdure.App("calls")

    @app.entity
    class Asking(perdure.Entity):
        def ask(self) -> None:
            other: Any = self.context.entity(Asking, "b")
            other.call(Asking.ask, 1)

    with app.open(":memory:") as client:
        reply = client.entity(Asking, "a").call(Asking.ask)
        with pytest.raises(perdure.OperationFailedError) as caught:
            reply.get(timeout=5)

    assert caught.value.details.error_type.endswith("NotAllowedHereError")
    assert "self.context.entity('asking', 'b').signal('ask', ...)" in str(caught.value)


def test_a_class_that_is_registered_after_opening_is_refused_everywhere() -> None:
    app = perdure.App("late")

    @app.entity
    class Early(perdure.Entity):
        def tell(self) -> None:
            self.context.entity("late", "a").signal("act")

    with app.open(":memory:") as client:

        @app.entity
        class Late(perdure.Entity):
            def act(self) -> None: ...

        kinds: tuple[Any, ...] = (Late, "late")
        for kind in kinds:
            with pytest.raises(perdure.UnknownEntityError, match="after the store was opened"):
                client.entity(kind, "a")
        with pytest.raises(perdure.OperationFailedError, match="after the store was opened"):
            client.entity(Early, "a").call(Early.tell).get(timeout=5)

    with app.open(":memory:") as client:
        client.entity(Late, "a").call(Late.act).get(timeout=5)


def test_what_follows_commits_ends_when_the_client_is_closed(tmp_path: Path) -> None:
    client = engine.open(str(tmp_path / "shop.db"))
    client.entity(Counter, "a").call(Counter.add, 1).get(timeout=5)
    followers: list[Any] = [iter(client.entity(Counter, "a").watch()), client.changes()]
    for follower in followers:
        next(follower)
    ended: list[object] = []

    def go_on(follower: Any) -> None:
        ended.append(next(follower, "end"))

    threads = [threading.Thread(target=go_on, args=(follower,)) for follower in followers]
    for thread in threads:
        thread.start()
    client.close()
    for thread in threads:
        thread.join(10)

    assert ended == ["end", "end"]


def test_what_follows_commits_ends_also_between_two_steps(tmp_path: Path) -> None:
    client = engine.open(str(tmp_path / "shop.db"))
    client.entity(Counter, "a").call(Counter.add, 1).get(timeout=5)
    watch, changes = iter(client.entity(Counter, "a").watch()), client.changes()
    next(watch)
    next(changes)
    client.close()

    assert (list(watch), list(changes)) == ([], [])
    with pytest.raises(perdure.NodeClosedError):
        client.changes()
    with pytest.raises(perdure.NodeClosedError):
        client.entity(Counter, "a").watch()
