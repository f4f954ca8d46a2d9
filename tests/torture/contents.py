"""What a store's file says, as one digest: equal content, equal digest."""

from __future__ import annotations

import hashlib
from typing import Any

_UNTOLD = {
    ("meta", "probes"),
    ("meta", "incarnation"),
    ("meta", "clean"),
    ("_sqlite_migrations", "applied_at"),
}
"""Columns that count tries and openings, or tell a time of the day."""


def digest(connection: Any, *, without_untold: bool = False) -> str:
    """The digest of the schema and of every row behind *connection*.

    With *without_untold*, runs that did the same at other times or with more tries are equal.
    """
    told = hashlib.sha1(usedforsecurity=False)
    told.update(repr(connection.execute("PRAGMA application_id").fetchall()).encode())
    asked = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    for name, sql in connection.execute(asked).fetchall():
        told.update(f"{name} {sql}".encode())
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        if without_untold:
            columns = [column for column in columns if (name, column) not in _UNTOLD]
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM {name} ORDER BY 1")
        for row in rows:
            told.update(repr(row).encode())
    return told.hexdigest()
