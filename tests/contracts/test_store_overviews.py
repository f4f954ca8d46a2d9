"""What every store promises to those who want to see much of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.storage.ports import Store
from perdure.storage.records import Batch, Narrowing, StateRow, Tally
from perdure.storage.sqlite import reader
from tests.contracts.stores import CART, LAMP, step, turn


def put(store: Store, number: int, rows: dict[str, bytes]) -> None:
    states = [StateRow(stream, 1, data, 7, 0) for stream, data in rows.items()]
    turns = [turn(stream, 1) for stream in rows]
    store.commit(Batch(number, states=states, turns=turns))


def test_the_newest_turns_come_first_and_in_pages(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    store.commit(step(2, LAMP, 1))
    store.commit(step(3, CART, 3))

    newest = store.newest_turns(limit=2)

    assert [stream for _, stream in newest] == [CART, LAMP]
    rest = store.newest_turns(newest[-1][0], limit=9)
    assert [stream for _, stream in rest] == [CART]
    assert store.newest_turns(rest[-1][0]) == []


def test_the_newest_turns_of_some_streams_are_found_behind_all_others(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    store.commit(step(2, LAMP, 1))
    store.commit(step(3, LAMP, 2))

    of_cart = store.newest_turns(between=(CART, CART + chr(0)))

    assert [stream for _, stream in of_cart] == [CART]
    assert store.newest_turns(of_cart[0][0], between=(CART, CART + chr(0))) == []
    assert [stream for _, stream in store.newest_turns(between=(LAMP, None))] == [LAMP, LAMP]


def test_a_search_finds_what_has_all_that_is_wanted(store: Store) -> None:
    rows = {
        "a": b'{"name":"Order","status":"Failed","created":5,"tags":{"place":"here"}}',
        "b": b'{"name":"order","status":"Running","created":6}',
        "c": b'{"name":"order","status":"Failed","created":7}',
        "d": b"no JSON with Failed in it",
        "e": b'{"name":"other","status":"Failed","created":"5"}',
    }
    put(store, 1, rows)

    def found(**wanted: Any) -> str:
        whole, behind = store.search("", None, after="", narrowing=Narrowing(**wanted), limit=9)
        assert behind is None
        newest = store.newest_states("", beside="@", narrowing=Narrowing(**wanted))
        assert [row.stream for row in newest] == [row.stream for row in whole]
        return "".join(row.stream for row in whole)

    assert found() == "abcde"
    assert found(members=(("status", ("Failed", "Pending")),)) == "ace"
    assert found(members=(("name", ("ORDER",)),)) == "abc"
    assert found(members=(("name", ("order",)), ("status", ("Failed",)))) == "ac"
    assert found(number="created", least=6) == "bc"
    assert found(number="created", most=6) == "ab"
    assert found(text=b"Failed") == "acde"
    assert found(text=b'"place":"here"', members=(("status", ("Failed",)),)) == "a"
    assert found(text=b'"place":"there"') == ""


def test_a_search_goes_on_behind_a_place(store: Store) -> None:
    put(store, 1, {stream: b"{}" for stream in ("a", "b", "c", "d")})

    first, place = store.search("b", "d", after="", narrowing=Narrowing(), limit=1)
    assert [row.stream for row in first] == [place] == ["b"]
    assert place is not None
    rest, place = store.search("b", "d", after=place, narrowing=Narrowing(), limit=9)
    assert [row.stream for row in rest] == ["c"]
    assert place is None


def test_a_search_that_finds_little_ends_early(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LOOKED_AT", 2)
    rows = {str(number): b"{}" for number in range(9)} | {"7": b'{"status":"Failed"}'}
    put(store, 1, rows)
    narrowing = Narrowing(members=(("status", ("Failed",)),))

    found: list[str] = []
    place: str | None = ""
    while place is not None:
        page, place = store.search("", None, after=place, narrowing=narrowing, limit=5)
        found += [row.stream for row in page]

    assert found == ["7"]


def test_rows_that_were_written_last_come_first_and_in_pages(store: Store) -> None:
    times = {"x": 5, "y": 7, "z": 5, "w": 6, "@a@1": 9}
    states = [StateRow(stream, 1, b"{}", time, 0) for stream, time in times.items()]
    store.commit(Batch(1, states=states, turns=[turn(stream, 1) for stream in times]))

    def page(before: tuple[int, str] | None = None, prefix: str = "") -> list[str]:
        rows = store.newest_states(prefix, before, beside="@", narrowing=Narrowing(), limit=3)
        return [row.stream for row in rows]

    assert page() == ["y", "w", "x"]
    assert page((5, "x")) == ["z"]
    assert page((5, "z")) == []
    assert page(prefix="w") == ["w"]


def test_rows_are_counted_by_their_prefix(store: Store) -> None:
    put(store, 1, {"@a@1": b"{}", "@a@2": b"{}", "@ab@1": b"{}", "order": b"{}"})

    assert store.count("@a@") == 2
    assert store.count("@") == 3
    assert store.count("") == 4
    assert store.count("x") == 0


def test_rows_are_counted_by_what_their_json_says(store: Store) -> None:
    put(
        store,
        1,
        {
            "one": b'{"status":"Running","created":50}',
            "two": b'{"status":"Running","created":20}',
            "three": b'{"status":"Failed"}',
            "@a@1": b'{"status":"Running","created":1}',
            "zero": b"[1]",
            "zzz": b"no JSON",
        },
    )

    assert store.tally("status", "created", beside="@") == [
        Tally("Failed", 1, 0, ""),
        Tally("Running", 2, 20, "two"),
    ]
