"""What an error of SQLite means for the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from perdure.errors import (
    CorruptionError,
    RowRejectedError,
    StoreError,
    StoreUnavailableError,
    VersionConflictError,
)

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_REJECTED = {
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
}
_BINDING_ERRORS = (OverflowError, UnicodeEncodeError)
DRIVER_ERRORS = (sqlite3.Error, UnicodeDecodeError, *_BINDING_ERRORS)
"""What the driver raises. It cannot decode its own message when damaged text is in that."""
_RESTORE = "run verify, and restore a backup"


def meaning_of(error: Exception, path: str) -> StoreError:
    """The error to raise in place of one of the driver's."""
    if isinstance(error, UnicodeDecodeError):
        return CorruptionError(f"store {path!r} is damaged: its text is no text; {_RESTORE}")
    if isinstance(error, _BINDING_ERRORS):
        return RowRejectedError(f"a value cannot be stored: {error}")
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The driver's own errors have no code: a value it cannot bind, or text in the file
        # that is not UTF-8.
        if isinstance(error, sqlite3.OperationalError):
            return CorruptionError(f"store {path!r} is damaged: {error}")
        return RowRejectedError(f"a value cannot be stored: {error}")
    primary = code & 0xFF
    if primary in _DAMAGED:
        return CorruptionError(f"store {path!r} is damaged: {error}; {_RESTORE}")
    if primary in _REJECTED:
        if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE and "turns.stream" in str(error):
            return VersionConflictError(f"a turn is there already: {error}")
        return RowRejectedError(f"a record cannot be stored: {error}")
    name: str = getattr(error, "sqlite_errorname", "unknown")
    remedy = ""
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        remedy = (
            "; check its owner and permissions: reading, too, writes files beside it, so copy "
            "a store that lies in a read-only folder to another one"
        )
    return StoreUnavailableError(f"store {path!r} does not work now: {error} ({name}){remedy}")


@contextmanager
def translated(path: str) -> Generator[None, None, None]:
    """Raise the store's errors in place of the driver's."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise meaning_of(error, path) from error


def is_full(error: StoreError) -> bool:
    """Whether it is that the disk has no room."""
    code = getattr(error.__cause__, "sqlite_errorcode", 0)
    return bool(code & 0xFF == sqlite3.SQLITE_FULL)
