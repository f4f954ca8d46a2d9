"""Reading the turns of one stream, page by page."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.storage.ports import Reader
from perdure.storage.records import StoredTurn

PAGE = 200
"""Turns read at once."""


def turns_of(reader: Reader, stream: str, after_version: int = 0) -> Iterator[StoredTurn]:
    """A stream's turns, oldest first, page by page."""
    while page := reader.turns(stream, after_version=after_version, limit=PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after_version = page[-1].first_version + page[-1].count - 1
