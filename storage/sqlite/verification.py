"""Looks for damage that needs no knowledge of what the stored bytes mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from perdure.errors import CorruptionError
from perdure.storage.continuity import find_gaps
from perdure.storage.records import Damage
from perdure.storage.sqlite.rows import (
    Row,
    base_of,
    message_of,
    outcome_of,
    quarantined_of,
    state_of,
    text_of,
    turn_of,
)
from perdure.storage.sqlite.statements import STATEMENTS

Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]
_STREAMS_PAGE = 500
_TURNS_PAGE = 200


def find_damage(reading: Reading) -> Iterator[Damage]:
    """Check the file, then every stream by itself.

    Each page is read in a transaction of its own, so that checking a store in use keeps
    nobody from writing. A stream that changes meanwhile is read in one transaction.
    """
    yield from _file_damage(reading)
    yield from _table_damage(reading, "all_messages", -(1 << 63), _message_damage)
    yield from _table_damage(reading, "quarantined", -(1 << 63), _quarantine_damage)
    yield from _table_damage(reading, "all_outcomes", b"", _outcome_damage)
    after = ""
    while True:
        try:
            with reading() as connection:
                asked = {"after": after, "limit": _STREAMS_PAGE}
                streams = connection.execute(STATEMENTS["streams"], asked).fetchall()
        except CorruptionError as error:
            yield Damage("", f"streams beyond {after!r} cannot be listed: {error}")
            return
        for (stream,) in streams:
            yield from _stream_damage(reading, stream)
        if len(streams) < _STREAMS_PAGE:
            return
        after = streams[-1][0]


def _table_damage(
    reading: Reading, name: str, after: int | bytes, judge: Callable[[Row], Iterator[Damage]]
) -> Iterator[Damage]:
    """Judge every row that a statement lists, page by page, by its first column."""
    while True:
        try:
            with reading() as connection:
                asked = {"after": after, "limit": _STREAMS_PAGE}
                page: list[Row] = connection.execute(STATEMENTS[name], asked).fetchall()
        except CorruptionError as error:
            yield Damage("", f"{name} beyond {after!r} cannot be read: {error}")
            return
        for row in page:
            yield from judge(row)
        if len(page) < _STREAMS_PAGE:
            return
        after = page[-1][0]


def _message_damage(row: Row) -> Iterator[Damage]:
    message = message_of(row)
    if message.corrupt:
        yield Damage(message.stream, message.corrupt)


def _outcome_damage(row: Row) -> Iterator[Damage]:
    outcome = outcome_of(row)
    if outcome.corrupt:
        yield Damage("", outcome.corrupt)


def _quarantine_damage(row: Row) -> Iterator[Damage]:
    return _row_damage(text_of(row[1]), row, quarantined_of)


def _file_damage(reading: Reading) -> Iterator[Damage]:
    try:
        with reading() as connection:
            found = connection.execute("PRAGMA integrity_check(100)").fetchall()
    except CorruptionError as error:
        yield Damage("", str(error))
        return
    for (what,) in found:
        if what != "ok":
            yield Damage("", f"the file's own check: {what}")


def _stream_damage(reading: Reading, stream: str) -> Iterator[Damage]:
    asked = {"stream": stream}
    found: list[Damage] = []
    try:
        with reading() as connection:
            connection.execute("BEGIN")
            base = connection.execute(STATEMENTS["base"], asked).fetchone()
            state = connection.execute(STATEMENTS["state"], asked).fetchone()
            spans = [_span(stream, row, found) for row in _turns(connection, stream)]
    except CorruptionError as error:
        yield Damage(stream, str(error))
        return
    yield from found
    yield from _row_damage(stream, base, base_of)
    yield from _row_damage(stream, state, state_of)
    yield from find_gaps(
        stream,
        base_version=base[1] if base else 0,
        spans=spans,
        state_version=state[1] if state else None,
    )


def _row_damage(
    stream: str, row: Row | None, parse: Callable[[Row], object]
) -> Iterator[Damage]:
    if row is None:
        return
    try:
        parse(row)
    except CorruptionError as error:
        yield Damage(stream, str(error))


def _span(stream: str, row: Row, found: list[Damage]) -> tuple[int, int]:
    found += _row_damage(stream, row, turn_of)
    return row[2], row[3]


def _turns(connection: sqlite3.Connection, stream: str) -> Iterator[Row]:
    """Every turn of *stream*, page by page."""
    after = 0
    while True:
        asked = {"stream": stream, "after": after, "limit": _TURNS_PAGE}
        page: list[Row] = connection.execute(STATEMENTS["turns"], asked).fetchall()
        yield from page
        if len(page) < _TURNS_PAGE:
            return
        after = page[-1][2] + page[-1][3] - 1
