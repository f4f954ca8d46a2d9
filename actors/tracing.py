"""What is told of what was done: spans, and the port that takes them.

A *trace* is a W3C ``traceparent``: which chain of causes something belongs to, and which span
of it is its own. It travels in messages and is stored with them. A span is made of a step that
has ended, and told only when what the step came to is durable: nothing that is not on the disk
is shown, and a replay, which commits nothing, shows nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from perdure.errors import FailureDetails

logger = logging.getLogger("perdure")

OPERATION = "operation"
ACTIVITY = "activity"
ORCHESTRATION = "orchestration"


class SpanEvent(msgspec.Struct, array_like=True, frozen=True):
    """Something that happened within a span."""

    time_micros: int
    name: str
    attributes: Mapping[str, str | int] = {}


class Span(msgspec.Struct, kw_only=True, eq=False, gc=False):
    """A step that has ended: an operation, an attempt of an activity, an orchestration.

    Attributes:
        category: ``operation``, ``activity`` or ``orchestration``.
        name: of the operation, activity or orchestrator; an operation's with its kind.
        trace: its own; empty when it has none.
        parent: the trace of what caused it; empty for none.
        failure: why it failed.
        outcome: how it ended, in a word.
        attributes: what else is known of it; the tracer may add to them.
        events: what happened within it.
    """

    category: str
    name: str
    trace: str
    parent: str
    begun_micros: int
    ended_micros: int
    outcome: str
    failure: FailureDetails | None = None
    attributes: dict[str, str | int] = {}
    events: Sequence[SpanEvent] = ()


class Watched(Protocol):
    """A client whose node a tracer may watch."""

    @property
    def node(self) -> Any:
        """The node; ``on_commit`` tells of each commit."""
        ...

    def status(self) -> dict[str, object]:
        """How the node is."""
        ...


class Tracer(Protocol):
    """Where spans go. None of these may raise, or wait for anything."""

    def current(self) -> str:
        """The trace of the code that runs here; empty for none."""
        ...

    def child(self, parent: str) -> str:
        """A new trace under *parent*; the first of a chain when that is empty."""
        ...

    def enter(self, own: str) -> Callable[[], object]:
        """Have *own* be the current one here, until what is returned is called."""
        ...

    def export(self, spans: Iterable[Span]) -> None:
        """These have ended, and all that they came to is durable."""

    def watch(self, client: Watched) -> None:
        """A store was opened."""


def trace_id(trace: str) -> str:
    """Which chain of causes a trace belongs to; empty for none."""
    return trace[3:35]


def tell(tracer: Tracer, records: Iterable[Any]) -> None:
    """Tell of the spans of *records*, which are durable; a tracer's mistake stops nothing."""
    spans = [span for record in records if record.spans for span in record.spans]
    if not spans:
        return
    try:
        tracer.export(spans)
    except Exception:
        logger.exception("the tracer failed; %d spans are lost", len(spans))
