"""The spans of orchestrations and of attempts: what is told of them when they have ended."""

from __future__ import annotations

from perdure.actors.answers import details_of
from perdure.actors.behavior import Outcome
from perdure.actors.tracing import ACTIVITY, ORCHESTRATION, Span, SpanEvent, Tracer
from perdure.orchestration.activity_context import ActivityContext
from perdure.orchestration.history import (
    Event,
    EventRaised,
    ExecutionCancelRequested,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionSuspended,
    ExecutionTerminated,
    TimerFired,
)
from perdure.orchestration.state import CONTINUED_AS_NEW, InstanceState, Trace

EVENTS = 128
"""Events of one span; later ones are left out, as OpenTelemetry does by default."""


_SHOWN = frozenset(
    {
        EventRaised,
        ExecutionCancelRequested,
        ExecutionResumed,
        ExecutionRewound,
        ExecutionSuspended,
        ExecutionTerminated,
        TimerFired,
    }
)
"""Events of a history that show in the span: others show as spans, or not at all."""


def event_of(event: Event) -> SpanEvent:
    """How such an event of a history shows in the span."""
    match event:
        case TimerFired():
            return SpanEvent(event.time, event.event_type, {"perdure.task_id": event.id})
        case EventRaised():
            return SpanEvent(event.time, event.event_type, {"perdure.event": event.name})
        case _:
            return SpanEvent(event.time, event.event_type)


def attempt_of(context: ActivityContext, outcome: Outcome) -> Span | None:
    """The span of an attempt that came to *outcome*; ``None``: it never began."""
    if not context.begun_micros:
        return None
    if not context.ended_micros:  # in another process, or it is given up while it goes on
        context.end()
    failure = outcome.failure
    return Span(
        category=ACTIVITY,
        name=context.name,
        trace=context.trace,
        parent=context.parent_trace,
        begun_micros=context.begun_micros,
        ended_micros=context.ended_micros,
        outcome="completed" if failure is None else "failed",
        failure=failure,
        attributes={
            "perdure.instance_id": context.instance_id,
            "perdure.task_id": context.task_id,
            "perdure.attempt": context.attempt,
        },
    )


class InstanceSpans:
    """The spans of one orchestration: one for each of its generations."""

    def __init__(self, tracer: Tracer, address: str) -> None:
        self._tracer = tracer
        self._address = address
        self._events: list[SpanEvent] = []
        self._ended: Span | None = None

    def begin(self, state: InstanceState, parent: str) -> None:
        """A generation will begin: from now on its trace is fixed."""
        state.trace = Trace(self._tracer.child(parent), parent)
        self._events = []

    def note(self, event: Event) -> None:
        """*event* has happened, now or in a history that was replayed."""
        if type(event) in _SHOWN and len(self._events) < EVENTS:
            self._events.append(event_of(event))

    def take(self) -> Span | None:
        """The span of the generation that the last step ended, once; ``None`` for none."""
        ended, self._ended = self._ended, None
        return ended

    def end(self, state: InstanceState, now: int, outcome: str) -> None:
        """The generation ends so, unless it was started while nothing was traced."""
        trace, failure = state.trace, state.failure
        if trace is None:
            return
        attributes: dict[str, str | int] = {"perdure.instance_id": self._address}
        if state.version:
            attributes["perdure.version"] = state.version
        events, self._events = self._events, []
        self._ended = Span(
            category=ORCHESTRATION,
            name=state.name,
            trace=trace.own,
            parent=trace.parent,
            begun_micros=trace.begun_micros or now,
            ended_micros=now,
            outcome=outcome.lower(),
            failure=None if failure is None else details_of(failure),
            attributes=attributes,
            events=events,
        )

    def renew(self, state: InstanceState, now: int) -> None:
        """The generation ends, and the next one begins under the same parent."""
        self.end(state, now, CONTINUED_AS_NEW)
        if state.trace is not None:
            self.begin(state, state.trace.parent)
