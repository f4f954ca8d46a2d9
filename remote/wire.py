"""What a remote client asks of a gateway, and what it is told: JSON, by these shapes.

One POST for each class below, to ``/api/v1/client/{tag}``. A server refuses what it does not
know, so that nothing is silently left out; a client ignores what it does not know. New fields
need defaults; none is ever removed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from perdure.actors.answers import NULL

BASE = "/api/v1/client"
"""Where it begins."""

WAIT_SECONDS = 20.0
"""How long a server lets a client wait for one answer; then the client asks again."""

BODY_BYTES = 1024 * 1024
"""About how large several messages together may be; one alone may be larger."""


class Ask(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that is asked. ``verb`` is where it is sent to."""

    verb: ClassVar[str]
    repeatable: ClassVar[bool] = True
    """Asking it twice does no more, and answers the same."""


class Sent(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A message for an entity or an orchestration; see ``actors/messages.py``."""

    target: str
    operation: str
    request_id: str
    input: msgspec.Raw = NULL
    form: str = ""
    due_micros: int = 0


class Signal(Ask):
    """Send signals, in their order; answered with ``null`` once all of them are durable."""

    verb = "signal"
    messages: list[Sent]


class Call(Ask):
    """Send a call; answered with its result, or late."""

    verb = "call"
    message: Sent
    seconds: float = WAIT_SECONDS


class Wait(Ask):
    """Wait for an orchestration to end (``result``), or begin (``start``)."""

    verb = "wait"
    instance_id: str
    what: str
    seconds: float = WAIT_SECONDS


class Entity(Ask):
    """One entity as it is; answered with a :class:`Snapshot`, or ``null``."""

    verb = "entity"
    target: str


class Entities(Ask):
    """A page of entities; answered with an :class:`EntityPage`."""

    verb = "entities"
    kind: str | None = None
    prefix: str = ""
    after: str = ""
    limit: int = 100
    modified_from: datetime | None = None
    modified_to: datetime | None = None


class History(Ask):
    """A page of an entity's events beyond a version."""

    verb = "history"
    target: str
    after_version: int = 0
    limit: int = 200


class Past(Ask):
    """An entity's state at a version or a time."""

    verb = "past"
    target: str
    version: int | None = None
    time: datetime | None = None


class Instance(Ask):
    """One orchestration as it is, or ``null``."""

    verb = "instance"
    instance_id: str
    fetch_input: bool = False


class Export(Ask):
    """The history of one orchestration, as ``export_history`` has it."""

    verb = "export"
    instance_id: str


class Activities(Ask):
    """What is at work for one orchestration."""

    verb = "activities"
    instance_id: str


class Query(Ask):
    """A page of orchestrations."""

    verb = "query"
    statuses: list[str] | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    prefix: str = ""
    name: str | None = None
    tags: dict[str, str] | None = None
    parent: str | None = None
    custom_status: str | None = None
    after: str = ""
    limit: int = 100
    fetch_input: bool = False
    fetch_output: bool = True


class Count(Ask):
    """How many orchestrations there are of each status."""

    verb = "count"
    prefix: str = ""
    name: str | None = None


class Why(Ask):
    """What somebody waits for."""

    verb = "why"
    address: str


class PurgeMany(Ask):
    """Forget finished orchestrations, for a time; answered with a ``PurgeResult``."""

    verb = "purge-instances"
    repeatable = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    statuses: list[str] | None = None
    recursive: bool = True
    seconds: float = WAIT_SECONDS


class PurgeHistory(Ask):
    """Forget an entity's old events; answered with how many turns went."""

    verb = "purge-history"
    repeatable = False
    target: str
    up_to_version: int | None = None
    before: datetime | None = None
    keep: int | None = None


class Status(Ask):
    """How the node is."""

    verb = "status"


class Verify(Ask):
    """Look for what is wrong with the store; answered with a list of ``Finding``, or late."""

    verb = "verify"
    run: str
    """Names the look: asking again with it joins the one that is under way."""
    seconds: float = WAIT_SECONDS


class Backup(Ask):
    """Send a copy of the store; the answer is the file itself."""

    verb = "backup"


class Quarantine(Ask):
    """A page of what was set aside; answered with a list of ``QuarantineRow``."""

    verb = "quarantine"
    after: int = 0
    limit: int = 100


class Redrive(Ask):
    """Try a message that was set aside again; answered with whether there was one."""

    verb = "redrive"
    repeatable = False
    id: int


class Discard(Ask):
    """Forget a message that was set aside; answered with whether there was one."""

    verb = "discard"
    repeatable = False
    id: int


# ---- answers -------------------------------------------------------------------------------


class Snapshot(msgspec.Struct, kw_only=True):
    """An entity as it is; see ``EntitySnapshot``."""

    address: str
    state: msgspec.Raw
    version: int
    modified: datetime
    queue_length: int = 0
    locked_by: str | None = None


class NotReadable(msgspec.Struct, kw_only=True):
    """An entity that is damaged."""

    address: str
    reason: str


class EntityPage(msgspec.Struct, kw_only=True):
    """Part of the list of entities."""

    items: list[Snapshot]
    next: str | None = None
    unreadable: list[NotReadable] = []


class Answer(msgspec.Struct, kw_only=True):
    """What was asked for; ``late``: there is no answer yet, ask again."""

    value: msgspec.Raw = NULL
    late: bool = False


encode = msgspec.json.Encoder().encode


def plain(data: bytes) -> Any:
    """Plain JSON values."""
    return msgspec.json.decode(data)
