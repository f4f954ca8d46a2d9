"""From decisions to messages: what each thing that an orchestrator asks for sends to whom."""

from __future__ import annotations

from typing import assert_never

import msgspec

from perdure.actors.answers import ANSWER, NULL, Answer, Failure, details_of
from perdure.actors.locks import LOCK, UNLOCK, LockRequest, Release
from perdure.actors.messages import Message
from perdure.orchestration import requests
from perdure.orchestration.ends import OrchestrationEnd
from perdure.orchestration.history import (
    ContinueAsNew,
    Decision,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    PatchMarked,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)

VALUE = "value"
RUN = "run"
RETRY = "retry"
"""The operations by which an activity is asked for an attempt: the first one, and others."""

CANCEL = "$cancel"
"""Tells an activity that the result of an attempt is not needed any more."""


class Asked(msgspec.Struct, array_like=True):
    """What an activity is asked for.

    Attributes:
        input: its input, as JSON.
        attempt: which one by the task's retry policy, from 1.
        first: the task of the first one; 0: this one.
    """

    input: msgspec.Raw
    attempt: int = 1
    first: int = 0


_encode = msgspec.json.Encoder().encode
_asked = msgspec.json.Decoder(Asked).decode


def task_request(generation: str, task_id: int) -> str:
    """The request id of a task: its answer comes under it."""
    return f"{generation}:{task_id}"


def task_of(request_id: str) -> tuple[str, int]:
    """The generation and number of the task that a request id names; 0 for none."""
    generation, _, number = request_id.rpartition(":")
    return generation, int(number) if number.isdecimal() else 0


def activity_address(name: str) -> str:
    """Where the activity of that name lives."""
    return f"@@{name.lower()}"


def message_for(decision: Decision, sender: str, generation: str) -> Message | None:
    """The message that *decision* sends; ``None`` when it sends none by itself."""
    match decision:
        case TaskScheduled():
            asked = Asked(decision.input, decision.attempt, decision.first)
            return Message(
                target=activity_address(decision.name),
                operation=RETRY if decision.first else RUN,
                input=_encode(asked) if decision.first else bytes(decision.input),
                form=VALUE,
                caller=sender,
                answered=True,
                request_id=task_request(generation, decision.id),
            )
        case SubOrchestrationInstanceCreated():
            start = requests.Start(
                name=decision.name,
                input=decision.input,
                version=decision.version,
                tags=decision.tags,
                parent=sender,
                parent_task=task_request(generation, decision.id),
            )
            return send(decision.instance_id, requests.START, start, sender)
        case TimerCreated():
            timer = send(sender, requests.TIMER, None, sender)
            timer.request_id = task_request(generation, decision.id)
            timer.due_micros = decision.fire_at
            timer.id = decision.message
            return timer
        case EventSent():
            event = EventRaised(name=decision.name, data=decision.data)
            return send(decision.instance_id, requests.RAISE_EVENT, event, sender)
        case EntityOperationCalled():
            call = _operation(decision, sender)
            call.answered = True
            call.request_id = task_request(generation, decision.id)
            return call
        case EntityOperationSignaled():
            signal = _operation(decision, sender)
            signal.due_micros = decision.due
            return signal
        case EntityLockRequested():
            lock = LockRequest(decision.section, decision.transaction)
            request = send(decision.entity, LOCK, lock, sender)
            request.answered = True
            request.request_id = task_request(generation, decision.id)
            return request
        case EntityUnlockSent():
            release = Release(decision.section, decision.undo)
            return send(decision.entity, UNLOCK, release, sender)
        case PatchMarked() | ContinueAsNew() | ExecutionCompleted():
            return None
        case _:
            assert_never(decision)


def _operation(
    decision: EntityOperationCalled | EntityOperationSignaled, sender: str
) -> Message:
    return Message(
        target=decision.entity,
        operation=decision.operation,
        input=bytes(decision.input) if decision.form else b"",
        form=decision.form,
        caller=sender,
    )


def send(target: str, operation: str, payload: msgspec.Struct | None, sender: str) -> Message:
    """A message with *payload* as its input; ``None``: its operation says all."""
    message = Message(target=target, operation=operation, caller=sender)
    if payload is not None:
        message.input, message.form = _encode(payload), VALUE
    return message


def release_of(entity: str, section: str, sender: str) -> Message:
    """Lets go of an entity that was locked for nobody any more."""
    return send(entity, UNLOCK, Release(section, undo=True), sender)


def asked_of(message: Message) -> Asked | None:
    """What an activity is asked for; ``None`` when it is no attempt."""
    if message.operation == RUN:
        return Asked(msgspec.Raw(message.input))
    return _asked(message.input) if message.operation == RETRY else None


def cancel_activity(name: str, request_id: str, sender: str, reason: str) -> Message:
    """Tells an attempt that its result is not needed any more."""
    return Message(
        target=activity_address(name),
        operation=CANCEL,
        input=_encode(reason),
        form=VALUE,
        request_id=request_id,
        caller=sender,
    )


def answer(
    parent: str, parent_task: str, sender: str, result: msgspec.Raw, failure: Failure | None
) -> Message:
    """Tells a parent how its child has ended."""
    came = Answer(result=result) if failure is None else Answer(failure=failure)
    return Message(
        target=parent,
        operation=ANSWER,
        input=_encode(came),
        form=VALUE,
        request_id=parent_task,
        caller=sender,
    )


def refusals(start: requests.Start, sender: str, failure: Failure) -> list[Message]:
    """Tell the parent, and whoever wanted to know of the end, that it is not started."""
    told = [notice(one, sender, "Failed", NULL, failure) for one in start.told]
    if start.parent:
        told.append(answer(start.parent, start.parent_task, sender, NULL, failure))
    return told


def notice(
    notice: requests.Notice,
    sender: str,
    status: str,
    output: msgspec.Raw,
    failure: Failure | None,
) -> Message:
    """Signals to an entity how an orchestration has ended."""
    end = OrchestrationEnd(
        instance_id=sender,
        status=status,
        output=output,
        failure_details=None if failure is None else details_of(failure),
    )
    return Message(
        target=notice.entity,
        operation=notice.operation,
        input=_encode(end),
        form=VALUE,
        caller=sender,
    )
