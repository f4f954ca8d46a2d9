"""Named places in the engine where a process may be killed; they exist only where this is lit.

Nothing in the engine knows of them: :func:`light` wraps its methods, in a child that is about
to be tortured. Each name is told before and after its method, and the fuse kills at the n-th.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from threading import Lock
from typing import Any

from perdure.actors.activation import Activation
from perdure.actors.attempts import Attempts
from perdure.actors.node import Node
from perdure.actors.partition import Partition
from perdure.actors.requests import Requests
from perdure.actors.suspects import Suspects
from perdure.actors.threads import ThreadedRuntime
from perdure.storage.sqlite import reader, store
from perdure.storage.sqlite.owner import Owner
from perdure.storage.sqlite.reserve import Reserve
from perdure.storage.sqlite.schema import migrations
from perdure.storage.sqlite.store import SqliteStore

METHODS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (
        SqliteStore,
        "store",
        (
            "commit",
            "probe",
            "count_attempts",
            "set_attempts",
            "purge_history",
            "backup",
            "close",
            "load",
            "outcomes",
        ),
    ),
    (
        store,
        "opening",
        ("refuse_other_files", "create_private", "connect_writer", "migrate", "_count_opening"),
    ),
    (store, "batch", ("write_batch",)),
    (reader, "copy", ("copy_store",)),
    (Owner, "owner", ("release",)),
    (Reserve, "reserve", ("make", "remove")),
    (Activation, "activation", ("_activate", "_instance", "settle", "passivate")),
    (Partition, "partition", ("_open_gate", "_settle", "close_turn")),
    (Requests, "requests", ("settle",)),
    (Attempts, "attempts", ("begin", "ended")),
    (Suspects, "suspects", ("_note", "_let_pass")),
    (ThreadedRuntime, "runtime", ("run", "stop")),
    (Node, "node", ("close",)),
)
"""Where methods are, what to call it, and which."""

STATEMENTS = (
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "CREATE",
    "ALTER",
    "UPDATE",
    "PRAGMA wal",
    "PRAGMA j",
)
"""What the beginnings of statements are that are named; others are told with their batch."""


class Fuse:
    """Counts the named places that this process passes, and kills it at one of them.

    Args:
        at: at the how-manieth; 0: at none.
        told: where the fatal place's name is written.
    """

    def __init__(self, at: int, told: Path) -> None:
        self._at = at
        self._told = told
        self._passed = 0
        self._lock = Lock()

    def passes(self, place: str) -> None:
        """The process is at *place*."""
        with self._lock:
            self._passed += 1
            if self._passed == self._at:
                self._told.write_text(place)
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, place: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """*function*, with a place before and one after it."""

        @wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            self.passes(f"before {place}")
            result = function(*args, **kwargs)
            self.passes(f"after {place}")
            return result

        return named


class NamedConnection(sqlite3.Connection):
    """Tells the fuse of the statements that matter."""

    fuse: Fuse

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        name = next((name for name in STATEMENTS if sql.startswith(name)), None)
        if name is None:
            return super().execute(sql, parameters)
        self.fuse.passes(f"before sql {name}")
        cursor = super().execute(sql, parameters)
        self.fuse.passes(f"after sql {name}")
        return cursor

    def backup(self, target: sqlite3.Connection, **options: Any) -> None:
        self.fuse.passes("before sql backup")
        super().backup(target, **options)
        self.fuse.passes("after sql backup")


def light(fuse: Fuse) -> None:
    """Name all places of this process, for good."""
    for owner, what, names in METHODS:
        for name in names:
            place = f"{what} {name.strip('_')}"
            setattr(owner, name, fuse.around(place, getattr(owner, name)))
    for migration in migrations._migrations:
        migration.fn = fuse.around(f"migration {migration.name}", migration.fn)
    NamedConnection.fuse = fuse
    connect = partial(sqlite3.connect, factory=NamedConnection)
    setattr(sqlite3, "connect", connect)  # noqa: B010  it is of another type
