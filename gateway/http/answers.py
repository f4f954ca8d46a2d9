"""Answers: JSON, and the errors of perdure as the statuses that the field gives for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from perdure import errors

FORBIDDEN = 403

STATUSES: tuple[tuple[type[errors.PerdureError], int], ...] = (
    (errors.PayloadTooLargeError, 413),
    (errors.InvalidInputError, 400),
    (errors.AccessDeniedError, FORBIDDEN),
    (errors.InstanceNotFoundError, 404),
    (errors.ScheduleNotFoundError, 404),
    (errors.InstanceFinishedError, 410),
    (errors.InstanceAlreadyExistsError, 409),
    (errors.WrongStatusError, 400),
    (errors.UnknownEntityError, 404),
    (errors.UnknownOperationError, 400),
    (errors.UnknownOrchestratorError, 400),
    (errors.OperationFailedError, 422),
    (errors.ReadonlyViolationError, 422),
    (errors.MailboxFullError, 429),
    (errors.ReplyTimeoutError, 504),
    (errors.QuarantinedError, 409),
    (errors.OutcomeUnknownError, 503),
    (errors.NodeClosedError, 503),
    (errors.StoreUnavailableError, 503),
    (errors.StoreOpenError, 409),
)
"""The first that fits counts; what is not here is a fault of the server's."""

_BUSY = (429, 503)
_write = msgspec.json.Encoder().encode


def answer(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of JSON; ``msgspec.Raw`` in it goes out as it is."""
    return Response(_write(content), status, headers, "application/json")


def missing(message: str) -> Response:
    """There is no such thing."""
    return answer(404, {"Message": message, "ExceptionMessage": message})


def accepted() -> Response:
    """It will happen, and there is nothing more to say."""
    return Response(None, 202)


def status_of(error: errors.PerdureError) -> int:
    """The status of an error."""
    return next((code for kind, code in STATUSES if isinstance(error, kind)), 500)


def failed(error: errors.PerdureError) -> Response:
    """What an error looks like, in the form of the field."""
    status = status_of(error)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    content = {"Message": str(error), "ExceptionMessage": str(error), "ExceptionType": kind}
    if isinstance(error, errors.OutcomeUnknownError | errors.ReplyTimeoutError):
        content["RequestId"] = error.request_id
    return answer(status, content, {"Retry-After": "1"} if status in _BUSY else None)


async def on_error(request: Request, error: Exception) -> Response:
    """Answer a request that raised an error of perdure."""
    del request
    assert isinstance(error, errors.PerdureError)
    return failed(error)


async def on_bug(request: Request, error: Exception) -> Response:
    """Answer a request that met a bug; the log has it, whoever asks learns nothing of it."""
    del request, error
    message = "the server has failed; its log tells why"
    return answer(500, {"Message": message, "ExceptionMessage": message})


async def on_missing(request: Request, error: Exception) -> Response:
    """Answer a request for which there is no route, or none with its method."""
    del request
    status = getattr(error, "status_code", 404)
    message = "there is nothing here" if status == 404 else "this cannot be asked here"
    content = {"Message": message, "ExceptionMessage": message}
    return answer(status, content, getattr(error, "headers", None))
