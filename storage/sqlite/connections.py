"""Opening a store's file: the one connection that writes, and those that read.

Exactly one connection ever writes and checkpoints; readers are opened with ``mode=ro``, so
that closing one never checkpoints. The file is never opened past SQLite while it is in use.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from urllib.parse import quote

import attrs

from perdure.errors import (
    ForkedError,
    InvalidInputError,
    NodeClosedError,
    StoreError,
    StoreOpenError,
)
from perdure.storage.sqlite.failures import DRIVER_ERRORS, meaning_of
from perdure.storage.sqlite.schema import APPLICATION_ID, check_store

_SYNCHRONOUS = {"power": "FULL", "process": "NORMAL"}
_SPARE_READERS = 8
_BUSY_SECONDS = 5.0
_WRITER_PRAGMAS = (
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
)
_READER_PRAGMAS = (
    "PRAGMA cache_size = -8192",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
)


def check_durability(durability: str) -> None:
    """Refuse a durability that is not ``power`` or ``process``."""
    if durability not in _SYNCHRONOUS:
        msg = f"durability {durability!r} is unknown; use 'power' or 'process'"
        raise InvalidInputError(msg)


def check_path(path: str) -> str:
    """The real path of a store, or an error that says why there can be none."""
    real = os.path.realpath(path)
    if os.path.isdir(real):
        msg = f"store {path!r} is a directory; name a file in it"
        raise StoreOpenError(msg)
    parent = os.path.dirname(real)
    if not os.path.isdir(parent):
        msg = f"store {path!r}: there is no directory {parent!r}; create it first"
        raise StoreOpenError(msg)
    return real


def check_existing(path: str) -> str:
    """The real path of a store that is there, or an error."""
    real = check_path(path)
    if not os.path.isfile(real):
        msg = f"there is no store at {path!r}"
        raise StoreOpenError(msg)
    return real


def refuse_other_files(path: str) -> None:
    """Refuse a file that is no store, before anything is written into it or beside it.

    What else may be wrong with the file is left to its opening.

    Raises:
        StoreOpenError: it is no SQLite file, or one of another program.
        StoreVersionError: a newer perdure has written it.
    """
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        return
    try:
        with closing(connect_reader(path)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            (mark,) = connection.execute("PRAGMA application_id").fetchone()
            if tables or mark not in {0, APPLICATION_ID}:
                check_store(connection, path)
    except DRIVER_ERRORS as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise no_store(path) from error


def no_store(path: str) -> StoreOpenError:
    """The error to raise for a file that SQLite does not take for its own."""
    return StoreOpenError(
        f"{path!r} is not a store of perdure, nor a database at all; name another file, or "
        "restore a backup if it was a store"
    )


def create_private(path: str) -> bool:
    """Create an empty file that only its owner may read; false when there is one already.

    No connection to it can be open then, so that opening it here drops no lock of SQLite's.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        msg = f"cannot create {path!r}: {error.strerror}; choose another path"
        raise StoreOpenError(msg) from error
    os.close(handle)
    sync_folder(os.path.dirname(path))
    return True


def sync_folder(path: str) -> None:
    """Have the names in a folder survive a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect_writer(path: str, durability: str) -> sqlite3.Connection:
    """The connection that writes, in WAL mode.

    Raises:
        StoreOpenError: the file is not a database, or cannot be written.
    """
    try:
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    except sqlite3.Error as error:
        raise cannot_open(path, error) from error
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        for pragma in _WRITER_PRAGMAS:
            connection.execute(pragma)
    except DRIVER_ERRORS as error:
        connection.close()
        raise cannot_open(path, error) from error
    if mode != "wal":
        connection.close()
        msg = f"store {path!r} cannot use a write-ahead log there; use a local disk"
        raise StoreOpenError(msg)
    return connection


def connect_reader(path: str) -> sqlite3.Connection:
    """A connection that cannot write and never checkpoints."""
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=ro",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for pragma in _READER_PRAGMAS:
            connection.execute(pragma)
    except DRIVER_ERRORS:
        connection.close()
        raise
    return connection


@contextmanager
def shorter_wait(connection: sqlite3.Connection) -> Generator[None, None, None]:
    """Wait for readers for a moment only."""
    connection.execute("PRAGMA busy_timeout = 100")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")


def cannot_open(path: str, error: Exception) -> StoreError:
    """The error to raise for one of the driver's that ended an opening."""
    code: int = getattr(error, "sqlite_errorcode", 0)  # the driver's own errors have none
    if code == sqlite3.SQLITE_NOTADB:
        return no_store(path)
    if code & 0xFF in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return StoreOpenError(
            f"store {path!r} cannot be written ({error}); check its owner and permissions"
        )
    return meaning_of(error, path)


@attrs.define(eq=False)
class ReaderPool:
    """Reading connections, each lent to one thread at a time."""

    path: str
    _pid: int = attrs.Factory(os.getpid)
    _spare: deque[sqlite3.Connection] = attrs.Factory(deque[sqlite3.Connection])
    _closed: bool = False

    @contextmanager
    def lend(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection for a short reading; afterwards it holds no transaction."""
        if os.getpid() != self._pid:
            msg = f"store {self.path!r} was opened before os.fork(); open it again in the child"
            raise ForkedError(msg)
        if self._closed:
            msg = f"store {self.path!r} is closed; open it again"
            raise NodeClosedError(msg)
        try:
            connection = self._spare.pop()
        except IndexError:
            connection = connect_reader(self.path)
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.rollback()
            self._take_back(connection)

    def _take_back(self, connection: sqlite3.Connection) -> None:
        if len(self._spare) >= _SPARE_READERS:
            connection.close()
            return
        self._spare.append(connection)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close every connection, the lent ones when they come back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._spare.pop().close()
