"""What is committed of entities, as values: snapshots, pages of them, and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from perdure.actors.context import to_datetime
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent, read_state
from perdure.actors.ids import EntityId
from perdure.actors.locks import lock_of, shown_state
from perdure.errors import CorruptionError, DecodingError, InvalidInputError
from perdure.storage.records import StoredState

E = TypeVar("E")

_read_json = msgspec.json.Decoder().decode


def checked_limit(limit: object) -> int:
    """How many items a page may have.

    Raises:
        InvalidInputError: it is not from 1 to 1,000.
    """
    if type(limit) is not int or not 1 <= limit <= 1000:
        msg = f"limit {limit!r}: use 1 to 1000, and the page's next for more"
        raise InvalidInputError(msg)
    return limit


@attrs.frozen(kw_only=True)
class EntitySnapshot(Generic[E]):
    """An entity as it was at one version, all of it durable.

    Attributes:
        id: whose it is.
        state: an object of its class, yours to keep; of a function-style entity plain values.
        version: how many events it has had.
        modified: when it changed last, in UTC.
        queue_length: how many accepted messages waited for it.
        locked_by: the address of the actor whose section it is in; ``None`` while it is free.
            In a transaction the rest is as before it.
    """

    id: EntityId
    state: E
    version: int
    modified: datetime
    queue_length: int = 0
    locked_by: str | None = None


@attrs.frozen
class Unreadable:
    """An entity whose state cannot be shown.

    Attributes:
        id: whose it is.
        reason: what is wrong with it.
    """

    id: EntityId
    reason: str


@attrs.frozen
class Page(Generic[E]):
    """Part of a longer list.

    Attributes:
        items: this page's.
        unreadable: entities of this page that are damaged, or do not fit today's class.
        next: pass it as ``after`` for the next page; ``None`` after the last.
    """

    items: list[EntitySnapshot[E]]
    next: str | None
    unreadable: list[Unreadable] = attrs.Factory(list[Unreadable])


PLACE_DIGITS = 18
"""Digits of a number that every store can compare with its own."""


@attrs.frozen(order=True)
class Position:
    """A place in the store's feed, written ``turn.event``; later ones are greater."""

    turn: int
    event: int

    def __str__(self) -> str:
        return f"{self.turn}.{self.event}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read ``turn.event``.

        Raises:
            InvalidInputError: it is not of that form.
        """
        turn, _, event = text.partition(".")
        plain = text.isascii() and turn.isdecimal() and event.isdecimal()
        if not plain or len(turn) > PLACE_DIGITS or len(event) > PLACE_DIGITS:
            msg = f"position {text[:80]!r} is not of the form turn.event, such as 17.0"
            raise InvalidInputError(msg)
        return cls(int(turn), int(event))


def checked_position(after: object) -> Position | None:
    """Behind what a feed is read; ``None``: from the first.

    Raises:
        InvalidInputError: it is no position.
    """
    if not isinstance(after, Position | None):
        msg = f"after={after!r} is no Position; use a change's, or Position.parse"
        raise InvalidInputError(msg)
    return after


@attrs.frozen
class Change:
    """One event of the store's feed.

    Attributes:
        position: pass it as ``after`` to go on behind it, also after a restart.
        id: whose event it is.
        event: what happened.
    """

    position: Position
    id: EntityId
    event: HistoryEvent


def state_object(definition: EntityDefinition | None, state: bytes) -> Any:
    """The user's view of a stored state: an object of the class, or plain values.

    Raises:
        DecodingError: it does not fit the class; the message names the field.
    """
    return _read_json(state) if definition is None else read_state(definition, state)


def snapshot_of(
    definition: EntityDefinition | None, row: StoredState | None
) -> EntitySnapshot[Any] | None:
    """The snapshot that a stored row gives; ``None`` when there is no state in it.

    Raises:
        CorruptionError, DecodingError: it cannot be read, or does not fit the class.
    """
    state = None if row is None else shown_state(row.state)
    if row is None or state is None:
        return None
    lock = lock_of(row.state)
    return EntitySnapshot(
        id=EntityId.parse(row.stream),
        state=state_object(definition, state),
        version=row.version,
        modified=to_datetime(row.time_micros),
        queue_length=row.waiting,
        locked_by=None if lock is None else lock.holder,
    )


def page_of(
    definitions: Mapping[str, EntityDefinition], rows: Sequence[StoredState], limit: int
) -> Page[Any]:
    """The page that stored rows give; a row that cannot be read hides none of the others."""
    items: list[EntitySnapshot[Any]] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        entity_id = EntityId.parse(row.stream)
        if row.corrupt is not None:
            unreadable.append(Unreadable(entity_id, row.corrupt))
            continue
        try:
            snapshot = snapshot_of(definitions.get(entity_id.kind), row)
        except (CorruptionError, DecodingError) as error:
            unreadable.append(Unreadable(entity_id, str(error)))
        else:
            if snapshot is not None:
                items.append(snapshot)
    return Page(items, rows[-1].stream if len(rows) == limit else None, unreadable)
