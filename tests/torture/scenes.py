"""What goes on when a process is killed: loading, recovering, copying, migrating, closing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs

from perdure.storage.sqlite.schema import NAMES
from tests.torture.children import run_child
from tests.torture.crash_points import Fuse, light
from tests.torture.engine_load import Life, app, live_once
from tests.torture.journal import Journal, read_journal

FIRST_KILL = 130
"""The place at which the life before a recovery is killed: much is in hand there."""


@attrs.frozen
class Place:
    """The files of one torture."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "torture.db"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def copy(self) -> Path:
        return self.folder / "copy.db"

    @property
    def copied(self) -> Path:
        """It is there when the backup was acknowledged."""
        return self.folder / "copied"

    @property
    def fatal(self) -> Path:
        """Where the name of the place is written at which the process was killed."""
        return self.folder / "fatal"

    @property
    def wrong(self) -> Path:
        """What the reckoning found wrong."""
        return self.folder / "wrong"


def nothing(_: Place) -> None:
    """A life that begins without a store."""


def cut_off(place: Place) -> None:
    """A life that was killed with much in hand."""

    def live() -> None:
        light(Fuse(FIRST_KILL, place.fatal))
        live_once(place.store, place.journal, rounds=3)

    assert run_child(live)


def cut_off_long_ago(place: Place) -> None:
    """The same, in a file of the first release, whose rows have fewer checksums."""
    cut_off(place)
    with closing(sqlite3.connect(place.store, isolation_level=None)) as connection:
        for table in ("inbox", "requests", "quarantine"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN crc")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name <> ?", NAMES[:1])


def load(place: Place) -> None:
    """Everything at once, to a clean end."""
    live_once(place.store, place.journal, life=2, rounds=2)


def recover(place: Place) -> None:
    """What the last life has left; some of it is asked for again."""
    live_once(place.store, place.journal, life=2, rounds=0)


def checkpoint(place: Place) -> None:
    """The log is emptied again and again."""
    journal = Journal(place.journal)
    with app.open(str(place.store)) as client:
        me = Life(client, journal, 2)
        for _ in range(3):
            me.work(1)
            client.node.maintain(lambda store: store.probe())
        me.arrive()


def back_up(place: Place) -> None:
    """A copy is made while there is work."""
    journal = Journal(place.journal)
    with app.open(str(place.store)) as client:
        me = Life(client, journal, 2)
        me.work(1)
        client.backup(str(place.copy))
        place.copied.touch()
        me.work(1)


def shut_down(place: Place) -> None:
    """The store is closed with everything in hand."""
    journal = Journal(place.journal)
    client = app.open(str(place.store))
    me = Life(client, journal, 2)
    me.repeat(read_journal(place.journal))
    me.work(1)
    client.close()


@attrs.frozen
class Scene:
    """What was before, and what is done while the kill comes."""

    prepare: Callable[[Place], None]
    act: Callable[[Place], None]

    def play(self, place: Place, at: int) -> bool:
        """Act in a child that is killed at the *at*-th place; false when it came to its end."""
        return run_child(partial(_play_lit, self.act, place, at))


def _play_lit(act: Callable[[Place], None], place: Place, at: int) -> None:
    light(Fuse(at, place.fatal))
    act(place)


SCENES: dict[str, Scene] = {
    "load": Scene(nothing, load),
    "recovery": Scene(cut_off, recover),
    "checkpoint": Scene(nothing, checkpoint),
    "backup": Scene(cut_off, back_up),
    "migration": Scene(cut_off_long_ago, recover),
    "shutdown": Scene(cut_off, shut_down),
}
