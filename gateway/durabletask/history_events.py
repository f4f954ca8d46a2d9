"""The history of an orchestration as the field's HTTP API shows it.

It is compacted: what was scheduled and has come to an end is one entry, the end, which says
when it was scheduled and what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perdure.actors.answers import Failure
from perdure.actors.context import to_datetime
from perdure.orchestration import history as events
from perdure.orchestration.history import Event, TaskEvent

_SCHEDULED = (
    events.TaskScheduled,
    events.SubOrchestrationInstanceCreated,
    events.TimerCreated,
    events.EntityOperationCalled,
    events.EntityLockRequested,
)
_ENDED = (
    events.TaskCompleted,
    events.TaskFailed,
    events.SubOrchestrationInstanceCompleted,
    events.SubOrchestrationInstanceFailed,
    events.TimerFired,
    events.EntityOperationCompleted,
    events.EntityOperationFailed,
    events.EntityLockGranted,
)


def moment(micros: int) -> str:
    """A time with its fractions, in UTC."""
    return to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def compacted(history: Iterable[Event], *, with_output: bool) -> list[dict[str, Any]]:
    """The entries for a history.

    Args:
        history: the events, oldest first.
        with_output: also what was passed and what came of it.
    """
    entries: dict[int, dict[str, Any]] = {}
    open_tasks: dict[int, tuple[int, Event]] = {}
    for place, event in enumerate(history):
        entry: dict[str, Any] = {"EventType": event.event_type, "Timestamp": moment(event.time)}
        if isinstance(event, _ENDED) and event.id in open_tasks:
            at, scheduled = open_tasks.pop(event.id)
            del entries[at]
            entry |= _described(scheduled)
            entry["ScheduledTime"] = moment(scheduled.time)
        if isinstance(event, _SCHEDULED):
            open_tasks[event.id] = (place, event)
        if isinstance(event, TaskEvent):
            entry["TaskId"] = event.id
        entries[place] = entry | _described(event) | _outcome(event, with_output=with_output)
    return list(entries.values())


def _described(event: Event) -> dict[str, Any]:
    """What an event is about, without what was passed."""
    match event:
        case events.ExecutionStarted(name=name) | events.TaskScheduled(name=name):
            return {"FunctionName": name}
        case events.SubOrchestrationInstanceCreated(name=name, instance_id=instance_id):
            return {"FunctionName": name, "InstanceId": instance_id}
        case events.TimerCreated(fire_at=fire_at):
            return {"FireAt": moment(fire_at)}
        case (
            events.EntityOperationCalled(entity=entity, operation=operation)
            | events.EntityOperationSignaled(entity=entity, operation=operation)
        ):
            return {"FunctionName": entity, "Operation": operation}
        case (
            events.EntityLockRequested(entity=entity)
            | events.EntityLockGranted(entity=entity)
            | events.EntityUnlockSent(entity=entity)
        ):
            return {"FunctionName": entity}
        case events.EventRaised(name=name):
            return {"Name": name}
        case events.EventSent(name=name, instance_id=instance_id):
            return {"Name": name, "InstanceId": instance_id}
        case events.ExecutionCompleted(status=status):
            return {"OrchestrationStatus": status}
        case (
            events.ExecutionSuspended(reason=reason)
            | events.ExecutionResumed(reason=reason)
            | events.ExecutionRewound(reason=reason)
            | events.ExecutionCancelRequested(reason=reason)
        ):
            return {"Reason": reason}
        case _:
            return {}


def _outcome(event: Event, *, with_output: bool) -> dict[str, Any]:
    """What came of it; what was passed along only *with_output*."""
    failure: Failure | None = getattr(event, "failure", None)
    if failure is not None:
        reason = f"{failure.error_type}: {failure.message}"
        return {"Reason": reason} | ({"Details": failure.stack_trace} if with_output else {})
    if not with_output:
        return {}
    match event:
        case (
            events.TaskCompleted(result=result)
            | events.SubOrchestrationInstanceCompleted(result=result)
            | events.EntityOperationCompleted(result=result)
            | events.ExecutionCompleted(result=result)
        ):
            return {"Result": result}
        case events.EventRaised(data=data):
            return {"Input": data}
        case _:
            return {}
