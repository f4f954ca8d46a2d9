"""Rewinding: which failures to leave out so that a failed orchestration goes on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from perdure.errors import DecodingError, NonDeterminismError
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    DECISIONS,
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityUnlockSent,
    Event,
    ExecutionCompleted,
    ExecutionRewound,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)


def without_rewound(history: Sequence[Event], begins: int) -> list[Event]:
    """The history as it counts now: without what later rewinds have left out.

    Args:
        history: the events of one generation.
        begins: the version before the first of them.
    """
    gone = {
        version
        for event in history
        if isinstance(event, ExecutionRewound)
        for version in event.again
    }
    return [
        event
        for version, event in enumerate(history, begins + 1)
        if version not in gone and not isinstance(event, ExecutionRewound)
    ]


def last_end(history: Sequence[Event]) -> int:
    """The place of the event with which the orchestration ended."""
    return max(
        place for place, event in enumerate(history) if isinstance(event, ExecutionCompleted)
    )


def without(
    history: Sequence[Event], new_execution: Callable[[], Execution]
) -> tuple[Execution, list[Event], list[Event]]:
    """The code as it stands when its failures are left out.

    A failure that the code has dealt with cannot be left out: what it decided then would not
    fit. So first all are tried, then only those after the last decision, then none: the code
    failed by itself, and may have been mended since.

    Args:
        history: the events of one generation up to its end.
        new_execution: makes one that has not begun.

    Returns:
        The code, the failures that are left out, and the end that is.

    Raises:
        NonDeterminismError, DecodingError: the code does not fit its history in any way.
    """
    kept = len(history) - 1
    while isinstance(history[kept - 1], EntityUnlockSent):
        kept -= 1  # the failure ended a critical section too
    rest, end = history[:kept], list(history[kept:])
    last = max(
        (place for place, event in enumerate(rest) if isinstance(event, DECISIONS)), default=0
    )
    failures = [event for event in rest if _is_failure(event)]
    late = [event for event in rest[last:] if _is_failure(event)]
    tries = [failures, late, []]
    for number, failed in enumerate(tries, 1):
        if failed in tries[number:]:
            continue  # the same once more
        execution = new_execution()
        gone = {id(event) for event in failed}
        try:
            execution.replay([event for event in rest if id(event) not in gone], go_on=True)
        except (NonDeterminismError, DecodingError):
            execution.close()
            if number == len(tries):
                raise
        else:
            return execution, failed, end
    raise AssertionError


def asked_kind(history: Iterable[Event], task_id: int) -> str | None:
    """What a task without an answer is; ``None`` when there is no such task.

    Found without running the code: ``activity``, ``child``, ``lock`` or ``entity``.
    """
    kind: str | None = None
    for event in history:
        if getattr(event, "id", 0) != task_id:
            continue
        match event:
            case TaskScheduled():
                kind = "activity"
            case SubOrchestrationInstanceCreated():
                kind = "child"
            case EntityLockRequested():
                kind = "lock"
            case EntityOperationCalled():
                kind = "entity"
            case _:
                kind = None
    return kind


def _is_failure(event: Event) -> bool:
    return isinstance(event, TaskFailed | SubOrchestrationInstanceFailed)


@attrs.frozen
class OpenTasks:
    """What a history leaves open.

    Attributes:
        timers: ids of the messages of timers that have not fired.
        children: instance ids of children that have not ended.
        locks: what lets go of the entities that are locked.
        activities: the names of activities that have not ended, by task.
    """

    timers: list[int]
    children: list[str]
    locks: list[EntityUnlockSent]
    activities: dict[int, str]


def lost_tasks(history: Iterable[Event]) -> OpenTasks:
    """What is open at the end of *history*, found without running the code."""
    timers: dict[int, int] = {}
    children: dict[int, str] = {}
    activities: dict[int, str] = {}
    asked: dict[int, EntityLockRequested] = {}
    locks: dict[str, EntityUnlockSent] = {}
    for event in history:
        match event:
            case TimerCreated():
                timers[event.id] = event.message
            case SubOrchestrationInstanceCreated():
                children[event.id] = event.instance_id
            case TaskScheduled():
                activities[event.id] = event.name
            case (
                TimerFired()
                | SubOrchestrationInstanceCompleted()
                | SubOrchestrationInstanceFailed()
                | TaskCompleted()
                | TaskFailed()
            ):
                for tasks in (timers, children, activities):
                    tasks.pop(event.id, None)
            case EntityLockRequested():
                asked[event.id] = event
            case EntityLockGranted():
                request = asked[event.id]
                locks[event.entity] = EntityUnlockSent(
                    entity=event.entity, section=request.section, undo=request.transaction
                )
            case EntityUnlockSent():
                locks.pop(event.entity, None)
            case _:
                continue
    return OpenTasks(
        list(timers.values()), list(children.values()), list(locks.values()), activities
    )
