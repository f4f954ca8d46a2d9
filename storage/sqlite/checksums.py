"""The checksum of a stored row: it covers where the row belongs as well as what it holds."""

from __future__ import annotations

from zlib import crc32


def row_checksum(
    stream: str, version: int, count: int, time_micros: int, payload: bytes
) -> int:
    """CRC-32 of a turn (*version* is its first) or, with a *count* of 0, of a state."""
    place = f"{stream}\0{version}\0{count}\0{time_micros}".encode()
    return crc32(payload, crc32(place))
