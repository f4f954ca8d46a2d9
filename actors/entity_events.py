"""An entity's events as they are stored. New fields need defaults; none is ever removed."""

from __future__ import annotations

import msgspec

NOTHING = msgspec.Raw()
"""A whole state that is left out."""


class _Header(msgspec.Struct, tag_field="event", omit_defaults=True, kw_only=True):
    """What all events tell.

    Attributes:
        operation: what was running.
        time: its time, in microseconds since 1970 UTC.
        request: the request's id; empty when none was chosen.
        caller: the sender's address; empty for a client.
    """

    operation: str
    time: int
    request: str = ""
    caller: str = ""


class Changed(_Header, tag="changed", kw_only=True):
    """An operation changed fields.

    Attributes:
        changes: the changed fields by name.
        whole: ``changes`` is all of the state, and takes the place of what was before.
    """

    changes: msgspec.Raw
    whole: bool = False


class Recorded(_Header, tag="recorded", kw_only=True):
    """An operation recorded a domain event.

    Attributes:
        name: the event's registered name.
        version: of its fields.
        data: its fields.
        code: a print of the class's code at the time; other code may apply it differently.
        base: the whole state before it, where that does not follow from earlier events;
            else nothing.
    """

    name: str
    version: int
    data: msgspec.Raw
    code: str = ""
    base: msgspec.Raw = NOTHING


class Deleted(_Header, tag="deleted", kw_only=True):
    """The state was removed."""


StoredEvent = Changed | Recorded | Deleted

write_event = msgspec.json.Encoder().encode
read_event = msgspec.json.Decoder(StoredEvent).decode
read_events = msgspec.json.Decoder(list[StoredEvent]).decode
