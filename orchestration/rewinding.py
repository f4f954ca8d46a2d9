"""Rewinding: which failures to leave out so that a failed orchestration goes on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perdure.errors import DecodingError, NonDeterminismError
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    DECISIONS,
    EntityUnlockSent,
    Event,
    ExecutionCompleted,
    ExecutionRewound,
    SubOrchestrationInstanceFailed,
    TaskFailed,
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


def _is_failure(event: Event) -> bool:
    return isinstance(event, TaskFailed | SubOrchestrationInstanceFailed)
