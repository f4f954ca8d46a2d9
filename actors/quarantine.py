"""Reading what was set aside: the rows of a store's quarantine, and the messages in them."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.actors.messages import Message, from_row
from perdure.errors import CorruptionError
from perdure.storage.ports import Reader
from perdure.storage.records import MessageRow, QuarantineRow

PAGE = 500
"""Rows read at once."""


def quarantined(reader: Reader) -> Iterator[QuarantineRow]:
    """All that was set aside, oldest first, page by page."""
    after = 0
    while page := reader.quarantined(after=after, limit=PAGE):
        yield from page
        after = page[-1].id


def message_in(row: QuarantineRow) -> Message | None:
    """The message that was set aside; ``None`` when it is damaged."""
    try:
        return from_row(MessageRow(row.id, row.stream, 0, row.body))
    except CorruptionError:
        return None
