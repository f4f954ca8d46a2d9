"""Copies a store while it is in use, with SQLite's backup API.

The copy gets its name when it is whole: one that was cut off by a crash would open as an empty
store, or as a part of one.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress

from perdure.errors import PerdureError, StoreOpenError
from perdure.storage.sqlite.connections import check_path, sync_folder
from perdure.storage.sqlite.statements import STATEMENTS

_UNFINISHED = ".partial"


def copy_store(source: sqlite3.Connection, path: str) -> None:
    """Copy what *source* sees now to a new file, marked as closed cleanly.

    All pages are copied in one step, in one reading of the source: with smaller steps each
    commit in between would start the copy again.

    Raises:
        StoreOpenError: *path* exists or cannot be written.
    """
    with finished_as(path) as unfinished:
        _copy(source, unfinished)


@contextmanager
def finished_as(path: str) -> Generator[str]:
    """A file to write a copy into, which is called *path* once it is whole, and else removed.

    Raises:
        StoreOpenError: *path* exists or cannot be written.
    """
    real = check_path(path)
    if os.path.lexists(real):
        raise _exists(path)
    folder, name = os.path.split(real)
    unfinished = ""
    try:
        # Its owner alone may read it, as is the rule for a store.
        handle, unfinished = tempfile.mkstemp(_UNFINISHED, f"{name}.", folder)
        os.close(handle)
        yield unfinished
        _give_name(unfinished, real)
        sync_folder(folder)
    except FileExistsError:
        raise _exists(path) from None
    except PerdureError:  # whoever writes the file has said it better, and some are OSErrors
        raise
    except (sqlite3.Error, OSError) as error:
        msg = f"cannot back up to {path!r}: {error}"
        raise StoreOpenError(msg) from error
    finally:
        with suppress(FileNotFoundError):
            os.remove(unfinished)


def _copy(source: sqlite3.Connection, path: str) -> None:
    target = sqlite3.connect(path, isolation_level=None)
    try:
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute(STATEMENTS["close_clean"])
    finally:
        target.close()


def _give_name(unfinished: str, path: str) -> None:
    """Call the finished file *path*, unless there is something of that name.

    Raises:
        FileExistsError: there is.
    """
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        os.rename(unfinished, path)


def _exists(path: str) -> StoreOpenError:
    return StoreOpenError(f"{path!r} exists already; choose another path for the backup")
