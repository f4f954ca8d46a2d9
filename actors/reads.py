"""Reading one entity: as it is, as it was, its history, and as it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, overload

from perdure.actors.context import to_micros
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent, fold, history_events, read_turn
from perdure.actors.ids import EntityId
from perdure.actors.snapshots import EntitySnapshot, state_object
from perdure.actors.streams import turns_of
from perdure.actors.watching import Watch, watch_in_background
from perdure.errors import InvalidInputError
from perdure.storage.ports import Reader

E = TypeVar("E")


class Source(Protocol):
    """What reads entities."""

    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known of a kind."""
        ...

    def read_entity(self, entity_id: EntityId) -> EntitySnapshot[Any] | None:
        """One entity as it is now."""
        ...

    def read_history(self, entity_id: EntityId, after_version: int) -> Iterator[HistoryEvent]:
        """The events of one entity beyond a version."""
        ...

    def read_past(self, entity_id: EntityId, moment: int | datetime) -> bytes | None:
        """The state of one entity at a version or a time, as JSON."""
        ...

    def watch_entity(self, entity_id: EntityId) -> Watch[Any]:
        """The states of one entity as they come."""
        ...


class Reads(Generic[E]):
    """The reading half of an entity's reference. Everything it shows is durable."""

    __slots__ = ()
    id: EntityId

    @property
    def _source(self) -> Source:
        raise NotImplementedError

    def get(self) -> EntitySnapshot[E] | None:
        """The entity as it is now; ``None`` when it has no state.

        Raises:
            CorruptionError: its row is damaged.
            DecodingError: its state does not fit its class.
        """
        return self._source.read_entity(self.id)

    def history(self, after_version: int = 0) -> Iterator[HistoryEvent]:
        """The entity's events beyond *after_version*, oldest first, read page by page.

        Raises:
            CorruptionError: a turn is damaged.
        """
        return self._source.read_history(self.id, after_version)

    def as_of(self, moment: int | datetime) -> E | None:
        """The state as it was at a version, or at a time; ``None`` when there was none.

        Args:
            moment: a version, or an aware datetime: the state with all events up to it.

        Raises:
            InvalidInputError: the history before was purged, or the version is yet to come.
        """
        if not isinstance(moment, datetime) and (type(moment) is not int or moment < 0):
            msg = f"{moment!r} is neither a version (an int from 0) nor a datetime"
            raise InvalidInputError(msg)
        definition = self._source.definition_of(self.id.kind)
        state = self._source.read_past(self.id, moment)
        result: E | None = None if state is None else state_object(definition, state)
        return result

    @overload
    def watch(self) -> Watch[E]: ...
    @overload
    def watch(self, callback: Callable[[EntitySnapshot[E] | None], None]) -> Watch[E]: ...
    def watch(self, callback: Any = None) -> Watch[E]:
        """Follow the entity: its present state, then the state after each commit.

        A slow reader misses versions in between, never the last one. Without *callback*
        iterate over what is returned; with it, a thread of the watch's own calls it. It ends
        when the watch is closed (``close()``, or a ``with`` block), or the client.
        """
        watch: Watch[E] = self._source.watch_entity(self.id)
        if callback is not None:
            watch_in_background(watch, str(self.id), callback)
        return watch


def events_beyond(
    reader: Reader, entity_id: EntityId, after_version: int
) -> Iterator[HistoryEvent]:
    """An entity's events beyond *after_version*, oldest first, read page by page.

    Raises:
        CorruptionError: a turn is damaged.
    """
    for turn in turns_of(reader, str(entity_id), after_version):
        for event in history_events(turn.first_version, turn.events):
            if event.version > after_version:
                yield event


def state_as_of(
    reader: Reader, definition: EntityDefinition, entity_id: EntityId, moment: int | datetime
) -> bytes | None:
    """The state of an entity with all events up to *moment*, as JSON."""
    stream = str(entity_id)
    base = reader.base(stream)
    last_version = moment if isinstance(moment, int) else None
    last_micros = to_micros(moment) if isinstance(moment, datetime) else None
    if base is not None and (
        (last_version is not None and last_version < base.version)
        or (last_micros is not None and last_micros < base.time_micros)
    ):
        msg = (
            f"the history of {entity_id} begins at version {base.version}; what was before "
            f"{moment} is purged"
        )
        raise InvalidInputError(msg)
    version = base.version if base else 0
    events: list[Any] = []
    for turn in turns_of(reader, stream, version):
        for version, event in enumerate(read_turn(turn.events), turn.first_version):
            if base is not None and version <= base.version:
                continue  # a part of the base
            if last_version is not None and version > last_version:
                break
            if last_micros is not None and event.time > last_micros:
                break
            events.append(event)
    if last_version is not None and last_version > (base.version if base else 0) + len(events):
        msg = f"{entity_id} is at version {version}; version {last_version} is yet to come"
        raise InvalidInputError(msg)
    return fold(definition, base.state if base else None, events).state
