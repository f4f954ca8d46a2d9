"""The history of an orchestration as bars of a Gantt chart: what was asked for, and its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perdure.actors.answers import Failure
from perdure.gateway.durabletask.history_events import moment
from perdure.orchestration import history as events
from perdure.orchestration.history import Event, TaskEvent

_KINDS: dict[type[Event], str] = {
    events.TaskScheduled: "activity",
    events.SubOrchestrationInstanceCreated: "child",
    events.TimerCreated: "timer",
    events.EntityOperationCalled: "operation",
    events.EntityLockRequested: "lock",
}
"""What takes its time."""

_POINTS = (
    events.EventRaised,
    events.EventSent,
    events.EntityOperationSignaled,
    events.ExecutionSuspended,
    events.ExecutionResumed,
    events.ExecutionRewound,
    events.ExecutionCancelRequested,
    events.ExecutionTerminated,
    events.ContinueAsNew,
)
"""What happens at one moment."""


def bars(history: Iterable[Event]) -> list[dict[str, Any]]:
    """One entry for each task, in the order of the asking, and one for what only happens.

    A task that has not ended has no ``end``. A lock is held until ``released``.
    """
    found: list[dict[str, Any]] = []
    open_bars: dict[int, dict[str, Any]] = {}
    held: dict[str, dict[str, Any]] = {}
    for event in history:
        kind = _KINDS.get(type(event))
        if kind is not None and isinstance(event, TaskEvent):
            bar = _begun(event, kind)
            open_bars[event.id] = bar
            found.append(bar)
        elif isinstance(event, _POINTS):
            found.append(_point(event))
        elif isinstance(event, events.EntityUnlockSent):
            if event.entity in held:
                held.pop(event.entity)["released"] = moment(event.time)
        elif isinstance(event, TaskEvent) and event.id in open_bars:
            bar = open_bars.pop(event.id)
            _end(bar, event)
            if isinstance(event, events.EntityLockGranted):
                held[event.entity] = bar
    return found


def _begun(event: TaskEvent, kind: str) -> dict[str, Any]:
    bar: dict[str, Any] = {
        "kind": kind,
        "taskId": event.id,
        "name": getattr(event, "name", "") or getattr(event, "operation", ""),
        "start": moment(event.time),
        "end": None,
        "status": "Running",
    }
    match event:
        case events.TaskScheduled(attempt=attempt, first=first):
            bar |= {"attempt": attempt, "first": first or event.id}
        case events.SubOrchestrationInstanceCreated(instance_id=instance_id):
            bar["instanceId"] = instance_id
        case events.TimerCreated(fire_at=fire_at):
            bar["fireAt"] = moment(fire_at)
        case (
            events.EntityOperationCalled(entity=entity)
            | events.EntityLockRequested(entity=entity)
        ):
            bar["entity"] = entity
        case _:
            pass
    return bar


def _end(bar: dict[str, Any], event: Event) -> None:
    failure: Failure | None = getattr(event, "failure", None)
    bar["end"] = moment(event.time)
    bar["status"] = "Completed" if failure is None else "Failed"
    if failure is not None:
        bar["error"] = f"{failure.error_type}: {failure.message}"


def _point(event: Event) -> dict[str, Any]:
    name = getattr(event, "name", "") or getattr(event, "operation", "")
    return {
        "kind": "event",
        "type": event.event_type,
        "name": name or getattr(event, "reason", ""),
        "start": moment(event.time),
        "end": moment(event.time),
        "status": "Completed",
    }
