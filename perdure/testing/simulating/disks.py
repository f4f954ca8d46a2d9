"""The disk of a simulated world: memory, or a SQLite file in a folder of its own."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path
from random import Random
from typing import Any, Protocol

from sqlite_utils import Database

from perdure.storage.memory import MemoryStore
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.ports import Store
from perdure.storage.sqlite import SqliteStore
from perdure.storage.sqlite.schema import APPLICATION_ID, NAMES, migrate, migrations
from perdure.testing.crashing import SimulatedCrash


class Disk(Protocol):
    """What outlives the process."""

    def open(self) -> Store:
        """Open the store on it."""
        ...

    def die_opening(self, draw: Random) -> None:
        """Have a process end while it opens the store."""

    def remove(self) -> None:
        """It is not needed any more."""


class InMemory:
    """Bytes in this process."""

    def __init__(self) -> None:
        self._disk = MemoryDisk()

    def open(self) -> Store:
        """Open the store on it."""
        return MemoryStore.open(self._disk)

    def die_opening(self, draw: Random) -> None:
        """It is counted as opened, and nothing else."""
        MemoryStore.open(self._disk)

    def remove(self) -> None:
        """Nothing is left anyway."""


class _Dying(sqlite3.Connection):
    """Ends the process at one of its statements."""

    left = 1 << 30

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Run one statement, or die."""
        self.left -= 1
        if self.left < 0:
            raise SimulatedCrash
        return super().execute(*args)


class InSqlite:
    """A SQLite file, first as the oldest version of perdure made it."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="perdure-simulated-")
        self._path = str(Path(self._folder, "store.db"))
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Database(connection, execute_plugins=False), stop_before=NAMES[1])
        connection.close()

    def open(self) -> Store:
        """Open the store on it."""
        return SqliteStore.open(self._path, durability="process")

    def die_opening(self, draw: Random) -> None:
        """It dies in the middle of its migrations, or when those are done."""
        connection = sqlite3.connect(self._path, isolation_level=None, factory=_Dying)
        connection.left = draw.randrange(20)
        try:
            migrate(connection, self._path)
        except SimulatedCrash:
            pass
        else:
            SqliteStore.open(self._path, durability="process").close(clean=False)
        finally:
            connection.left = 1 << 30
            connection.close()

    def remove(self) -> None:
        """Remove the file, and what SQLite keeps beside it."""
        shutil.rmtree(self._folder, ignore_errors=True)
