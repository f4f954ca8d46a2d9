"""Between rows of the file and records: checksums are checked on the way in."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.errors import CorruptionError
from perdure.storage.records import BaseRow, StoredState, StoredTurn
from perdure.storage.sqlite.checksums import row_checksum

Row = tuple[Any, ...]


def to_json(values: object) -> str:
    """One parameter that holds many values, for ``json_each``."""
    return msgspec.json.encode(values).decode()


def turn_of(row: Row) -> StoredTurn:
    """A turn from (seq, stream, first version, count, time, checksum, events).

    Raises:
        CorruptionError: the checksum does not fit.
    """
    seq, stream, first, count, time_micros, checksum, events = row
    if row_checksum(stream, first, count, time_micros, events) != checksum:
        msg = f"turn {seq} of {stream} at version {first} does not fit its checksum"
        raise CorruptionError(msg)
    return StoredTurn(seq, stream, first, count, events, time_micros)


def state_of(row: Row) -> StoredState:
    """An actor from (stream, version, time, checksum, state, waiting).

    Raises:
        CorruptionError: the checksum does not fit.
    """
    stream, version, time_micros, checksum, state, waiting = row
    if row_checksum(stream, version, 0, time_micros, state) != checksum:
        msg = f"the state of {stream} at version {version} does not fit its checksum"
        raise CorruptionError(msg)
    return StoredState(stream, version, state, time_micros, waiting)


def listed_state_of(row: Row) -> StoredState:
    """An actor among others: a damaged one says so instead of hiding them."""
    try:
        return state_of(row)
    except CorruptionError as error:
        stream, version, time_micros, _, _, waiting = row
        return StoredState(stream, version, None, time_micros, waiting, str(error))


def base_of(row: Row) -> BaseRow:
    """A base from (stream, version, time, checksum, state).

    Raises:
        CorruptionError: the checksum does not fit.
    """
    stream, version, time_micros, checksum, state = row
    if row_checksum(stream, version, 0, time_micros, state or b"") != checksum:
        msg = f"the base of {stream} at version {version} does not fit its checksum"
        raise CorruptionError(msg)
    return BaseRow(stream, version, state, time_micros)
