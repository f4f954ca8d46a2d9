"""OpenTelemetry: traces and metrics of an app, with ``pip install 'perdure[otel]'``.

``instrument(app)`` is all that it takes. perdure chooses the ids of spans itself and stores
them, since an orchestration may begin in one process and end in another; so a finished span is
handed to the provider's processors as it is, and not begun and ended through a tracer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from perdure._version import __version__
from perdure.actors.app import EntityApp
from perdure.actors.tracing import (
    ACTIVITY,
    OPERATION,
    ORCHESTRATION,
    Span,
    Watched,
)
from perdure.errors import ExtraMissingError, FailureDetails, InvalidInputError, NodeClosedError

try:
    from opentelemetry import context, metrics, trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.trace import Tracer as SdkTracer
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON, Decision
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace.status import Status, StatusCode
except ImportError as error:
    raise ExtraMissingError(what="perdure.telemetry", extra="otel", cause=error) from error

if TYPE_CHECKING:
    from perdure.storage.records import Batch

A = TypeVar("A", bound=EntityApp)

CONTEXTS = 8_192
"""Traces that are kept in their parsed form, at most."""


_SCOPE = InstrumentationScope("perdure", __version__)
_KINDS = {
    OPERATION: trace.SpanKind.CONSUMER,
    ACTIVITY: trace.SpanKind.CONSUMER,
    ORCHESTRATION: trace.SpanKind.INTERNAL,
}
_HISTOGRAMS = {
    OPERATION: ("perdure.operation.duration", "How long operations of entities took."),
    ACTIVITY: ("perdure.activity.duration", "How long attempts of activities took."),
    ORCHESTRATION: (
        "perdure.orchestration.duration",
        "How long orchestrations took.",
    ),
}
_COUNTERS = {
    "commits": ("perdure.commits", "Commits of the store."),
    "set_aside": ("perdure.messages.set_aside", "Messages that went into quarantine."),
}
_GAUGES = {
    "waiting": ("perdure.messages.waiting", "Messages that wait in the store."),
    "quarantined": ("perdure.messages.quarantined", "Messages set aside, 1,000 at most."),
    "active": ("perdure.actors.active", "Entities and orchestrations in memory."),
}


def instrument(
    app: A,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> A:
    """Trace and measure what *app* does in the stores that it opens from now on.

    Args:
        app: which.
        tracer_provider: of ``opentelemetry.sdk.trace``; the global one unless given.
        meter_provider: the global one unless given.

    Returns:
        The app.

    Raises:
        InvalidInputError: the provider is not the SDK's, so spans cannot have stored ids.
    """
    app.tracer = OpenTelemetryTracer(
        tracer_provider or trace.get_tracer_provider(),
        meter_provider or metrics.get_meter_provider(),
    )
    return app


class OpenTelemetryTracer:
    """Hands spans to OpenTelemetry; ``instrument`` makes it."""

    def __init__(
        self, tracer_provider: trace.TracerProvider, meter_provider: metrics.MeterProvider
    ) -> None:
        tracer = tracer_provider.get_tracer("perdure", __version__)
        if not isinstance(tracer, SdkTracer):
            msg = (
                f"the tracer provider is of type {type(tracer_provider).__name__}: set one of "
                "opentelemetry.sdk.trace by opentelemetry.trace.set_tracer_provider first, or "
                "give it as tracer_provider="
            )
            raise InvalidInputError(msg)
        self._tracer = tracer
        self._contexts = _Contexts()
        meter = meter_provider.get_meter("perdure", __version__)
        self._metrics = None if isinstance(meter, metrics.NoOpMeter) else _Metrics(meter)

    def current(self) -> str:
        """The trace of the code that runs here; empty for none."""
        return _written(trace.get_current_span().get_span_context())

    def child(self, parent: str) -> str:
        """A new trace under *parent*; a first one is sampled, or not, as the provider says."""
        own = random.getrandbits(64) or 1
        if parent:
            above = self._contexts[parent]
            trace_id, flags = above.trace_id, above.trace_flags
            written = f"{parent[:36]}{own:016x}{parent[52:]}"
        else:
            trace_id = random.getrandbits(128) or 1
            flags = _FLAGS[1 if self._is_sampled(trace_id) else 0]
            written = f"00-{trace_id:032x}-{own:016x}-{flags:02x}"
        self._contexts.note(written, trace_id, own, flags)
        return written

    def _is_sampled(self, trace_id: int) -> bool:
        sampler = self._tracer.sampler
        if sampler is DEFAULT_ON or sampler is ALWAYS_ON:  # asking takes as long as a span does
            return True
        chosen = sampler.should_sample(None, trace_id, "perdure")
        return chosen.decision is Decision.RECORD_AND_SAMPLE

    def enter(self, own: str) -> Callable[[], object]:
        """Have *own* be the current one here, until what is returned is called."""
        if not own:
            return _nothing
        span = trace.NonRecordingSpan(self._contexts[own])
        token = context.attach(trace.set_span_in_context(span))
        return lambda: context.detach(token)

    def export(self, spans: Iterable[Span]) -> None:
        """Hand finished, durable spans on, and count them."""
        contexts, measured = self._contexts, self._metrics
        on_end, resource = self._tracer.span_processor.on_end, self._tracer.resource
        for span in spans:
            if measured is not None:
                measured.note(span)
            if not span.trace:
                continue
            own = contexts[span.trace]
            if own.trace_flags & _SAMPLED:
                parent = contexts[span.parent] if span.parent else None
                on_end(_finished(span, own, parent, resource))

    def watch(self, client: Watched) -> None:
        """Measure what is in a store that was opened."""
        if self._metrics is not None:
            self._metrics.watch(client)


class _Metrics:
    """The instruments, and the clients that the gauges ask."""

    def __init__(self, meter: metrics.Meter) -> None:
        self._clients: list[Watched] = []
        self._durations = {
            category: meter.create_histogram(name, "s", text)
            for category, (name, text) in _HISTOGRAMS.items()
        }
        self._turns = meter.create_histogram(
            "perdure.commit.turns", "1", "Turns that one commit made durable."
        )
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(_COUNTERS, 0)
        for what, (name, text) in _COUNTERS.items():
            meter.create_observable_counter(name, [self._count(what)], "1", text)
        for what, (name, text) in _GAUGES.items():
            meter.create_observable_gauge(name, [self._gauge(what)], "1", text)

    def note(self, span: Span) -> None:
        """Measure what *span* tells."""
        self._durations[span.category].record(
            (span.ended_micros - span.begun_micros) / 1e6,
            {"perdure.name": span.name, "perdure.outcome": span.outcome},
        )

    def watch(self, client: Watched) -> None:
        """Count the commits of a client's store, and ask it how it is."""
        self._clients.append(client)
        client.node.on_commit(self._committed)

    def _committed(self, batch: Batch) -> None:
        with self._lock:  # several stores may be open
            self._counts["commits"] += 1
            self._counts["set_aside"] += len(batch.quarantined)
        self._turns.record(len(batch.turns))

    def _count(self, what: str) -> Callable[[Any], list[metrics.Observation]]:
        return lambda _: [metrics.Observation(self._counts[what])]

    def _gauge(self, what: str) -> Callable[[Any], Iterator[metrics.Observation]]:
        def observe(_: object) -> Iterator[metrics.Observation]:
            for client in list(self._clients):
                try:
                    status = client.status()
                except NodeClosedError:
                    with suppress(ValueError):  # another gauge has seen it too
                        self._clients.remove(client)
                    continue
                value = status[what]
                assert isinstance(value, int)
                yield metrics.Observation(value, {"perdure.store": str(status["location"])})

        return observe


