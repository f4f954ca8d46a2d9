"""OpenTelemetry: traces and metrics of an app, with ``pip install 'perdure[otel]'``.

``instrument(app)`` is all that it takes. perdure chooses the ids of spans itself and stores
them, since an orchestration may begin in one process and end in another; so a finished span is
handed to the provider's processors as it is, and not begun and ended through a tracer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
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
from perdure.errors import ExtraMissingError, InvalidInputError, NodeClosedError

try:
    from opentelemetry import context, metrics, trace
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.trace import Tracer as SdkTracer
    from opentelemetry.sdk.trace.sampling import Decision
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace.status import Status, StatusCode
except ImportError as error:
    raise ExtraMissingError(what="perdure.telemetry", extra="otel", cause=error) from error

if TYPE_CHECKING:
    from perdure.storage.records import Batch

A = TypeVar("A", bound=EntityApp)

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
        self._metrics = _Metrics(meter_provider.get_meter("perdure", __version__))

    def current(self) -> str:
        """The trace of the code that runs here; empty for none."""
        return _written(trace.get_current_span().get_span_context())

    def child(self, parent: str) -> str:
        """A new trace under *parent*; a first one is sampled, or not, as the provider says."""
        own = random.getrandbits(64) or 1
        if parent:
            return f"{parent[:36]}{own:016x}{parent[52:]}"
        trace_id = random.getrandbits(128) or 1
        chosen = self._tracer.sampler.should_sample(None, trace_id, "perdure").decision
        flags = 1 if chosen is Decision.RECORD_AND_SAMPLE else 0
        return f"00-{trace_id:032x}-{own:016x}-{flags:02x}"

    def enter(self, own: str) -> Callable[[], object]:
        """Have *own* be the current one here, until what is returned is called."""
        parsed = _parsed(own)
        if parsed is None:
            return _nothing
        span = trace.NonRecordingSpan(parsed)
        token = context.attach(trace.set_span_in_context(span))
        return lambda: context.detach(token)

    def export(self, spans: Iterable[Span]) -> None:
        """Hand finished, durable spans on, and count them."""
        processor, resource = self._tracer.span_processor, self._tracer.resource
        for span in spans:
            self._metrics.note(span)
            own = _parsed(span.trace)
            if own is None or not own.trace_flags.sampled:
                continue
            processor.on_end(
                ReadableSpan(
                    f"{span.category}:{span.name}",
                    own,
                    _parsed(span.parent),
                    resource,
                    {**span.attributes, "perdure.outcome": span.outcome},
                    [
                        Event(event.name, event.attributes, event.time_micros * 1_000)
                        for event in span.events
                    ],
                    kind=_KINDS[span.category],
                    status=_status_of(span),
                    start_time=span.begun_micros * 1_000,
                    end_time=span.ended_micros * 1_000,
                    instrumentation_scope=_SCOPE,
                )
            )

    def watch(self, client: Watched) -> None:
        """Measure what is in a store that was opened."""
        self._metrics.watch(client)


class _Metrics:
    """The instruments, and the clients that the gauges ask."""

    def __init__(self, meter: metrics.Meter) -> None:
        self._clients: list[Watched] = []
        self._durations = {
            category: meter.create_histogram(name, "s", text)
            for category, (name, text) in _HISTOGRAMS.items()
        }
        self._commits = meter.create_counter("perdure.commits", "1", "Commits of the store.")
        self._turns = meter.create_histogram(
            "perdure.commit.turns", "1", "Turns that one commit made durable."
        )
        self._set_aside = meter.create_counter(
            "perdure.messages.set_aside", "1", "Messages that went into quarantine."
        )
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
        self._commits.add(1)
        self._turns.record(len(batch.turns))
        if batch.quarantined:
            self._set_aside.add(len(batch.quarantined))

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


def _nothing() -> None:
    """There is nothing to leave."""


def _written(span: trace.SpanContext) -> str:
    if not span.is_valid:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"


@lru_cache(4096)  # one is asked for as what is current, as a span, and as a parent
def _parsed(written: str) -> trace.SpanContext | None:
    if not written:
        return None
    return trace.SpanContext(
        int(written[3:35], 16),
        int(written[36:52], 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(written[53:55], 16)),
    )


_OK = Status(StatusCode.UNSET)


def _status_of(span: Span) -> Status:
    failure = span.failure
    if failure is None:
        return _OK
    return Status(StatusCode.ERROR, f"{failure.error_type}: {failure.message}")
