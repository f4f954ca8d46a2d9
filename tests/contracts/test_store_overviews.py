"""What every store promises to those who want to see much of it at once."""

from __future__ import annotations

from perdure.storage.ports import Store
from perdure.storage.records import Batch, StateRow, Tally
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

    assert [(stream, version) for _, stream, version, _ in newest] == [(CART, 3), (LAMP, 1)]
    rest = store.newest_turns(newest[-1][0], limit=9)
    assert [(stream, version) for _, stream, version, _ in rest] == [(CART, 2)]
    assert store.newest_turns(rest[-1][0]) == []


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
