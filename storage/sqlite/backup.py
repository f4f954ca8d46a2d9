"""Copies a store while it is in use, with SQLite's backup API."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from perdure.errors import StoreOpenError
from perdure.storage.sqlite.connections import check_path, create_private
from perdure.storage.sqlite.statements import STATEMENTS


def copy_store(source: sqlite3.Connection, path: str) -> None:
    """Copy what *source* sees now to a new file, marked as closed cleanly.

    All pages are copied in one step, in one reading of the source: with smaller steps each
    commit in between would start the copy again.

    Raises:
        StoreOpenError: *path* exists or cannot be written.
    """
    real = check_path(path)
    if not create_private(real):
        msg = f"{path!r} exists already; choose another path for the backup"
        raise StoreOpenError(msg)
    target = sqlite3.connect(real, isolation_level=None)
    try:
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute(STATEMENTS["close_clean"])
    except sqlite3.Error as error:
        target.close()
        _remove(real)
        msg = f"cannot back up to {path!r}: {error}"
        raise StoreOpenError(msg) from error
    target.close()


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.remove(path)
