"""Durable entities for Python: event-sourced actors that outlive their process.

Names are loaded when they are first used, so that ``import perdure`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from perdure._version import __version__

if TYPE_CHECKING:
    from perdure.actors.app import App
    from perdure.actors.client import Client, EntityRef
    from perdure.actors.context import EntityContext
    from perdure.actors.entity import Entity, applies, ephemeral, event, field, readonly
    from perdure.actors.function_entity import FunctionContext
    from perdure.actors.history import HistoryEvent
    from perdure.actors.ids import EntityId
    from perdure.actors.pipeline import Pipeline, PipelineFailure
    from perdure.actors.replies import Reply
    from perdure.actors.snapshots import Change, EntitySnapshot, Page, Position
    from perdure.actors.verification import Finding
    from perdure.errors import (
        CorruptionError,
        DecodingError,
        DefinitionError,
        EncodingError,
        FailureDetails,
        ForkedError,
        InvalidIdError,
        InvalidInputError,
        MailboxFullError,
        NodeClosedError,
        NotAllowedHereError,
        OperationFailedError,
        OutcomeUnknownError,
        OwnershipLostError,
        PayloadTooLargeError,
        PerdureError,
        QuarantinedError,
        ReadonlyViolationError,
        ReplyTimeoutError,
        RequestMismatchError,
        RowRejectedError,
        StoreError,
        StoreOpenError,
        StoreOwnedError,
        StoreUnavailableError,
        StoreVersionError,
        UnknownEntityError,
        UnknownEventError,
        UnknownOperationError,
        VersionConflictError,
    )

__all__ = [
    "App",
    "Change",
    "Client",
    "CorruptionError",
    "DecodingError",
    "DefinitionError",
    "EncodingError",
    "Entity",
    "EntityContext",
    "EntityId",
    "EntityRef",
    "EntitySnapshot",
    "FailureDetails",
    "Finding",
    "ForkedError",
    "FunctionContext",
    "HistoryEvent",
    "InvalidIdError",
    "InvalidInputError",
    "MailboxFullError",
    "NodeClosedError",
    "NotAllowedHereError",
    "OperationFailedError",
    "OutcomeUnknownError",
    "OwnershipLostError",
    "Page",
    "PayloadTooLargeError",
    "PerdureError",
    "Pipeline",
    "PipelineFailure",
    "Position",
    "QuarantinedError",
    "ReadonlyViolationError",
    "Reply",
    "ReplyTimeoutError",
    "RequestMismatchError",
    "RowRejectedError",
    "StoreError",
    "StoreOpenError",
    "StoreOwnedError",
    "StoreUnavailableError",
    "StoreVersionError",
    "UnknownEntityError",
    "UnknownEventError",
    "UnknownOperationError",
    "VersionConflictError",
    "__version__",
    "applies",
    "ephemeral",
    "event",
    "field",
    "readonly",
]

_HOMES = {
    "App": "perdure.actors.app",
    "Change": "perdure.actors.snapshots",
    "Client": "perdure.actors.client",
    "Entity": "perdure.actors.entity",
    "EntityContext": "perdure.actors.context",
    "EntityId": "perdure.actors.ids",
    "EntityRef": "perdure.actors.client",
    "EntitySnapshot": "perdure.actors.snapshots",
    "Finding": "perdure.actors.verification",
    "FunctionContext": "perdure.actors.function_entity",
    "HistoryEvent": "perdure.actors.history",
    "Page": "perdure.actors.snapshots",
    "Pipeline": "perdure.actors.pipeline",
    "PipelineFailure": "perdure.actors.pipeline",
    "Position": "perdure.actors.snapshots",
    "Reply": "perdure.actors.replies",
    "applies": "perdure.actors.entity",
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
        value = getattr(import_module(_HOMES.get(name, "perdure.errors")), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What is public."""
        return sorted({*globals(), *__all__})
