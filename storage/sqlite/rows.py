"""Between rows of the file and records: checksums are checked on the way in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from perdure.errors import CorruptionError
from perdure.storage.records import (
    BaseRow,
    MessageRow,
    OutcomeRow,
    QuarantineRow,
    StoredState,
    StoredTurn,
)
from perdure.storage.sqlite.checksums import (
    fits,
    message_checksum,
    outcome_checksum,
    quarantine_checksum,
    row_checksum,
)

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
    if not fits(checksum, row_checksum, stream, first, count, time_micros, events):
        msg = f"turn {seq} of {stream} at version {first} does not fit its checksum"
        raise CorruptionError(msg)
    return StoredTurn(seq, stream, first, count, events, time_micros)


def state_of(row: Row) -> StoredState:
    """An actor from (stream, version, time, checksum, state, waiting).

    Raises:
        CorruptionError: the checksum does not fit.
    """
    stream, version, time_micros, checksum, state, waiting = row
    if not fits(checksum, row_checksum, stream, version, 0, time_micros, state):
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
    if not fits(checksum, row_checksum, stream, version, 0, time_micros, state or b""):
        msg = f"the base of {stream} at version {version} does not fit its checksum"
        raise CorruptionError(msg)
    return BaseRow(stream, version, state, time_micros)


def text_of(stored: bytes | None) -> str:
    """Text that is read as bytes, since damage may have left it no text, or nothing."""
    return (stored or b"").decode(errors="replace")


def message_of(row: Row) -> MessageRow:
    """A waiting message from (id, stream, due, body, attempts, checksum)."""
    message_id, stream, due, body, attempts, checksum = row
    stream = stream if isinstance(stream, str) else text_of(stream)
    corrupt = None
    if not fits(checksum, message_checksum, stream, body, message_id, due) or not isinstance(
        attempts, int
    ):
        corrupt = f"message {message_id} of {stream} does not fit its checksum"
    return MessageRow(message_id, stream, due, body, attempts, corrupt)


def values_of_messages(rows: Iterable[MessageRow]) -> list[Row]:
    """(id, stream, due, attempts, body, checksum) of each message."""
    return [
        (
            row.id,
            row.stream,
            row.due_micros,
            row.attempts,
            row.body,
            message_checksum(row.stream, row.body, row.id, row.due_micros),
        )
        for row in rows
    ]


def outcome_of(row: Row) -> OutcomeRow:
    """A request's outcome from (request id, digest, outcome, expiry, checksum)."""
    request_id, digest, outcome, expires, checksum = row
    request_id = request_id if isinstance(request_id, str) else text_of(request_id)
    corrupt = None
    if not fits(checksum, outcome_checksum, request_id, digest, outcome, expires):
        corrupt = f"the outcome of request {request_id!r} does not fit its checksum"
    return OutcomeRow(request_id, digest, outcome, expires, corrupt)


def values_of_outcomes(rows: Iterable[OutcomeRow]) -> list[Row]:
    """(request id, digest, outcome, expiry, checksum) of each outcome."""
    return [
        (
            row.request_id,
            row.digest,
            row.outcome,
            row.expires_micros,
            outcome_checksum(row.request_id, row.digest, row.outcome, row.expires_micros),
        )
        for row in rows
    ]


def quarantined_of(row: Row) -> QuarantineRow:
    """A message set aside from (id, stream, body, attempts, reason, time, checksum).

    Raises:
        CorruptionError: the checksum does not fit.
    """
    message_id, stream, body, attempts, reason, time_micros, checksum = row
    stream, reason = text_of(stream), text_of(reason)
    place = (message_id, stream, attempts, reason, time_micros, body)
    if not fits(checksum, quarantine_checksum, *place):
        msg = f"quarantined message {message_id} of {stream} does not fit its checksum"
        raise CorruptionError(msg)
    return QuarantineRow(message_id, stream, body, attempts, reason, time_micros)


def listed_quarantined_of(row: Row) -> QuarantineRow:
    """A message set aside among others: a damaged one says so instead of hiding them."""
    try:
        return quarantined_of(row)
    except CorruptionError as error:
        message_id, stream, body, attempts, reason, time_micros, _ = row
        told = f"damaged: {error}; discard it. The reason it was there: {text_of(reason)}"
        return QuarantineRow(message_id, text_of(stream), body, attempts, told, time_micros)


def values_of_quarantined(row: QuarantineRow) -> Row:
    """(id, stream, attempts, reason, time, body, checksum) of a message set aside."""
    place = (row.id, row.stream, row.attempts, row.reason, row.time_micros, row.body)
    return (*place, quarantine_checksum(*place))
