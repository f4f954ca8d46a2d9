"""The messages that an orchestration takes, by operation, and what each carries."""

from __future__ import annotations

import msgspec

from perdure.actors.answers import NULL
from perdure.actors.messages import Message
from perdure.orchestration.history import EventRaised, ExecutionStarted

START = "start"
BEGIN = "begin"
RENEW = "renew"
TIMER = "timer"
RAISE_EVENT = "raise_event"
TERMINATE = "terminate"
CANCEL = "cancel"
SUSPEND = "suspend"
RESUME = "resume"
REWIND = "rewind"
PURGE = "purge"
LOOK = "look"
"""Changes nothing: its answer comes after what waited in the mailbox before it."""


class Notice(msgspec.Struct, array_like=True, frozen=True):
    """Whom to signal when an orchestration has ended.

    Attributes:
        entity: its address.
        operation: which one; its input is an ``OrchestrationEnd``.
    """

    entity: str
    operation: str


class Start(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """Begin to exist.

    Attributes:
        name: of the orchestrator.
        input: its input.
        version: which one, and what is stamped.
        tags: what its starter says of it.
        parent: the orchestration that starts it; empty for none.
        parent_task: the request of the parent to answer when it ends.
        start_at: not before, in microseconds since 1970 UTC; 0 for at once.
        if_exists: ``error``: one that lives is in the way; ``return``: it will do; ``keep``:
            one that has ended will do as well.
        events: what to raise, to the new one or the one that lives.
        told: whom to signal at the end of the new one, or of the one that will do.
    """

    name: str
    input: msgspec.Raw = NULL
    version: str = ""
    tags: dict[str, str] = {}
    parent: str = ""
    parent_task: str = ""
    start_at: int = 0
    if_exists: str = "error"
    events: list[EventRaised] = []
    told: list[Notice] = []


class Renew(msgspec.Struct):
    """The next generation begins, with the events that nobody has waited for."""

    started: ExecutionStarted
    events: list[EventRaised]


class Terminate(msgspec.Struct, omit_defaults=True):
    """End at once."""

    output: msgspec.Raw = NULL
    recursive: bool = True


class Purge(msgspec.Struct, omit_defaults=True):
    """Be forgotten, and the children with it."""

    recursive: bool = True


class Reason(msgspec.Struct, omit_defaults=True):
    """Why somebody cancels, suspends, resumes or rewinds."""

    reason: str = ""


encode = msgspec.json.Encoder().encode
decode_start = msgspec.json.Decoder(Start).decode
decode_renew = msgspec.json.Decoder(Renew).decode
decode_event = msgspec.json.Decoder(EventRaised).decode
decode_terminate = msgspec.json.Decoder(Terminate).decode
decode_purge = msgspec.json.Decoder(Purge).decode
decode_reason = msgspec.json.Decoder(Reason).decode


def events_in(message: Message) -> list[EventRaised]:
    """The external events that a message brings."""
    match message.operation:
        case "raise_event":
            return [decode_event(message.input)]
        case "start":
            return decode_start(message.input).events
        case _:
            return []
