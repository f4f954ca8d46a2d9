"""Messages on their way to a server: as the wire has them, and not too many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from perdure.actors.answers import NULL
from perdure.actors.messages import Message
from perdure.remote import wire

_ENVELOPE_BYTES = 256


def sent(message: Message) -> wire.Sent:
    """A message, ready to be sent."""
    return wire.Sent(
        target=message.target,
        operation=message.operation,
        request_id=message.request_id,
        input=msgspec.Raw(message.input) if message.form else NULL,
        form=message.form,
        due_micros=message.due_micros,
    )


def pieces(messages: Sequence[Message]) -> Iterator[list[wire.Sent]]:
    """*messages* in their order, in lists that each fit into one request."""
    piece: list[wire.Sent] = []
    size = 0
    for message in messages:
        weight = len(message.input) + len(message.target) + _ENVELOPE_BYTES
        if piece and size + weight > wire.BODY_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(sent(message))
        size += weight
    if piece:
        yield piece
