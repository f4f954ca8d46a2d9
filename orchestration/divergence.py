"""What is told of code that asks for something else than its history holds."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from types import FrameType

from perdure.errors import NonDeterminismError
from perdure.orchestration.history import DECISIONS, Decision, Event, describe


def divergence(
    instance_id: str,
    events: Sequence[Event],
    place: int,
    unmatched: Iterable[Decision],
    source: str,
) -> NonDeterminismError:
    """The error, with both sequences of decisions.

    Args:
        instance_id: whose.
        events: the history.
        place: where in it the code differs.
        unmatched: what the code asks for there.
        source: the file and line that does; empty when it asks for less.
    """
    before = [describe(event) for event in events[:place] if isinstance(event, DECISIONS)]
    after = [describe(event) for event in events[place:] if isinstance(event, DECISIONS)]
    asked = [*before, *(describe(decision) for decision in unmatched)]
    return NonDeterminismError(instance_id, [*before, *after], asked, source)


def calling_line() -> str:
    """The file and line of the user's code that is at work."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith("perdure."):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
