"""Damage is found by checksum, told, and stays where it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from perdure.errors import CorruptionError
from perdure.storage.records import BaseRow, Batch, LoadedActor, StateRow, TurnRow
from perdure.storage.sqlite import SqliteStore
from tests.contracts.stores import CART, LAMP, message, state

MARKED = "@marked@actor"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a marked actor between two others, each with two turns."""
    file = tmp_path / "a.db"
    store = SqliteStore.open(str(file))
    number = 0
    for version in (1, 2):
        for stream in (CART, MARKED, LAMP):
            number += 1
            body = f"{stream} event {version}".encode()
            store.commit(
                Batch(
                    number,
                    turns=[TurnRow(stream, version, 1, body, 1)],
                    states=[StateRow(stream, version, b"state of " + body, 1, version - 1)],
                    accepted=[message(number, stream)],
                )
            )
    store.close(clean=True)
    return file


def flip(path: Path, payload: bytes) -> None:
    """Change one bit of the only place where *payload* is in the file."""
    content = bytearray(path.read_bytes())
    assert content.count(payload) == 1
    content[content.index(payload)] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_in_a_state_spoils_that_actor_alone(path: Path) -> None:
    flip(path, b"state of @marked@actor event 2")
    store = SqliteStore.open(str(path))

    loaded = store.load([CART, MARKED, LAMP], 0)

    assert (
        loaded[MARKED].corrupt
        == f"the state of {MARKED} at version 2 does not fit its checksum"
    )
    assert (loaded[MARKED].version, loaded[MARKED].state) == (2, None)
    assert [row.id for row in loaded[MARKED].messages] == [2, 5]
    assert loaded[CART].state == b"state of " + f"{CART} event 2".encode()
    assert loaded[LAMP].corrupt is None
    with pytest.raises(CorruptionError, match="checksum"):
        store.state(MARKED)
    assert store.state(LAMP) is not None
    assert [damage.stream for damage in store.check()] == [MARKED]
    store.close(clean=True)


def test_a_flipped_bit_in_a_turn_is_never_read_past(path: Path) -> None:
    flip(path, f"{MARKED} event 1".encode())
    store = SqliteStore.open(str(path))

    with pytest.raises(CorruptionError, match=r"turn 2 of @marked@actor at version 1"):
        store.turns(MARKED)

    assert [t.first_version for t in store.turns(MARKED, after_version=1)] == [2]
    assert len(store.turns(LAMP)) == 2
    assert [t.seq for t in store.feed(0)] == [1]
    with pytest.raises(CorruptionError):
        store.feed(1)
    assert [t.seq for t in store.feed(2)] == [3, 4, 5, 6]
    assert [damage.stream for damage in store.check()] == [MARKED]
    store.close(clean=True)


def test_a_checksum_covers_where_a_row_belongs(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE turns SET first_version = 3 WHERE seq = 5")
    connection.execute("UPDATE actors SET version = 3 WHERE stream = ?", (MARKED,))
    connection.commit()
    connection.close()
    store = SqliteStore.open(str(path))

    assert store.load([MARKED], 0)[MARKED].corrupt is not None
    with pytest.raises(CorruptionError):
        store.turns(MARKED)
    found = [damage.what for damage in store.check()]
    assert "versions 2 to 2 are missing" in found
    assert len(found) == 3
    store.close(clean=True)


def test_a_damaged_base_is_told(path: Path) -> None:
    store = SqliteStore.open(str(path))
    store.purge_history(BaseRow(MARKED, 1, b"the base", 1), limit=9)
    store.close(clean=True)
    flip(path, b"the base")
    store = SqliteStore.open(str(path))

    with pytest.raises(CorruptionError, match="the base of"):
        store.base(MARKED)
    assert [damage.stream for damage in store.check()] == [MARKED]
    store.close(clean=True)


def test_text_that_is_no_text_is_damage(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE quarantine SET reason = ''")
    connection.execute(
        "INSERT INTO quarantine VALUES (1, CAST(x'ff' AS TEXT), 1, 'it fails', 1, x'00')"
    )
    connection.commit()
    connection.close()
    store = SqliteStore.open(str(path))

    with pytest.raises(CorruptionError, match="UTF-8"):
        store.quarantined()
    store.close(clean=True)


def test_a_damaged_file_fails_a_commit_and_leaves_the_rest_readable(path: Path) -> None:
    connection = sqlite3.connect(path)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'inbox'"
    ).fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    store = SqliteStore.open(str(path))

    with pytest.raises(CorruptionError, match="restore a backup"):
        store.commit(Batch(7, accepted=[message(7)]))

    assert store.probe() == 6
    assert len(store.turns(CART)) == 2
    assert "" in {damage.stream for damage in store.check()}
    store.close(clean=True)


def test_a_spoiled_page_fails_those_who_live_on_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = SqliteStore.open(str(path))
    names = [f"@n@{i:04}" for i in range(200)]
    rows = [state(name, 1, expected=0, body=f"{name} ".encode() * 99) for name in names]
    store.commit(Batch(1, states=rows))
    store.close(clean=True)
    content = bytearray(path.read_bytes())
    page = content.index(b"@n@0100 @n@0100") // 4096 * 4096
    content[page : page + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    store = SqliteStore.open(str(path))

    loaded = store.load(names, 0)

    lost = [name for name in names if loaded[name].corrupt]
    assert "@n@0100" in lost
    assert len(lost) < 12
    assert loaded[names[0]] == LoadedActor(1, b"@n@0000 " * 99)
    assert {damage.stream for damage in store.check()} >= {"", *lost}
    store.close(clean=True)
