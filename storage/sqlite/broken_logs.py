"""What is done about a log that breaks off before its end: it is told, and a copy is kept.

SQLite drops what is behind the breach, and overwrites it soon. The copy, beside the store, is
what remains of it; as long as it is there, ``check`` tells of the loss.

A log that ends before what was already moved from it into the file is worse: SQLite would lay
its old pages over newer ones, and show of each page another moment. Such a store is refused.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from operator import le
from urllib.parse import quote

from perdure.errors import CorruptionError
from perdure.storage.records import Damage
from perdure.storage.sqlite.connections import cannot_open, connect_reader
from perdure.storage.sqlite.failures import DRIVER_ERRORS
from perdure.storage.sqlite.log_breach import Breach, find_breach
from perdure.storage.sqlite.rows import Row
from perdure.storage.sqlite.statements import STATEMENTS

logger = logging.getLogger("perdure")

_KEPT = "-wal.damaged-"
_HEADER_BYTES = 32


def look_at_log(path: str) -> Breach | None:
    """Look for a breach in the log of the store at *path* before SQLite opens it.

    Commits that were lost are told, and the log is kept.
    """
    log = path + "-wal"
    breach = _breach_in(log)
    if breach is None or breach.is_torn_end:
        return breach
    if breach.is_loss:
        kept = path + _KEPT + breach.salts
        where = f"it is kept as {kept!r}" if _keep(log, kept) else "there is no room to keep it"
        logger.error("store %r: its log %s; %s", path, _told(breach), where)
    else:
        logger.warning(
            "store %r: the newest commit in its log was not written in full, as after a power "
            "cut, which takes none that was acknowledged; if there was none, it is lost",
            path,
        )
    return breach


def refuse_older_log(path: str) -> None:
    """Refuse a store whose file counts further than file and log together.

    Nothing is written, so that whoever finds the rest of the log can put it back.

    Raises:
        CorruptionError: the end of the log is missing.
    """
    missing = _missing_end(path)
    if missing:
        msg = f"store {path!r}: {missing}; or the whole of {path + '-wal'!r}"
        raise CorruptionError(msg)


def _missing_end(path: str) -> str:
    """What to tell of a log that ends before what was moved from it; empty when it does not.

    The file is read before file and log: both only count up, also while somebody writes.
    """
    log = path + "-wal"
    if not os.path.isfile(log) or os.path.getsize(log) == 0:
        return ""
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?immutable=1", uri=True)) as alone:
            moved = _counters(alone)
    except DRIVER_ERRORS:  # all is in the log, or it is just being moved
        return ""
    try:
        with closing(connect_reader(path)) as reader:
            whole = _counters(reader)
    except DRIVER_ERRORS as error:
        raise cannot_open(path, error) from error
    if moved is None or whole is None or all(map(le, moved, whole)):
        return ""
    return (
        f"its log ends at batch {whole[1]}, but the file has some of batch {moved[1]}: the end "
        "of the log is missing, and what is left of it does not fit the file; restore a backup"
    )


def _counters(connection: sqlite3.Connection) -> tuple[int, int, int] | None:
    """Openings, batches and small writes so far: each transaction counts one of them up.

    ``None`` when that is damaged, which is found when it is used.
    """
    row: Row = connection.execute(STATEMENTS["counters"]).fetchone() or ()
    if len(row) == 3 and all(isinstance(value, int) for value in row):
        return row[0], row[1], row[2]
    return None


def find_losses(path: str) -> Iterator[Damage]:
    """What was lost when the store at *path* was opened, or will be when it is."""
    folder, name = os.path.split(path + _KEPT)
    for other in sorted(os.listdir(folder)):
        if not other.startswith(name):
            continue
        kept = os.path.join(folder, other)
        breach = _breach_in(kept)
        if breach is not None:
            found = datetime.fromtimestamp(os.path.getmtime(kept), UTC)
            when = found.isoformat(sep=" ", timespec="seconds")
            settled = f"remove {kept!r} when that is settled"
            yield Damage("", f"the log that was found at {when} {_told(breach)}; {settled}")
    breach = _breach_in(path + "-wal")
    if breach is not None and breach.is_loss:
        yield Damage("", f"the log {_told(breach)}")
    missing = _missing_end(path)
    if missing:
        yield Damage("", missing)


def _breach_in(log: str) -> Breach | None:
    """The breach in a file; what begins anew while it is read is in use, and has none."""
    try:
        with open(log, "rb", buffering=0) as file:
            before = file.read(_HEADER_BYTES)
            file.seek(0)
            breach = find_breach(file)
            file.seek(0)
            return breach if file.read(_HEADER_BYTES) == before else None
    except OSError:  # there is none, or one that SQLite cannot read either
        return None


def _told(breach: Breach) -> str:
    place = f"from frame {breach.frame} on" if breach.frame else "at all"
    commits = "1 commit is" if breach.commits == 1 else f"{breach.commits:,} commits are"
    return (
        f"cannot be read {place}, and {commits} missing; with the durability 'process' a power "
        "cut does that, otherwise it is damage: restore a backup"
    )


def _keep(log: str, kept: str) -> bool:
    """Copy a log, for its owner alone to read; true when there is a copy."""
    try:
        handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return True  # of an opening that a crash cut off
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as copy, open(log, "rb") as file:
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError:
        with suppress(OSError):
            os.unlink(kept)
        return False
    return True
