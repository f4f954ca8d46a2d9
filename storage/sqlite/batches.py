"""Writes a batch inside a transaction, in few statements.

Python's sqlite3 lets go of the GIL at each step of a statement, so a thousand inserted rows
would be a thousand hand-overs against a busy turn thread. Rows are inserted in chunks of a few
fixed sizes, each one cached statement; ids to delete go as one JSON parameter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from perdure.errors import VersionConflictError
from perdure.storage.records import BaseRow, Batch, StateRow
from perdure.storage.sqlite.checksums import row_checksum
from perdure.storage.sqlite.rows import (
    Row,
    to_json,
    values_of_messages,
    values_of_outcomes,
    values_of_quarantined,
)
from perdure.storage.sqlite.statements import STATEMENTS, of_rows

_CHUNKS = (512, 128, 32, 8, 2, 1)


def write_batch(connection: sqlite3.Connection, batch: Batch, *, last_seq: int) -> None:
    """Write everything but the batch's number; turns get the places after *last_seq*.

    Raises:
        VersionConflictError: a stream is not at its expected version.
    """
    if batch.states:
        _check_versions(connection, batch.states)
    if batch.erased:
        streams = to_json(batch.erased)
        connection.execute(STATEMENTS["erase_turns"], (streams,))
        connection.execute(STATEMENTS["erase_bases"], (streams,))
    if batch.turns:
        _insert(connection, "insert_turns", _turn_rows(batch, last_seq))
    if batch.states:
        _put_states(connection, batch.states)
    for base in batch.bases:
        put_base(connection, base, limit=-1)
    if batch.consumed:
        ids = to_json(batch.consumed)
        connection.execute(STATEMENTS["delete_messages"], (ids,))
    if batch.accepted:
        consumed = set(batch.consumed)
        rows = values_of_messages(row for row in batch.accepted if row.id not in consumed)
        _insert(connection, "insert_messages", rows)
    if batch.outcomes:
        outcomes = {row.request_id: row for row in batch.outcomes}
        rows = values_of_outcomes(outcomes.values())
        _insert(connection, "put_outcomes", rows)
    if batch.quarantined:
        rows = [values_of_quarantined(row) for row in batch.quarantined]
        _insert(connection, "insert_quarantined", rows)


def put_base(connection: sqlite3.Connection, base: BaseRow, *, limit: int) -> int:
    """Begin a stream's history at *base*; returns how many turns before it were dropped.

    Args:
        connection: in a transaction.
        base: where the history begins.
        limit: of turns dropped; -1 for all of them.
    """
    checksum = row_checksum(base.stream, base.version, 0, base.time_micros, base.state or b"")
    row = (base.stream, base.version, base.time_micros, checksum, base.state)
    connection.execute(STATEMENTS["put_base"], row)
    asked = {"stream": base.stream, "version": base.version, "limit": limit}
    return connection.execute(STATEMENTS["purge_turns"], asked).rowcount


def _check_versions(connection: sqlite3.Connection, states: Sequence[StateRow]) -> None:
    expected: dict[str, int] = {}
    reached: dict[str, int] = {}
    for row in states:
        before = reached.get(row.stream)
        if before is None:
            expected[row.stream] = row.expected_version
        elif before != row.expected_version:
            raise _conflict(row.stream, before, row.expected_version)
        reached[row.stream] = row.version
    conflicts = connection.execute(STATEMENTS["find_conflicts"], (to_json(expected),))
    for stream, held in conflicts:
        raise _conflict(stream, held, expected[stream])


def _conflict(stream: str, held: int, expected: int) -> VersionConflictError:
    return VersionConflictError(f"{stream} is at version {held}, not {expected}")


def _turn_rows(batch: Batch, last_seq: int) -> list[Row]:
    return [
        (
            seq,
            turn.stream,
            turn.first_version,
            turn.count,
            turn.time_micros,
            row_checksum(
                turn.stream, turn.first_version, turn.count, turn.time_micros, turn.events
            ),
            turn.events,
        )
        for seq, turn in enumerate(batch.turns, last_seq + 1)
    ]


def _put_states(connection: sqlite3.Connection, states: Sequence[StateRow]) -> None:
    rows: dict[str, Row] = {}
    removed: list[str] = []
    for row in {row.stream: row for row in states}.values():
        if row.state is None:
            removed.append(row.stream)
            continue
        checksum = row_checksum(row.stream, row.version, 0, row.time_micros, row.state)
        rows[row.stream] = (row.stream, row.version, row.time_micros, checksum, row.state)
    if removed:
        connection.execute(STATEMENTS["delete_states"], (to_json(removed),))
    _insert(connection, "put_states", list(rows.values()))


def _insert(connection: sqlite3.Connection, name: str, rows: Sequence[Row]) -> None:
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            values = [value for row in rows[start : start + size] for value in row]
            connection.execute(of_rows(name, size), values)
            start += size
