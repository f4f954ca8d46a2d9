"""Messages for orchestrations that come from elsewhere: which there are, and whether they fit.

The engine sends orchestrations more than these, and trusts what they carry; so what comes in is
read, and written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from perdure.actors.ids import checked_name
from perdure.actors.messages import Message
from perdure.errors import InvalidInputError, UnknownOperationError
from perdure.orchestration import requests
from perdure.orchestration.checking import checked_text
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.history import EventRaised
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.programs import Programs
from perdure.orchestration.starting import start_of

IF_EXISTS = ("error", "return", "keep")


def instance_message(programs: Programs, message: Message) -> Message:
    """The same message, with what it carries checked.

    Raises:
        UnknownOperationError: it is none that may come from elsewhere.
        InvalidInputError, UnknownOrchestratorError: what it carries does not fit.
    """
    checked_instance_id(message.target)
    check = _CHECKS.get(message.operation)
    if check is None:
        known = ", ".join(sorted(_CHECKS))
        msg = f"an orchestration cannot be sent {message.operation!r}; use one of {known}"
        raise UnknownOperationError(msg)
    if message.due_micros:
        msg = f"{message.operation} of {message.target!r}: only signals can be sent for a time"
        raise InvalidInputError(msg)
    try:
        message.input = requests.encode(check(programs, message.input))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"{message.operation} of {message.target!r} is not understood: {error}"
        raise InvalidInputError(msg) from error
    message.form = "value"
    return message


def _start(programs: Programs, data: bytes) -> requests.Start:
    asked = requests.decode_start(data)
    given = msgspec.json.decode(asked.input)
    start, _ = start_of(programs, asked.name, given, asked.version or None, asked.tags)
    if asked.if_exists not in IF_EXISTS:
        msg = f"if_exists={asked.if_exists!r}: use one of {', '.join(IF_EXISTS)}"
        raise InvalidInputError(msg)
    start.if_exists = asked.if_exists
    start.start_at = max(0, asked.start_at)
    start.events = [_checked_event(event) for event in asked.events]
    return start


def _event(_: Programs, data: bytes) -> EventRaised:
    return _checked_event(requests.decode_event(data))


def _checked_event(event: EventRaised) -> EventRaised:
    name = checked_name("event name", event.name)
    data = encode_plain(msgspec.json.decode(event.data), f"event {name}")
    return EventRaised(name=name, data=data)


def _terminate(_: Programs, data: bytes) -> requests.Terminate:
    asked = requests.decode_terminate(data)
    output = encode_plain(msgspec.json.decode(asked.output), "the output")
    return requests.Terminate(output, asked.recursive)


def _reason(_: Programs, data: bytes) -> requests.Reason:
    return requests.Reason(checked_text("reason", requests.decode_reason(data).reason))


def _purge(_: Programs, data: bytes) -> requests.Purge:
    return requests.Purge(requests.decode_purge(data).recursive)


_CHECKS: Mapping[str, Callable[[Programs, bytes], Any]] = {
    requests.START: _start,
    requests.RAISE_EVENT: _event,
    requests.TERMINATE: _terminate,
    requests.CANCEL: _reason,
    requests.SUSPEND: _reason,
    requests.RESUME: _reason,
    requests.REWIND: _reason,
    requests.PURGE: _purge,
}
