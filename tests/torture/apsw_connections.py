"""Puts apsw's SQLite in the place of the standard library's, for a whole process.

Only apsw lets a test be the disk under SQLite. Two copies of SQLite must never have one file
open in one process, so :func:`take_over` is called first thing in a process of its own and
never undone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import apsw
import attrs

Hook = Callable[["ApswConnection", str, bool], None]
"""Told of each statement, before (false) and after (true) it is done."""

_READS = (
    "SELECT",
    "PRAGMA CACHE",
    "PRAGMA TEMP",
    "PRAGMA CELL",
    "PRAGMA TRUSTED",
    "PRAGMA BUSY",
)
_OPENED = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


@attrs.define
class ApswCursor:
    """What a statement gave, read to its end."""

    rows: list[tuple[Any, ...]]
    description: Sequence[Any] | None
    rowcount: int
    lastrowid: int

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows.pop(0) if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self.rows = self.rows, []
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())


class ApswConnection:
    """As much of ``sqlite3.Connection`` as a store uses, on a disk of the test's."""

    vfs: str | None = None
    hook: Hook | None = None

    def __init__(
        self, database: str, timeout: float = 5.0, uri: bool = False, **_: Any
    ) -> None:
        path, flags = database, _OPENED
        if uri:
            asked = urlsplit(database)
            path = unquote(asked.path)
            if parse_qs(asked.query).get("mode") == ["ro"]:
                flags = apsw.SQLITE_OPEN_READONLY
        try:
            self.raw: Any = apsw.Connection(path, flags=flags, vfs=self.vfs)
        except apsw.Error as error:
            raise translated(error) from error
        self.raw.set_busy_timeout(int(timeout * 1000))

    def execute(self, sql: str, parameters: Any = ()) -> ApswCursor:
        is_told = type(self).hook is not None and not sql.lstrip().upper().startswith(_READS)
        if is_told:
            self._tell(sql, after=False)
        found: list[Any] = []

        def trace(cursor: Any, _sql: str, _bindings: Any) -> bool:
            found.append(cursor.get_description())
            return True

        cursor = self.raw.cursor()
        cursor.exec_trace = trace
        try:
            rows = list(cursor.execute(sql, parameters))
        except apsw.Error as error:
            raise translated(error) from error
        if is_told:
            self._tell(sql, after=True)
        changed = self.raw.changes()
        description = found[-1] if found and found[-1] else None
        return ApswCursor(rows, description, changed, self.raw.last_insert_rowid())

    def _tell(self, sql: str, *, after: bool) -> None:
        hook = type(self).hook
        assert hook is not None
        hook(self, sql, after)

    @property
    def in_transaction(self) -> bool:
        return bool(self.raw.in_transaction)

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def create_function(self, name: str, arguments: int, function: Any) -> None:
        self.raw.create_scalar_function(name, function, arguments)

    def backup(self, target: ApswConnection, *, pages: int = -1) -> None:
        try:
            with target.raw.backup("main", self.raw, "main") as copying:
                while not copying.done:
                    copying.step(pages)
        except apsw.Error as error:
            raise translated(error) from error

    def close(self) -> None:
        # SQLite closes whatever the disk does, and the standard library tells nothing of it.
        with suppress(apsw.Error):
            self.raw.close()


def translated(error: apsw.Error) -> sqlite3.Error:
    """The error that the standard library would have raised."""
    code: int = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
    kind: type[sqlite3.Error] = sqlite3.OperationalError
    if code & 0xFF == apsw.SQLITE_CONSTRAINT:
        kind = sqlite3.IntegrityError
    if code & 0xFF in {apsw.SQLITE_CORRUPT, apsw.SQLITE_NOTADB}:
        kind = sqlite3.DatabaseError
    told = kind(str(error))
    told.sqlite_errorcode = code
    names: dict[Any, Any] = {**apsw.mapping_extended_result_codes, **apsw.mapping_result_codes}
    told.sqlite_errorname = str(names.get(code, code))
    return told


def take_over(vfs: str | None, hook: Hook | None = None) -> None:
    """From now on ``sqlite3.connect`` of this process is apsw's, over the disk *vfs*."""
    ApswConnection.vfs, ApswConnection.hook = vfs, hook
    setattr(sqlite3, "connect", ApswConnection)  # noqa: B010  it is of another type
