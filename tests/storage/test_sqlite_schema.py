"""Files of every age are opened, those of the future are refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from perdure.errors import InvalidInputError, StoreOpenError, StoreVersionError
from perdure.storage.records import Batch, LoadedActor
from perdure.storage.sqlite import SqliteReader, SqliteStore
from perdure.storage.sqlite.schema import APPLICATION_ID, NAMES, migrations
from tests.contracts.stores import CART, message, quarantined, state, step

SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def make_file(path: Path, script: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(script)
    connection.close()


def schema_of(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
    connection.close()
    return [(name, " ".join((sql or "").split())) for name, sql in rows]


def test_the_names_are_those_of_the_migrations() -> None:
    db = Database(memory=True)
    assert [migration.name for migration in migrations.pending(db)] == list(NAMES)
    db.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_every_age_is_brought_up_to_date(path: Path, name: str) -> None:
    make_file(path, (SCHEMAS / f"{name}.sql").read_text(encoding="utf-8"))
    fresh = path.with_name("fresh.db")
    SqliteStore.open(str(fresh)).close(clean=True)

    store = SqliteStore.open(str(path))

    assert (store.opening.incarnation, store.opening.last_batch) == (2, 2)
    assert store.load([CART], 0) == {CART: LoadedActor(2, b"{}", (message(1),))}
    assert store.quarantined() == [quarantined(9)]
    assert store.commit(step(3, CART, 3)) == 3
    assert list(store.check()) == []
    store.close(clean=True)
    assert schema_of(path) == schema_of(fresh)


@pytest.mark.parametrize("name", NAMES)
def test_a_migration_that_was_released_is_never_changed(path: Path, name: str) -> None:
    old = path.with_name("old.db")
    make_file(old, (SCHEMAS / f"{name}.sql").read_text(encoding="utf-8"))
    make_file(path, f"PRAGMA application_id = {APPLICATION_ID}")
    later = NAMES[NAMES.index(name) + 1 :]

    db = Database(path)
    migrations.apply(db, stop_before=later[:1])
    db.close()

    assert schema_of(path) == schema_of(old)


def test_an_opening_that_stopped_half_way_is_finished(path: Path) -> None:
    make_file(path, f"PRAGMA application_id = {APPLICATION_ID}")
    db = Database(path)
    migrations.ensure_migrations_table(db)
    db.close()

    store = SqliteStore.open(str(path))

    assert store.opening.incarnation == 1
    store.close(clean=True)


def test_an_older_file_is_read_only_after_its_owner_has_brought_it_up_to_date(
    path: Path,
) -> None:
    make_file(path, (SCHEMAS / f"{NAMES[0]}.sql").read_text(encoding="utf-8"))

    with pytest.raises(StoreOpenError, match=r"older perdure; open it once"):
        SqliteReader.view(str(path))
    SqliteStore.open(str(path)).close(clean=True)

    reader = SqliteReader.view(str(path))
    assert reader.outcomes(["r1"], 0)["r1"].corrupt is None
    assert reader.messages([1])[0].corrupt is None
    reader.close_readers()


def test_a_migration_leaves_rows_that_are_no_text_to_be_told(path: Path) -> None:
    make_file(path, (SCHEMAS / f"{NAMES[0]}.sql").read_text(encoding="utf-8"))
    make_file(path, "UPDATE inbox SET stream = CAST(x'40ff' AS TEXT)")

    store = SqliteStore.open(str(path))

    assert [bool(row.corrupt) for row in store.messages([1])] == [True]
    store.close(clean=True)


def test_a_file_of_a_newer_perdure_is_refused_and_left_alone(path: Path) -> None:
    SqliteStore.open(str(path)).close(clean=True)
    make_file(
        path,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('perdure.storage', '9999_from_the_future', '')",
    )

    with pytest.raises(StoreVersionError, match=r"9999_from_the_future.*upgrade"):
        SqliteStore.open(str(path))
    with pytest.raises(StoreVersionError, match="upgrade"):
        SqliteReader.view(str(path))

    connection = sqlite3.connect(path)
    assert connection.execute("SELECT incarnation FROM meta").fetchone() == (1,)
    connection.close()


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    make_file(path, "CREATE TABLE theirs (x)")

    with pytest.raises(StoreOpenError, match="another program"):
        SqliteStore.open(str(path))
    with pytest.raises(StoreOpenError, match="another program"):
        SqliteReader.view(str(path))

    assert schema_of(path) == [("theirs", "CREATE TABLE theirs (x)")]
    assert list(path.parent.iterdir()) == [path]


def test_a_database_of_another_program_keeps_its_journal(path: Path) -> None:
    make_file(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()

    with pytest.raises(StoreOpenError, match="another program"):
        SqliteStore.open(str(path))

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("notes " * 1000)

    with pytest.raises(StoreOpenError, match="is not a store of perdure"):
        SqliteStore.open(str(path))
    with pytest.raises(StoreOpenError, match="is not a store of perdure"):
        SqliteReader.view(str(path))

    assert path.read_text() == "notes " * 1000
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    SqliteStore.open(str(path)).close(clean=True)


def test_a_path_that_cannot_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreOpenError, match="is a directory"):
        SqliteStore.open(str(tmp_path))
    with pytest.raises(StoreOpenError, match=r"no directory.*create it"):
        SqliteStore.open(str(tmp_path / "missing" / "a.db"))
    with pytest.raises(StoreOpenError, match="no directory"):
        SqliteStore.open(str(tmp_path / "file" / "a.db"))
    with pytest.raises(StoreOpenError, match="no store at"):
        SqliteReader.view(str(tmp_path / "missing.db"))


def test_a_path_with_marks_of_an_uri_is_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "what?mode=memory#a%20b é.db"

    store = SqliteStore.open(str(odd))
    store.commit(Batch(1, states=[state(CART, 1, expected=0)]))

    assert odd.exists()
    assert store.state(CART) is not None
    store.close(clean=True)


def test_an_unknown_durability_is_refused(path: Path) -> None:
    with pytest.raises(InvalidInputError, match="'power' or 'process'"):
        SqliteStore.open(str(path), durability="none")
    assert not path.exists()


@pytest.mark.parametrize(("durability", "level"), [("power", 2), ("process", 1)])
def test_the_durability_sets_how_a_commit_is_synced(
    path: Path, durability: str, level: int
) -> None:
    store = SqliteStore.open(str(path), durability=durability)

    assert store.connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.durability == durability
    store.close(clean=True)
