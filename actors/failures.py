"""An exception as data that can be stored and sent."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

import msgspec

from perdure.actors.codec import encode
from perdure.errors import FailureDetails, PerdureError

MESSAGE_LIMIT = 4_000
TRACE_LIMIT = 16_000
CAUSES = 5
"""Exceptions that it was raised from, one from another, of which something is kept."""

_decode = msgspec.json.Decoder().decode


def describe_failure(error: BaseException, depth: int = 0) -> FailureDetails:
    """What a caller learns of *error*; long texts lose their middle."""
    kind = type(error)
    module = kind.__module__
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    try:
        message = str(error)
        trace = "".join(traceback.format_exception(kind, error, _from_users_line(error)))
    except BaseException as second:  # a broken __str__ must not hide the failure
        message = f"(its message cannot be made: {type(second).__name__})"
        trace = "".join(traceback.format_tb(error.__traceback__))
    return FailureDetails(
        error_type=name,
        message=_shortened(message, MESSAGE_LIMIT),
        stack_trace=_shortened(trace, TRACE_LIMIT),
        inner_failure=_inner_of(error, depth),
        properties=_properties_of(error),
        is_non_retriable=bool(getattr(error, "is_non_retriable", False)),
    )


def _from_users_line(error: BaseException) -> TracebackType | None:
    """The traceback without the engine's frames that lead to the user's code, if any does."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    return trace or error.__traceback__


def _is_ours(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__", "")).startswith("perdure.")


def _inner_of(error: BaseException, depth: int) -> FailureDetails | None:
    """Of what it was raised from, or of the failure elsewhere that it tells of."""
    told: object = getattr(error, "details", None)
    if isinstance(told, FailureDetails):
        return told
    cause = error.__cause__
    return None if cause is None or depth >= CAUSES else describe_failure(cause, depth + 1)


def _properties_of(error: BaseException) -> dict[str, Any]:
    """What an exception says of itself; what has no JSON form is left out."""
    given: Mapping[str, Any] = getattr(error, "failure_properties", None) or {}
    kept: dict[str, Any] = {}
    for name, value in given.items():
        with suppress(PerdureError):
            kept[str(name)] = _decode(encode(value, limit=TRACE_LIMIT))
    return kept


def _shortened(text: str, limit: int) -> str:
    sound = text.encode(errors="backslashreplace").decode()
    if len(sound) <= limit:
        return sound
    half = limit // 2
    return f"{sound[:half]}\n… {len(sound) - 2 * half} characters left out …\n{sound[-half:]}"
