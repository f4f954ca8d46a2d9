"""Reading one orchestration from a store: its row, and the present generation's history."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from perdure.actors.answers import NULL
from perdure.actors.streams import turns_of
from perdure.errors import InstanceNotFoundError
from perdure.orchestration.history import Event, ExecutionStarted, events_beyond
from perdure.orchestration.state import InstanceState, read_state
from perdure.storage.ports import Reader


def find_state(reader: Reader, instance_id: str) -> InstanceState | None:
    """What is stored of it beside its history; ``None`` when there is none.

    Raises:
        CorruptionError: it is damaged.
    """
    row = reader.state(instance_id)
    return None if row is None or row.state is None else read_state(instance_id, row.state)


def require_state(reader: Reader, instance_id: str) -> InstanceState:
    """The same of one that must be there.

    Raises:
        InstanceNotFoundError: there is none.
        CorruptionError: it is damaged.
    """
    state = find_state(reader, instance_id)
    if state is None:
        msg = f"there is no orchestration {instance_id!r}"
        raise InstanceNotFoundError(msg)
    return state


def events_of(reader: Reader, instance_id: str, state: InstanceState) -> Iterator[Event]:
    """What happened to its present generation, and what it decided, oldest first.

    Raises:
        CorruptionError: they are not as this package wrote them.
    """
    return events_beyond(turns_of(reader, instance_id, state.begins), state.begins)


def input_of(reader: Reader, instance_id: str, state: InstanceState) -> msgspec.Raw:
    """What its present generation was started with, as JSON."""
    if state.start is not None:
        return state.start.input
    for event in events_of(reader, instance_id, state):
        if isinstance(event, ExecutionStarted):
            return event.input
    return NULL
