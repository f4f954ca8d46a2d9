"""What a history leaves open, found without running the code. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from perdure.orchestration.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityUnlockSent,
    Event,
    SubOrchestrationInstanceCreated,
    TaskEvent,
    TaskScheduled,
    TimerCreated,
)

Asked = (
    TaskScheduled
    | TimerCreated
    | SubOrchestrationInstanceCreated
    | EntityOperationCalled
    | EntityLockRequested
)
"""Decisions that are answered later."""


def open_tasks(history: Iterable[Event]) -> dict[int, Asked]:
    """What was asked for and has no answer, by task, in the order of the asking.

    A history does not tell that a timer was cancelled, so such timers are among them.
    """
    found: dict[int, Asked] = {}
    for event in history:
        if isinstance(event, Asked):
            found[event.id] = event
        elif isinstance(event, TaskEvent):
            found.pop(event.id, None)
    return found


def releases(history: Iterable[Event]) -> list[EntityUnlockSent]:
    """What lets go of the entities that are locked."""
    asked: dict[int, EntityLockRequested] = {}
    found: dict[str, EntityUnlockSent] = {}
    for event in history:
        match event:
            case EntityLockRequested():
                asked[event.id] = event
            case EntityLockGranted():
                request = asked[event.id]
                found[event.entity] = EntityUnlockSent(
                    entity=event.entity, section=request.section, undo=request.transaction
                )
            case EntityUnlockSent():
                found.pop(event.entity, None)
            case _:
                continue
    return list(found.values())
