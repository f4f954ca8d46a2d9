"""Makes what waits for its time in a closed store due, so that no test has to be quick."""

from __future__ import annotations

import sqlite3

from perdure.storage.sqlite.checksums import message_checksum

DUE = 1
"""Long ago: microseconds since 1970 UTC."""


def hasten(path: str) -> None:
    """All messages that wait are due."""
    connection = sqlite3.connect(path)
    with connection:
        for number, stream, body in connection.execute("SELECT id, stream, body FROM inbox"):
            crc = message_checksum(stream, body, number, DUE)
            row = (DUE, crc, number)
            connection.execute("UPDATE inbox SET due = ?, crc = ? WHERE id = ?", row)
    connection.close()
