"""Reading what a server answers: by its type, or not at all."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from perdure.errors import ServerAnswerError
from perdure.orchestration.history import Event


class Exported(msgspec.Struct):
    """What of an exported history is read."""

    events: list[Event]


def read(data: bytes, kind: Any) -> Any:
    """A value that a server answered with.

    Raises:
        ServerAnswerError: it is of another type.
    """
    try:
        return _reader(kind).decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"the answer is not understood: {error}; use the same perdure on both sides"
        raise ServerAnswerError(msg) from error


@cache
def _reader(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
