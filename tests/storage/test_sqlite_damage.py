"""Damage is found by checksum, told, and stays where it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from perdure.errors import CorruptionError
from perdure.storage.records import BaseRow, Batch, LoadedActor, StateRow, TurnRow
from perdure.storage.sqlite import SqliteStore
from tests.contracts.stores import CART, LAMP, message, outcome, quarantined, state

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


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A store with two rows of each kind that is about messages."""
    file = tmp_path / "w.db"
    store = SqliteStore.open(str(file))
    store.commit(
        Batch(
            1,
            accepted=[message(1, CART), message(2, MARKED)],
            outcomes=[outcome("good"), outcome("marked", body=b"marked outcome")],
            quarantined=[quarantined(8), quarantined(9, MARKED)],
        )
    )
    store.close(clean=True)
    return file


def change(path: Path, sql: str) -> None:
    """Change a row as no perdure does."""
    connection = sqlite3.connect(path)
    assert connection.execute(sql).rowcount == 1
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE inbox SET body = x'00' WHERE id = 2",
        "UPDATE inbox SET due = -1 WHERE id = 2",
        "UPDATE inbox SET crc = crc + 1 WHERE id = 2",
    ],
)
def test_a_damaged_message_is_told_and_hides_no_other(waiting: Path, sql: str) -> None:
    change(waiting, sql)
    store = SqliteStore.open(str(waiting))

    loaded = store.load([CART, MARKED], 0)

    [damaged] = loaded[MARKED].messages
    assert damaged.corrupt == f"message 2 of {MARKED} does not fit its checksum"
    assert [row.corrupt for row in loaded[CART].messages] == [None]
    assert [damage.stream for damage in store.check()] == [MARKED]
    store.close(clean=True)


def test_attempts_are_counted_without_spoiling_the_checksum(waiting: Path) -> None:
    store = SqliteStore.open(str(waiting))

    store.count_attempts([2])

    assert store.load([MARKED], 0)[MARKED].messages[0].corrupt is None
    store.close(clean=True)


@pytest.mark.parametrize("stream", ["@marked@actot", "\udcff@marked"])
def test_a_message_whose_actor_is_damaged_is_found_by_its_id(
    waiting: Path, stream: str
) -> None:
    data = stream.encode(errors="surrogateescape").hex()
    change(waiting, f"UPDATE inbox SET stream = CAST(x'{data}' AS TEXT) WHERE id = 2")
    store = SqliteStore.open(str(waiting))

    assert [row[1] for row in store.due((0, 0), 5, limit=9)] == [1, 2]
    assert [bool(row.corrupt) for row in store.messages([1, 2, 3])] == [False, True]
    assert len(list(store.check())) == 1
    store.close(clean=True)


@pytest.mark.parametrize("column", ["digest", "outcome"])
def test_a_damaged_outcome_is_told_and_hides_no_other(waiting: Path, column: str) -> None:
    change(waiting, f"UPDATE requests SET {column} = x'00' WHERE request_id = 'marked'")
    store = SqliteStore.open(str(waiting))

    found = store.outcomes(["good", "marked"], 0)

    assert found["good"] == outcome("good")
    assert found["marked"].corrupt
    [damage] = store.check()
    assert "request 'marked' does not fit its checksum" in damage.what
    store.close(clean=True)


@pytest.mark.parametrize(
    "what", ["body = x'00'", "attempts = 4", "reason = CAST(x'ff' AS TEXT)", "time = 0"]
)
def test_a_damaged_row_of_the_quarantine_says_so_and_can_only_be_discarded(
    waiting: Path, what: str
) -> None:
    change(waiting, f"UPDATE quarantine SET {what} WHERE id = 9")
    store = SqliteStore.open(str(waiting))

    good, bad = store.quarantined()
    assert good == quarantined(8)
    assert bad.reason.startswith("damaged: quarantined message 9")
    assert [damage.stream for damage in store.check()] == [MARKED]
    with pytest.raises(CorruptionError, match="checksum"):
        store.redrive(9, 10)
    assert store.waiting(MARKED) == 1
    assert store.redrive(8, 11) == CART
    assert store.messages([11])[0].corrupt is None
    assert store.discard(9)
    assert list(store.check()) == []
    store.close(clean=True)


