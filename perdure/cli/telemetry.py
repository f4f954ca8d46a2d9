"""``--otel``: OpenTelemetry as the standard environment variables say.

The SDK itself reads the name of the service and the sampler, and the exporters their addresses;
which exporters there are is read here.
"""

from __future__ import annotations

import os

from perdure.errors import ExtraMissingError, InvalidInputError
from perdure.orchestration.app import App

EXPORTERS = ("otlp", "console", "none")


def instrument_from_environment(app: App) -> None:
    """Trace and measure *app*; providers that are set already are used as they are.

    Raises:
        ExtraMissingError: the packages are not there.
        InvalidInputError: a variable names an exporter that is not known here.
    """
    traces = _chosen("OTEL_TRACES_EXPORTER")
    measures = _chosen("OTEL_METRICS_EXPORTER")
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        from perdure.telemetry import instrument
    except ImportError as error:
        raise ExtraMissingError(what="--otel", extra="otel", cause=error) from error
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        _set_tracer_provider(traces)
        _set_meter_provider(measures)
    instrument(app)


def _chosen(variable: str) -> str:
    exporter = os.environ.get(variable, "").strip().lower() or "otlp"
    if exporter not in EXPORTERS:
        msg = f"{variable}={exporter!r}: use one of {', '.join(EXPORTERS)}"
        raise InvalidInputError(msg)
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if exporter == "otlp" and protocol != "http/protobuf":
        msg = f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r}: only http/protobuf is spoken here"
        raise InvalidInputError(msg)
    return exporter


def _set_tracer_provider(exporter: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    provider = TracerProvider()
    if exporter == "otlp":
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    elif exporter == "console":
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)


def _set_meter_provider(exporter: str) -> None:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        ConsoleMetricExporter,
        PeriodicExportingMetricReader,
    )

    readers: list[PeriodicExportingMetricReader] = []
    if exporter == "otlp":
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    elif exporter == "console":
        readers.append(PeriodicExportingMetricReader(ConsoleMetricExporter()))
    metrics.set_meter_provider(MeterProvider(metric_readers=readers))
