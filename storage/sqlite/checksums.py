"""The checksum of a stored row: it covers where the row belongs as well as what it holds."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

PRIME = 4_294_967_291
"""The largest one below 2**32."""


def fits(stored: object, checksum: Callable[..., int], *values: object) -> bool:
    """Whether *values*, as they were read, have the checksum that is stored with them.

    Damage may have left values of other types, which have none.
    """
    try:
        return checksum(*values) == stored
    except (TypeError, AttributeError):
        return False


def row_checksum(
    stream: str, version: int, count: int, time_micros: int, payload: bytes
) -> int:
    """CRC-32 of a turn (*version* is its first) or, with a *count* of 0, of a state."""
    place = f"{stream}\0{version}\0{count}\0{time_micros}".encode()
    return crc32(payload, crc32(place))


def message_checksum(stream: str, body: bytes, message_id: int, due_micros: int) -> int:
    """CRC-32 of a waiting message; its attempts, which are counted in place, are left out.

    It is taken for every message that is stored, so numbers go in as where the CRC starts:
    the remainder by a prime differs for any one bit of either that is changed.
    """
    return crc32(stream.encode() + body, (message_id + 3 * due_micros) % PRIME)


def outcome_checksum(request_id: str, digest: bytes, outcome: bytes, expires: int) -> int:
    """CRC-32 of a request's remembered outcome; see :func:`message_checksum`."""
    return crc32(request_id.encode() + digest + outcome, expires % PRIME)


def quarantine_checksum(
    message_id: int, stream: str, attempts: int, reason: str, time_micros: int, body: bytes
) -> int:
    """CRC-32 of a message that was set aside."""
    place = f"{message_id}\0{stream}\0{attempts}\0{reason}\0{time_micros}"
    return crc32(body, crc32(place.encode()))
