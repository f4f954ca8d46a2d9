"""SQLite alone: one connection and a table, with no engine around it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

ADD = """INSERT INTO counters VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET value = value + excluded.value RETURNING value"""
BATCH = 100


class System:
    """The least that keeps a counter on the disk."""

    name = "sqlite3"
    durability = "SQLite, WAL, synchronous = FULL: an fsync before each commit returns"
    client = "one thread and one connection: a commit for each call, 100 signals in a commit"
    shape = "window"

    def version(self) -> str:
        return sqlite3.sqlite_version

    def start(self, folder: Path) -> None:
        path = folder / "counters.db"
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        table = "CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, value INT) STRICT"
        self.connection.execute(table)

    def stop(self) -> None:
        self.connection.close()

    def call(self, key: str) -> int:
        return int(self.connection.execute(ADD, (key, 1)).fetchone()[0])

    def signal(self, key: str) -> None:
        self.call(key)

    def load_signal(self, keys: list[str], seconds: float) -> tuple[int, int]:
        """Signals in commits of 100."""
        count, end = 0, time.perf_counter() + seconds
        while not count or time.perf_counter() < end:
            self._commit([keys[(count + number) % len(keys)] for number in range(BATCH)])
            count += BATCH
        return count, 0

    def fill(self, count: int, keys: int, first: int) -> None:
        last = first + count
        for begin in range(first, last, 1_000):
            self._commit([f"c{n % keys}" for n in range(begin, min(last, begin + 1_000))])

    def _commit(self, keys: list[str]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        for key in keys:
            self.connection.execute(ADD, (key, 1)).fetchone()
        self.connection.execute("COMMIT")

    def settle(self, count: int) -> None:
        """A commit has returned, so everything is applied."""

    def total(self, key: str) -> int:
        found = self.connection.execute("SELECT value FROM counters WHERE key = ?", (key,))
        row = found.fetchone()
        return int(row[0]) if row else 0

    def transfer(self, giver: str, taker: str) -> int:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(ADD, (f"account {giver}", -1)).fetchone()
        value = self.connection.execute(ADD, (f"account {taker}", 1)).fetchone()[0]
        self.connection.execute("COMMIT")
        return int(value)

    def balance(self, key: str) -> int:
        return self.total(f"account {key}")
