"""What an answer to a task means, and what a child tells its parent."""

from __future__ import annotations

import msgspec

from perdure.actors.answers import Answer, Failure
from perdure.actors.locks import Locked
from perdure.orchestration.history import (
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    ExecutionCompleted,
    Happening,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
)
from perdure.orchestration.state import (
    COMPLETED,
)


def happening_of(kind: str, task_id: int, caller: str, came: Answer) -> Happening:
    """The event that an answer to a task is."""
    result = came.result
    failure = came.failure
    if failure is not None:
        match kind:
            case "activity":
                return TaskFailed(id=task_id, failure=failure)
            case "child":
                return SubOrchestrationInstanceFailed(id=task_id, failure=failure)
            case _:
                return EntityOperationFailed(id=task_id, failure=failure)
    match kind:
        case "activity":
            return TaskCompleted(id=task_id, result=result)
        case "child":
            return SubOrchestrationInstanceCompleted(id=task_id, result=result)
        case "lock":
            return EntityLockGranted(id=task_id, entity=caller)
        case _:
            return EntityOperationCompleted(id=task_id, result=result)


_read_granted = msgspec.json.Decoder(Locked).decode


def locked_section(result: msgspec.Raw) -> str:
    """The section that a result grants a lock to; empty for other results."""
    try:
        return _read_granted(result).locked
    except msgspec.MsgspecError:
        return ""


def failure_for_parent(address: str, end: ExecutionCompleted) -> Failure | None:
    """Why a child has no result for its parent; ``None`` when it has one."""
    if end.failure is not None or end.status == COMPLETED:
        return end.failure
    return Failure(
        "perdure.errors.OrchestrationFailedError", f"orchestration {address!r} is {end.status}"
    )
