"""Rewinding: which failures to leave out so that a failed orchestration goes on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from perdure.errors import NonDeterminismError
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    DECISIONS,
    EntityLockGranted,
    EntityLockRequested,
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


def without(
    history: Sequence[Event], new_execution: Callable[[], Execution]
) -> tuple[Execution, list[Event]]:
    """The code as it stands when its failures are left out, and the failures.

    A failure that the code has dealt with cannot be left out: what it decided then would not
    fit. So first all are tried, then only those after the last decision.

    Raises:
        NonDeterminismError: the code does not fit its history in either way.
    """
    assert isinstance(history[-1], ExecutionCompleted)
    rest = history[:-1]
    last = max(
        (place for place, event in enumerate(rest) if isinstance(event, DECISIONS)), default=0
    )
    failures = [event for event in rest if _is_failure(event)]
    late = [event for event in rest[last:] if _is_failure(event)]
    tries = [failures] if late == failures else [failures, late]
    for failed in tries:
        execution = new_execution()
        try:
            execution.replay(
                [event for event in rest if not any(event is one for one in failed)]
            )
        except NonDeterminismError:
            execution.close()
            if failed is tries[-1]:
                raise
        else:
            return execution, failed
    raise AssertionError


def _is_failure(event: Event) -> bool:
    return isinstance(event, TaskFailed | SubOrchestrationInstanceFailed)


@attrs.frozen
class OpenTasks:
    """What a history leaves open.

    Attributes:
        timers: ids of the messages of timers that have not fired.
        children: instance ids of children that have not ended.
        locks: entities that are locked, and for which sections.
        activities: the names of activities that have not ended, by task.
    """

    timers: list[int]
    children: list[str]
    locks: list[tuple[str, str]]
    activities: dict[int, str]


def lost_tasks(history: Iterable[Event]) -> OpenTasks:
    """What is open at the end of *history*, found without running the code."""
    timers: dict[int, int] = {}
    children: dict[int, str] = {}
    activities: dict[int, str] = {}
    asked: dict[int, str] = {}
    locks: dict[str, str] = {}
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
                asked[event.id] = event.section
            case EntityLockGranted():
                locks[event.entity] = asked[event.id]
            case EntityUnlockSent():
                locks.pop(event.entity, None)
            case _:
                continue
    return OpenTasks(
        list(timers.values()), list(children.values()), list(locks.items()), activities
    )
