"""Full and failing disks, backups and purges while the store is in use."""

from __future__ import annotations

import os
import resource
import socket
import sqlite3
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest

from perdure.errors import StoreError, StoreOpenError, StoreUnavailableError
from perdure.storage.records import BaseRow, Batch
from perdure.storage.sqlite import SqliteStore
from perdure.storage.sqlite.connections import connect_reader
from tests.contracts.stores import CART, LAMP, message, step


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore.open(str(tmp_path / "a.db"))
    yield opened
    opened.close(clean=True)


@contextmanager
def largest_file(size: int) -> Generator[None, None, None]:
    """While it lasts, writing beyond *size* bytes of any file fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def big(number: int, stream: str, version: int) -> Batch:
    batch = step(number, stream, version)
    batch.turns[0].events = b"x" * 1_000_000
    return batch


def test_a_full_disk_refuses_and_heals_without_a_restart(store: SqliteStore) -> None:
    store.commit(step(1, CART, 1))
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")

    for _ in range(3):
        with pytest.raises(StoreUnavailableError, match="full"):
            store.commit(big(2, CART, 2))
        assert store.probe() == 1
    assert store.turns(CART, after_version=1) == []
    assert len(store.turns(CART)) == 1

    store.connection.execute("PRAGMA max_page_count = 1000000")
    assert store.commit(big(2, CART, 2)) == 2
    assert list(store.check()) == []


def test_a_disk_that_fails_to_write_is_told_and_heals(store: SqliteStore) -> None:
    store.commit(step(1, CART, 1))
    assert store.probe() == 1

    with largest_file(65_536):
        with pytest.raises(StoreUnavailableError):
            store.commit(big(2, CART, 2))
        assert [row.version for row in store.states("")] == [1]

    assert store.probe() == 1
    assert store.commit(big(2, CART, 2)) == 2
    assert store.commit(step(3, LAMP, 1)) == 3
    assert list(store.check()) == []


class FailingConnection:
    """A connection on which some statements fail, before or after they are done."""

    def __init__(self, connection: sqlite3.Connection, **failing: str) -> None:
        self.connection = connection
        self.failing = failing

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        if self.failing.get(sql) == "before":
            raise error
        cursor = self.connection.execute(sql, parameters)
        if self.failing.get(sql) == "after":
            raise error
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def fail(store: SqliteStore, **failing: str) -> sqlite3.Connection:
    """Let statements of *store* fail; returns the connection that works."""
    working = store.connection
    store.connection = cast(sqlite3.Connection, FailingConnection(working, **failing))
    return working


def test_a_commit_that_failed_and_was_written_is_found_by_the_probe(store: SqliteStore) -> None:
    store.commit(step(1, CART, 1))
    working = fail(store, COMMIT="after")

    with pytest.raises(StoreUnavailableError):
        store.commit(step(2, CART, 2))
    with pytest.raises(StoreUnavailableError):
        store.probe()

    store.connection = working
    assert store.probe() == 2
    assert store.commit(step(3, CART, 3)) == 3
    assert list(store.check()) == []


def test_a_connection_that_cannot_roll_back_is_replaced(store: SqliteStore) -> None:
    store.commit(step(1, CART, 1))
    broken = fail(store, COMMIT="before", ROLLBACK="before")

    with pytest.raises(StoreUnavailableError):
        store.commit(step(2, CART, 2))
    assert broken.in_transaction
    with pytest.raises(StoreUnavailableError):
        store.commit(step(2, CART, 2))

    assert store.probe() == 1
    assert store.connection is not broken
    assert store.commit(step(2, CART, 2)) == 2
    assert list(store.check()) == []


def test_commits_go_on_when_a_checkpoint_fails(store: SqliteStore) -> None:
    for version in range(1, 6):
        store.commit(big(version, CART, version))
    assert store.probe() == 5
    # From here on each commit is followed by a checkpoint, which cannot grow the file.
    store.connection.execute("PRAGMA wal_autocheckpoint = 1")

    with largest_file(Path(store.location).stat().st_size):
        assert store.commit(big(6, CART, 6)) == 6
        assert len(store.turns(CART)) == 6
        with pytest.raises(StoreUnavailableError):
            store.probe()

    assert store.probe() == 6
    assert store.commit(step(7, CART, 7)) == 7
    assert list(store.check()) == []


def test_a_probe_fails_as_long_as_the_disk_does(store: SqliteStore) -> None:
    store.commit(step(1, CART, 1))

    with largest_file(8_192):
        with pytest.raises(StoreUnavailableError):
            store.commit(step(2, CART, 2))
        with pytest.raises(StoreUnavailableError):
            store.probe()

    assert store.probe() == 1
    assert store.commit(step(2, CART, 2)) == 2
    assert list(store.check()) == []


def test_a_store_that_cannot_mark_its_end_closes_unclean(tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "a.db"))
    store.commit(step(1, CART, 1))

    with largest_file(4_096):
        store.close(clean=True)

    again = SqliteStore.open(str(tmp_path / "a.db"))
    assert not again.opening.clean
    assert again.opening.last_batch == 1
    again.close(clean=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(StoreOpenError, match="choose another path"):
        SqliteStore.open(str(tmp_path / "a.db"))

    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    SqliteStore.open(str(path)).close(clean=True)
    path.chmod(0o400)

    with pytest.raises(StoreOpenError, match="permissions"):
        SqliteStore.open(str(path))


def test_a_lock_file_that_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a.db.lock").mkdir()

    with pytest.raises(StoreOpenError, match="choose another path"):
        SqliteStore.open(str(tmp_path / "a.db"))


def test_what_sqlite_cannot_open_at_all_is_explained(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.db"))

        with pytest.raises(StoreOpenError, match="check its owner and permissions"):
            SqliteStore.open(str(tmp_path / "a.db"))


def test_a_backup_is_one_moment_of_a_store_in_use(store: SqliteStore, tmp_path: Path) -> None:
    for version in range(1, 200):
        store.commit(step(version, CART, version))
    started, failures = Event(), list[StoreError]()

    def back_up() -> None:
        started.set()
        try:
            for number in range(5):
                store.backup(str(tmp_path / f"copy{number}.db"))
        except StoreError as error:
            failures.append(error)

    thread = Thread(target=back_up)
    thread.start()
    started.wait()
    version = 199
    while thread.is_alive():
        version += 1
        store.commit(step(version, CART, version))
    thread.join()

    assert failures == []
    for number in range(5):
        copy = SqliteStore.open(str(tmp_path / f"copy{number}.db"))
        last = copy.opening.last_batch
        assert 199 <= last <= version
        assert copy.opening.clean
        assert copy.load([CART], 0)[CART].version == last
        assert len(copy.turns(CART, limit=100_000)) == last
        assert list(copy.check()) == []
        copy.close(clean=True)


def test_a_backup_is_one_private_file(store: SqliteStore, tmp_path: Path) -> None:
    store.commit(Batch(1, accepted=[message(1)]))
    copy = tmp_path / "copy.db"

    store.backup(str(copy))

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.glob("copy*")) == ["copy.db"]


def test_a_backup_never_writes_over_a_file(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")

    with pytest.raises(StoreOpenError, match="exists already"):
        store.backup(str(tmp_path / "copy.db"))
    with pytest.raises(StoreOpenError, match="no directory"):
        store.backup(str(tmp_path / "missing" / "copy.db"))

    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_backup_that_fails_leaves_no_file(store: SqliteStore, tmp_path: Path) -> None:
    store.commit(big(1, CART, 1))

    with largest_file(65_536), pytest.raises(StoreOpenError, match="cannot back up"):
        store.backup(str(tmp_path / "copy.db"))

    assert list(tmp_path.glob("copy*")) == []


def test_a_purge_that_stops_half_way_goes_on_after_a_crash(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    store = SqliteStore.open(path)
    for version in range(1, 11):
        store.commit(step(version, CART, version))
    base = BaseRow(CART, 8, b"{}", 1)
    assert store.purge_history(base, limit=3) == 3
    store.close(clean=False)

    store = SqliteStore.open(path)

    assert store.base(CART) == base
    assert list(store.check()) == []
    assert [store.purge_history(base, limit=3) for _ in range(3)] == [3, 2, 0]
    assert [t.first_version for t in store.turns(CART)] == [9, 10]
    assert store.feed(0, limit=1)[0].seq == 9
    store.close(clean=True)


@pytest.mark.parametrize("name", ["a.db", "a.db-wal"])
def test_nothing_is_acknowledged_to_a_deleted_file(
    store: SqliteStore, tmp_path: Path, name: str
) -> None:
    store.commit(step(1, CART, 1))
    file = tmp_path / name
    file.rename(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailableError, match="put it back"):
        store.commit(step(2, CART, 2))
    with pytest.raises(StoreUnavailableError):
        store.probe()

    (tmp_path / "elsewhere").rename(file)
    assert store.probe() == 1
    assert store.commit(step(2, CART, 2)) == 2


def test_a_log_that_a_long_reading_let_grow_is_cut_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.storage.sqlite.files.LOG_BYTES", 3_000_000)
    monkeypatch.setattr("perdure.storage.sqlite.files.LOOK_COMMITS", 1)
    store = SqliteStore.open(str(tmp_path / "a.db"))
    reading = connect_reader(store.location)
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM turns").fetchone()
    sizes: list[int] = []
    for version in range(1, 13):
        if version == 6:
            reading.rollback()
        store.commit(big(version, CART, version))
        sizes.append(Path(store.location + "-wal").stat().st_size)

    assert sizes[4] > 5_000_000
    assert max(sizes) < 9_000_000
    assert min(sizes[5:]) < 1_000_000
    assert store.connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)
    reading.close()
    store.close(clean=True)


def test_a_log_that_grew_is_cut_back_by_a_probe(store: SqliteStore) -> None:
    store.commit(big(1, CART, 1))
    log = Path(store.location + "-wal")
    assert log.stat().st_size > 1_000_000

    store.probe()

    assert log.stat().st_size < 20_000