def _finished(
    span: Span, own: trace.SpanContext, parent: trace.SpanContext | None, resource: Resource
) -> ReadableSpan:
    attributes = span.attributes
    attributes["perdure.outcome"] = span.outcome
    return ReadableSpan(
        f"{span.category}:{span.name}",
        own,
        parent,
        resource,
        attributes,
        _events_of(span) if span.events else (),
        kind=_KINDS[span.category],
        status=_OK if span.failure is None else _failed(span.failure),
        start_time=span.begun_micros * 1_000,
        end_time=span.ended_micros * 1_000,
        instrumentation_scope=_SCOPE,
    )


def _events_of(span: Span) -> list[Event]:
    return [
        Event(event.name, event.attributes, event.time_micros * 1_000) for event in span.events
    ]


def _nothing() -> None:
    """There is nothing to leave."""


def _written(span: trace.SpanContext) -> str:
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"


_SAMPLED = int(trace.TraceFlags.SAMPLED)
_FLAGS = tuple(trace.TraceFlags(flags) for flags in range(256))


class _Contexts(dict[str, trace.SpanContext]):
    """Traces as OpenTelemetry has them: asked for as current, as a span, and as a parent."""

    def __missing__(self, written: str) -> trace.SpanContext:
        flags = _FLAGS[int(written[53:55], 16)]
        return self.note(written, int(written[3:35], 16), int(written[36:52], 16), flags)

    def note(
        self, written: str, trace_id: int, span_id: int, flags: trace.TraceFlags
    ) -> trace.SpanContext:
        """Keep one for a while."""
        if len(self) >= CONTEXTS:
            self.clear()
        context = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
        self[written] = context
        return context


_OK = Status(StatusCode.UNSET)


def _failed(failure: FailureDetails) -> Status:
    return Status(StatusCode.ERROR, f"{failure.error_type}: {failure.message}")
