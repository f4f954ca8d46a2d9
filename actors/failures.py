"""An exception as data that can be stored and sent."""

from __future__ import annotations

import traceback

from perdure.errors import FailureDetails

MESSAGE_LIMIT = 4_000
TRACE_LIMIT = 16_000


def describe_failure(error: BaseException) -> FailureDetails:
    """What a caller learns of *error*; long texts lose their middle."""
    kind = type(error)
    module = kind.__module__
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    try:
        message = str(error)
        trace = "".join(traceback.format_exception(error))
    except BaseException as second:  # a broken __str__ must not hide the failure
        message = f"(its message cannot be made: {type(second).__name__})"
        trace = "".join(traceback.format_tb(error.__traceback__))
    return FailureDetails(
        error_type=name,
        message=_shortened(message, MESSAGE_LIMIT),
        stack_trace=_shortened(trace, TRACE_LIMIT),
    )


def _shortened(text: str, limit: int) -> str:
    sound = text.encode(errors="backslashreplace").decode()
    if len(sound) <= limit:
        return sound
    half = limit // 2
    return f"{sound[:half]}\n… {len(sound) - 2 * half} characters left out …\n{sound[-half:]}"
