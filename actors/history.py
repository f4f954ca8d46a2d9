"""An entity's past: its stored events as values, and the state that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs
import msgspec

from perdure.actors.context import to_datetime
from perdure.actors.definition import EntityDefinition
from perdure.actors.entity import Entity
from perdure.actors.entity_events import Changed, Deleted, Recorded, StoredEvent, read_events
from perdure.actors.state import EntityState, fresh_state, join_fields, loaded_state
from perdure.errors import CorruptionError, DecodingError

_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_any = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode


@attrs.frozen(kw_only=True)
class HistoryEvent:
    """One event of an entity's history.

    Attributes:
        version: the entity's version after it.
        time: when its operation ran, in UTC.
        operation: the operation's name.
        request_id: the request's id; empty when its sender chose none.
        caller: the address of the actor that sent it; ``None`` for a client.
        kind: ``changed``, ``recorded`` or ``deleted``.
        changes: of a ``changed`` event the changed fields (of a function-style entity: the
            state), as plain JSON values.
        name: of a ``recorded`` event its registered name.
        data: of a ``recorded`` event its fields as they were stored, as plain JSON values.
        event_version: of a ``recorded`` event the version of its class at the time.
    """

    version: int
    time: datetime
    operation: str
    request_id: str = ""
    caller: str | None = None
    kind: str = "changed"
    changes: Any = None
    name: str | None = None
    data: Mapping[str, Any] | None = None
    event_version: int | None = None


def read_turn(events: bytes) -> list[StoredEvent]:
    """The events of one stored turn.

    Raises:
        CorruptionError: they are not as this package wrote them.
    """
    try:
        return read_events(events)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> CorruptionError:
    msg = f"stored events cannot be read: {error}; restore a backup, or purge the history"
    return CorruptionError(msg)


def history_events(first_version: int, events: bytes) -> list[HistoryEvent]:
    """One stored turn as public values.

    Args:
        first_version: of its first event.
        events: the JSON array that is stored.

    Raises:
        CorruptionError: they are not as this package wrote them.
    """
    read = read_turn(events)
    try:
        return [_public(version, event) for version, event in enumerate(read, first_version)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise _unreadable(error) from error


def _public(version: int, event: StoredEvent) -> HistoryEvent:
    plain = HistoryEvent(
        version=version,
        time=to_datetime(event.time),
        operation=event.operation,
        request_id=event.request,
        caller=event.caller or None,
    )
    match event:
        case Changed():
            return attrs.evolve(plain, changes=_read_any(event.changes))
        case Recorded():
            return attrs.evolve(
                plain,
                kind="recorded",
                name=event.name,
                data=_read_any(event.data),
                event_version=event.version,
            )
        case Deleted():
            return attrs.evolve(plain, kind="deleted")


@attrs.frozen
class Folded:
    """What a sequence of events comes to.

    Attributes:
        state: as JSON; ``None`` when deleted or never there.
        same_code: every recorded event was applied by the code that applied it at first. When
            false, another state than the stored one means "handlers changed since", not damage.
    """

    state: bytes | None
    same_code: bool = True


def fold(
    definition: EntityDefinition, base: bytes | None, events: Iterable[StoredEvent]
) -> Folded:
    """The state after *events*, starting at *base*.

    Args:
        definition: whose handlers apply the recorded events.
        base: the state before the first one as JSON; ``None`` for none.
        events: in order of their versions; see :func:`read_turn`.

    Raises:
        UnknownEventError: a recorded event has no handler any more.
        DecodingError: an event or a state in between does not fit today's classes.
    """
    folder = _Folder(definition, base)
    for event in events:
        match event:
            case Changed():
                folder.change(event)
            case Recorded():
                folder.apply(event)
            case Deleted():
                folder.delete()
    return Folded(folder.state(), folder.same_code)


class _Folder:
    """The state while events are added; an object only while handlers need one."""

    def __init__(self, definition: EntityDefinition, base: bytes | None) -> None:
        self._definition = definition
        self._stored = base
        self._live: EntityState | None = None
        self.same_code = True

    def state(self) -> bytes | None:
        """The state now."""
        if self._live is not None:
            self._stored = join_fields(self._definition.fields, self._live.encoded)
            self._live = None
        return self._stored

    def change(self, event: Changed) -> None:
        """Put in changed fields."""
        before = self.state()
        if event.whole or before is None:
            self._stored = bytes(event.changes)
        else:
            self._stored = _write(_fields(before) | _fields(bytes(event.changes)))

    def delete(self) -> None:
        """Remove the state."""
        self._stored = None
        self._live = None

    def apply(self, event: Recorded) -> None:
        """Let today's handler apply a domain event."""
        definition = self._definition
        self.same_code = self.same_code and event.code == definition.handlers_print
        if event.base:
            self._stored = bytes(event.base)
            self._live = None
        if self._live is None:
            if self._stored is None:
                self._live = fresh_state(definition)
            else:
                self._live, _ = loaded_state(definition, self._stored)
        live = self._live
        spec, value = definition.read_event(event.name, event.version, bytes(event.data))
        try:
            spec.apply(live.entity, value)
            live.keep(live.changes())
        except Exception as error:
            msg = f"{definition.kind}: the handler of event {spec.name!r} failed on it: {error}"
            raise DecodingError(msg) from error


def _fields(state: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _read_fields(state)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"a stored state is no JSON object: {error}"
        raise CorruptionError(msg) from error


def same_state(one: bytes | None, other: bytes | None) -> bool:
    """True when two states are equal, whatever the order of their fields."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    first, second = _read_any(one), _read_any(other)
    return bool(first == second)


def read_state(definition: EntityDefinition, state: bytes) -> Any:
    """A stored state as a value: an object of the entity class, or plain for function style.

    The object is the caller's own; changing it changes nothing stored.

    Raises:
        DecodingError: it does not fit the class; the message names the field.
    """
    if definition.cls is None:
        return _read_any(state)
    entity: Entity = loaded_state(definition, state)[0].entity
    return entity
