"""The tables of a store's file, and how older files are brought up to date.

Migrations go forward only and never change once released: a change is a new migration at the
end. A file with a migration that is not listed here was written by a newer perdure.
"""

from __future__ import annotations

import sqlite3
from zlib import crc32

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from perdure.errors import StoreOpenError, StoreVersionError

APPLICATION_ID = 0x50524452
"""What marks a SQLite file as a store of perdure ("PRDR")."""

NAMES = ("0001_first_tables", "0002_more_checksums")
"""Every migration there is, in their order."""

migrations = Migrations("perdure.storage")

_FIRST_TABLES = (
    """CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        incarnation INTEGER NOT NULL,
        clean INTEGER NOT NULL,
        suspect INTEGER,
        last_batch INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        probes INTEGER NOT NULL
    ) STRICT""",
    "INSERT INTO meta VALUES (1, 0, 1, NULL, 0, 0, 0)",
    """CREATE TABLE turns (
        seq INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        first_version INTEGER NOT NULL,
        count INTEGER NOT NULL,
        time INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        events BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX turns_of_stream ON turns (stream, first_version)",
    """CREATE TABLE actors (
        stream TEXT PRIMARY KEY NOT NULL,
        version INTEGER NOT NULL,
        time INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        state BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE inbox (
        id INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        due INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX inbox_by_due ON inbox (due)",
    "CREATE INDEX inbox_by_stream ON inbox (stream)",
    """CREATE TABLE requests (
        request_id TEXT PRIMARY KEY NOT NULL,
        digest BLOB NOT NULL,
        outcome BLOB NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX requests_by_expiry ON requests (expires)",
    """CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        time INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE bases (
        stream TEXT PRIMARY KEY NOT NULL,
        version INTEGER NOT NULL,
        time INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        state BLOB
    ) STRICT""",
)


@migrations(name=NAMES[0])
def first_tables(db: Database) -> None:
    """Turns, actors, inbox, requests, quarantine, bases and the one row of meta."""
    for statement in _FIRST_TABLES:
        db.conn.execute(statement)


_CHECKSUMS = (
    "ALTER TABLE inbox ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE requests ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE quarantine ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    """UPDATE inbox SET crc = crc_of(
        CAST(CAST(stream AS BLOB) || body AS BLOB), (id % 4294967291 + due % 4294967291 * 3)
    )""",
    """UPDATE requests SET crc = crc_of(
        CAST(CAST(request_id AS BLOB) || digest || outcome AS BLOB), expires
    )""",
    """UPDATE quarantine SET crc = crc_of(
        body,
        crc_of(
            CAST(
                id || char(0) || stream || char(0) || attempts || char(0) || reason || char(0)
                || time AS BLOB
            ),
            0
        )
    )""",
)


def _crc_of(data: bytes, start: int) -> int:
    return crc32(data, start % 4_294_967_291)


@migrations(name=NAMES[1])
def more_checksums(db: Database) -> None:
    """Checksums of waiting and quarantined messages, and of outcomes of requests."""
    db.conn.create_function("crc_of", 2, _crc_of)
    for statement in _CHECKSUMS:
        db.conn.execute(statement)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the file behind *connection* up to date; a new file gets its tables.

    Raises:
        StoreOpenError: it is a database of another program.
        StoreVersionError: a newer perdure has written it.
    """
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and _mark(connection) == 0:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db = check_store(connection, path)
    if migrations.pending(db):
        migrations.apply(db)


def check_store(connection: sqlite3.Connection, path: str) -> Database:
    """The file behind *connection*, which is a store that this version can read.

    Raises:
        StoreOpenError: it is a database of another program.
        StoreVersionError: a newer perdure has written it.
    """
    if _mark(connection) != APPLICATION_ID:
        msg = f"{path!r} is a SQLite database of another program; choose another path"
        raise StoreOpenError(msg)
    db = Database(connection, execute_plugins=False)
    unknown = sorted({migration.name for migration in migrations.applied(db)} - set(NAMES))
    if unknown:
        msg = f"{path!r} was written by a newer perdure ({unknown[-1]}); upgrade perdure"
        raise StoreVersionError(msg)
    return db


def check_up_to_date(db: Database, path: str) -> None:
    """Refuse to read, without the right to write, a file that was not brought up to date.

    Raises:
        StoreOpenError: an older perdure has written it.
    """
    if migrations.pending(db):
        msg = f"{path!r} was written by an older perdure; open it once with App.open, or `run`"
        raise StoreOpenError(msg)


def _mark(connection: sqlite3.Connection) -> int:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    return int(mark)
