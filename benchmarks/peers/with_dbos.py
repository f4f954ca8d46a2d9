"""DBOS: a library whose workflows are checkpointed in SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, SQLAlchemyDatasource

ADD = sa.text(
    "INSERT INTO counters VALUES (:key, :amount) ON CONFLICT (key)"
    " DO UPDATE SET value = counters.value + excluded.value RETURNING value"
)
TABLE = sa.text("CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, value INT)")


@DBOS.step()
def step(number: int) -> int:
    return number + 1


@DBOS.workflow()
def sequence(number: int) -> int:
    for _ in range(3):
        number = step(number)
    return number


@DBOS.step()
async def step_of_many(number: int) -> int:
    return number + 1


@DBOS.workflow()
async def fan_out(width: int) -> int:
    return sum(await asyncio.gather(*(step_of_many(number) for number in range(width))))


class System:
    """Workflows run in this process; counters are rows that its transactions change."""

    name = "dbos"
    durability = (
        "SQLite, WAL (set by us: DBOS leaves the slower rollback journal), synchronous = FULL"
    )
    client = "a thread for each workflow in flight, which calls it and waits"
    shape = "threads"

    def version(self) -> str:
        return version("dbos")

    def start(self, folder: Path) -> None:
        for name in ("dbos", "app"):
            with contextlib.closing(sqlite3.connect(folder / f"{name}.sqlite")) as connection:
                connection.execute("PRAGMA journal_mode = WAL")  # stays with the file
        self.launch(f"sqlite:///{folder}/dbos.sqlite", f"sqlite:///{folder}/app.sqlite")

    def launch(self, system: str, own: str) -> None:
        """Launch DBOS over one database, with the application's table in another."""
        DBOS(
            config={
                "name": "bench",
                "system_database_url": system,
                "log_level": "ERROR",
                "application_version": "bench",
            }
        )
        self.source = SQLAlchemyDatasource.create(own)
        with self.source.engine.begin() as connection:
            connection.execute(TABLE)

        @DBOS.workflow()
        def add(key: str, amount: int) -> int:
            return self.source.run_tx_step(None, self._add, [(key, amount)])

        @DBOS.workflow()
        def move(giver: str, taker: str) -> int:
            changes = [(f"account {giver}", -1), (f"account {taker}", 1)]
            return self.source.run_tx_step(None, self._add, changes)

        self.add, self.move = add, move
        DBOS.launch()

    def stop(self) -> None:
        DBOS.destroy()

    def _add(self, changes: list[tuple[str, int]]) -> int:
        value = 0
        for key, amount in changes:
            given = {"key": key, "amount": amount}
            value = int(self.source.sql_session().execute(ADD, given).scalar_one())
        return value

    def sequence(self, number: int) -> int:
        return sequence(number)

    def fan_out(self, width: int) -> int:
        return asyncio.run(fan_out(width))

    def call(self, key: str) -> int:
        return self.add(key, 1)

    def total(self, key: str) -> int:
        with self.source.engine.connect() as connection:
            found = connection.execute(
                sa.text("SELECT value FROM counters WHERE key = :key"), {"key": key}
            )
            return int(found.scalar() or 0)

    def transfer(self, giver: str, taker: str) -> int:
        """Both accounts in one transaction."""
        return self.move(giver, taker)

    def balance(self, key: str) -> int:
        return self.total(f"account {key}")
