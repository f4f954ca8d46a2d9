"""Durable entities for Python: event-sourced actors that outlive their process.

Names are loaded when they are first used, so that ``import perdure`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from perdure._version import __version__

if TYPE_CHECKING:
    from perdure import errors
    from perdure.actors.context import EntityContext
    from perdure.actors.entity import Entity, applies, ephemeral, event, field, readonly
    from perdure.actors.function_entity import FunctionContext
    from perdure.actors.history import HistoryEvent
    from perdure.actors.ids import EntityId
    from perdure.actors.interface import EntityRef
    from perdure.actors.logs import JsonFormatter
    from perdure.actors.pipeline import PipelineFailure
    from perdure.actors.replies import Reply
    from perdure.actors.snapshots import Change, EntitySnapshot, Page, Position
    from perdure.actors.verification import Finding
    from perdure.errors import (
        AccessDeniedError,
        ActivityProcessDiedError,
        ActivityTimeoutError,
        CancelledError,
        CorruptionError,
        CriticalSectionError,
        DecodingError,
        DefinitionError,
        EncodingError,
        ExtraMissingError,
        FailureDetails,
        ForkedError,
        HistoryTooLongError,
        InstanceAlreadyExistsError,
        InstanceFinishedError,
        InstanceNotFoundError,
        InvalidIdError,
        InvalidInputError,
        MailboxFullError,
        NodeClosedError,
        NonDeterminismError,
        NonRetriableError,
        NotAllowedHereError,
        NotDurableError,
        OperationFailedError,
        OrchestrationFailedError,
        OutcomeUnknownError,
        OwnershipLostError,
        PayloadTooLargeError,
        PerdureError,
        QuarantinedError,
        ReadonlyViolationError,
        ReplyTimeoutError,
        RequestMismatchError,
        RowRejectedError,
        ScheduleNotFoundError,
        ServerAnswerError,
        ServerUnreachableError,
        StoreError,
        StoreOpenError,
        StoreOwnedError,
        StoreUnavailableError,
        StoreVersionError,
        TaskFailedError,
        UnknownActivityError,
        UnknownEntityError,
        UnknownEventError,
        UnknownOperationError,
        UnknownOrchestratorError,
        VersionConflictError,
        WrongStatusError,
    )
    from perdure.orchestration.activity_context import ActivityContext, activity_context
    from perdure.orchestration.app import App
    from perdure.orchestration.context import OrchestrationContext
    from perdure.orchestration.ends import OrchestrationEnd
    from perdure.orchestration.entity_calls import OrchestrationEntityRef
    from perdure.orchestration.http_calls import HttpResponse
    from perdure.orchestration.interface import Client
    from perdure.orchestration.pipeline import Pipeline
    from perdure.orchestration.refs import OrchestrationRef
    from perdure.orchestration.retry import RetryPolicy
    from perdure.orchestration.running import RunningActivity
    from perdure.orchestration.schedules.refs import ScheduleRef, ScheduleState
    from perdure.orchestration.status import OrchestrationPage, OrchestrationState, PurgeResult
    from perdure.orchestration.tasks import EventTask, Task, TimerTask, when_all, when_any
    from perdure.orchestration.why import Reason
    from perdure.remote.connecting import connect

__all__ = [
    "AccessDeniedError",
    "ActivityContext",
    "ActivityProcessDiedError",
    "ActivityTimeoutError",
    "App",
    "CancelledError",
    "Change",
    "Client",
    "CorruptionError",
    "CriticalSectionError",
    "DecodingError",
    "DefinitionError",
    "EncodingError",
    "Entity",
    "EntityContext",
    "EntityId",
    "EntityRef",
    "EntitySnapshot",
    "EventTask",
    "ExtraMissingError",
    "FailureDetails",
    "Finding",
    "ForkedError",
    "FunctionContext",
    "HistoryEvent",
    "HistoryTooLongError",
    "HttpResponse",
    "InstanceAlreadyExistsError",
    "InstanceFinishedError",
    "InstanceNotFoundError",
    "InvalidIdError",
    "InvalidInputError",
    "JsonFormatter",
    "MailboxFullError",
    "NodeClosedError",
    "NonDeterminismError",
    "NonRetriableError",
    "NotAllowedHereError",
    "NotDurableError",
    "OperationFailedError",
    "OrchestrationContext",
    "OrchestrationEnd",
    "OrchestrationEntityRef",
    "OrchestrationFailedError",
    "OrchestrationPage",
    "OrchestrationRef",
    "OrchestrationState",
    "OutcomeUnknownError",
    "OwnershipLostError",
    "Page",
    "PayloadTooLargeError",
    "PerdureError",
    "Pipeline",
    "PipelineFailure",
    "Position",
    "PurgeResult",
    "QuarantinedError",
    "ReadonlyViolationError",
    "Reason",
    "Reply",
    "ReplyTimeoutError",
    "RequestMismatchError",
    "RetryPolicy",
    "RowRejectedError",
    "RunningActivity",
    "ScheduleNotFoundError",
    "ScheduleRef",
    "ScheduleState",
    "ServerAnswerError",
    "ServerUnreachableError",
    "StoreError",
    "StoreOpenError",
    "StoreOwnedError",
    "StoreUnavailableError",
    "StoreVersionError",
    "Task",
    "TaskFailedError",
    "TimerTask",
    "UnknownActivityError",
    "UnknownEntityError",
    "UnknownEventError",
    "UnknownOperationError",
    "UnknownOrchestratorError",
    "VersionConflictError",
    "WrongStatusError",
    "__version__",
    "activity_context",
    "applies",
    "connect",
    "ephemeral",
    "errors",
    "event",
    "field",
    "readonly",
    "when_all",
    "when_any",
]

_HOMES = {
    "ActivityContext": "perdure.orchestration.activity_context",
    "activity_context": "perdure.orchestration.activity_context",
    "App": "perdure.orchestration.app",
    "Client": "perdure.orchestration.interface",
    "OrchestrationPage": "perdure.orchestration.status",
    "PurgeResult": "perdure.orchestration.status",
    "OrchestrationContext": "perdure.orchestration.context",
    "OrchestrationEnd": "perdure.orchestration.ends",
    "OrchestrationEntityRef": "perdure.orchestration.entity_calls",
    "OrchestrationRef": "perdure.orchestration.refs",
    "RetryPolicy": "perdure.orchestration.retry",
    "RunningActivity": "perdure.orchestration.running",
    "ScheduleRef": "perdure.orchestration.schedules.refs",
    "ScheduleState": "perdure.orchestration.schedules.refs",
    "HttpResponse": "perdure.orchestration.http_calls",
    "OrchestrationState": "perdure.orchestration.status",
    "EventTask": "perdure.orchestration.tasks",
    "Task": "perdure.orchestration.tasks",
    "TimerTask": "perdure.orchestration.tasks",
    "when_all": "perdure.orchestration.tasks",
    "when_any": "perdure.orchestration.tasks",
    "Change": "perdure.actors.snapshots",
    "Entity": "perdure.actors.entity",
    "EntityContext": "perdure.actors.context",
    "EntityId": "perdure.actors.ids",
    "EntityRef": "perdure.actors.interface",
    "EntitySnapshot": "perdure.actors.snapshots",
    "Finding": "perdure.actors.verification",
    "FunctionContext": "perdure.actors.function_entity",
    "HistoryEvent": "perdure.actors.history",
    "JsonFormatter": "perdure.actors.logs",
    "Page": "perdure.actors.snapshots",
    "Pipeline": "perdure.orchestration.pipeline",
    "PipelineFailure": "perdure.actors.pipeline",
    "Position": "perdure.actors.snapshots",
    "Reason": "perdure.orchestration.why",
    "Reply": "perdure.actors.replies",
    "applies": "perdure.actors.entity",
    "connect": "perdure.remote.connecting",
    "ephemeral": "perdure.actors.entity",
    "event": "perdure.actors.entity",
    "field": "perdure.actors.entity",
    "readonly": "perdure.actors.entity",
}
"""Where each name comes from; the others are errors."""

if not TYPE_CHECKING:  # a type checker must not take every name for one of ours

    def __getattr__(name: str) -> Any:
        """Load a public name when it is first used."""
        if name not in __all__:
            msg = f"module 'perdure' has no attribute {name!r}"
            raise AttributeError(msg)
        home = import_module(_HOMES.get(name, "perdure.errors"))
        value = home if name == "errors" else getattr(home, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What is public."""
        return sorted({*globals(), *__all__})