def test_a_damaged_page_of_messages_is_told(waiting: Path) -> None:
    connection = sqlite3.connect(waiting)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'inbox'"
    ).fetchone()
    connection.close()
    content = bytearray(waiting.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    waiting.write_bytes(content)
    store = SqliteStore.open(str(waiting))

    assert store.messages([1, 2]) == []
    assert "all_messages beyond" in " ".join(damage.what for damage in store.check())
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


def leave_nothing(path: Path, sql: str) -> None:
    """Have a row hold no value where the tables ask for one, as damage can."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(replace(sql, 'NOT NULL', ''), ') STRICT', ')')"
    )
    connection.commit()
    connection.close()
    change(path, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE turns SET events = NULL WHERE seq = 2",
        "UPDATE turns SET count = NULL WHERE seq = 2",
        "UPDATE turns SET first_version = 'x' WHERE seq = 2",
        "UPDATE actors SET state = NULL WHERE stream = '@marked@actor'",
        "UPDATE actors SET version = NULL WHERE stream = '@marked@actor'",
        "UPDATE inbox SET body = NULL WHERE id = 2",
        "UPDATE inbox SET attempts = NULL WHERE id = 2",
        "UPDATE inbox SET stream = NULL WHERE id = 2",
        "UPDATE inbox SET due = 'x' WHERE id = 2",
    ],
)
def test_a_value_that_is_missing_is_damage_and_no_bug(path: Path, sql: str) -> None:
    leave_nothing(path, sql)
    store = SqliteStore.open(str(path))

    loaded = store.load([CART, MARKED, LAMP], 0)

    assert (loaded[CART].corrupt, loaded[LAMP].corrupt) == (None, None)
    assert list(store.check())
    assert len(store.streams()) == 3
    if "events" in sql:
        with pytest.raises(CorruptionError):
            store.turns(MARKED)
    store.close(clean=True)


@pytest.mark.parametrize("column", ["digest", "outcome", "expires"])
def test_an_outcome_without_a_value_is_damage_and_no_bug(waiting: Path, column: str) -> None:
    sql = f"UPDATE requests SET {column} = NULL WHERE request_id = 'marked'"
    leave_nothing(waiting, sql)
    store = SqliteStore.open(str(waiting))

    assert store.outcomes(["good", "marked"], 0)["good"] == outcome("good")
    assert list(store.check())
    store.close(clean=True)


@pytest.mark.parametrize("column", ["stream", "body", "attempts", "reason", "time"])
def test_a_quarantined_row_without_a_value_is_damage_and_no_bug(
    waiting: Path, column: str
) -> None:
    leave_nothing(waiting, f"UPDATE quarantine SET {column} = NULL WHERE id = 9")
    store = SqliteStore.open(str(waiting))

    assert store.quarantined()[1].reason.startswith("damaged")
    assert list(store.check())
    store.close(clean=True)


def test_text_that_is_none_ends_the_opening_as_damage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE _sqlite_migrations SET name = CAST(x'30ff' AS TEXT) WHERE name LIKE '0001%'"
        )

    with pytest.raises(CorruptionError, match="is damaged: Could not decode to UTF-8"):
        SqliteStore.open(str(path))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE sqlite_schema SET sql = CAST(x'435245415445ff' AS TEXT) WHERE name = 'bases'",
        "UPDATE sqlite_schema SET name = CAST(x'ff' AS TEXT) WHERE name = 'bases'",
        "DELETE FROM meta",
    ],
)
def test_a_store_that_tells_nothing_of_itself_is_told_as_damage(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(sql)

    with pytest.raises(CorruptionError, match="is damaged"):
        SqliteStore.open(str(path))
