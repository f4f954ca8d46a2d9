"""Results, threads that may be stuck, closing, and lists with a bad entity in them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import pytest

import perdure
from tests.actors.engine import Counter, gates
from tests.actors.engine import app as engine


def test_a_result_that_is_not_what_the_operation_says_fails_and_is_undone() -> None:
    app = perdure.App()

    @app.entity
    class Liar(perdure.Entity):
        value: int = 0

        def lie(self) -> int:
            self.value += 1
            return cast("int", "no number")

    with app.open(":memory:") as client:
        ref = client.entity(Liar, "a")
        with pytest.raises(perdure.OperationFailedError, match=r"result of liar\.lie"):
            ref.call(Liar.lie).get(timeout=5)
        assert ref.get() is None


def test_operations_that_block_take_a_bounded_number_of_threads() -> None:
    before = threading.active_count()
    with engine.open(":memory:") as client:
        keys = [f"many-{number}" for number in range(200)]
        for key in keys:
            gates[key] = threading.Event()
        replies = [client.entity(Counter, key).call(Counter.add_when_open, 1) for key in keys]
        client.entity(Counter, "other").call(Counter.read).get(timeout=5)

        assert threading.active_count() - before < 140

        for key in keys:
            gates[key].set()
        assert [reply.get(timeout=10) for reply in replies] == [1] * 200


def test_closing_waits_for_an_operation_that_has_just_begun() -> None:
    gates["begun"] = threading.Event()
    client = engine.open(":memory:")
    reply = client.entity(Counter, "begun").call(Counter.add_when_open, 1)
    threading.Timer(1.3, gates["begun"].set).start()

    assert client.close(timeout=10)

    assert reply.get(timeout=0) == 1


def test_an_entity_that_cannot_be_read_hides_no_others(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.db")
    old, new = perdure.App(), perdure.App()

    @old.entity(name="item")
    class Old(perdure.Entity):
        name: str = ""
        size: int = 0

        def set(self, name: str, size: int) -> None:
            self.name, self.size = name, size

    @new.entity(name="item")
    class New(perdure.Entity):
        name: str = ""

    with old.open(path) as client:
        client.entity(Old, "a").signal(Old.set, "tea", 1)
    with new.open(path) as client:
        page = client.entities(New)

    assert page.items == []
    [bad] = page.unreadable
    assert str(bad.id) == "@item@a"
    assert "size" in bad.reason
