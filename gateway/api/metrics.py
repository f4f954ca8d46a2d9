"""Metrics for Prometheus: what the overview tells, in its format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from perdure.gateway.api.overview import Overview
from perdure.gateway.engine import Engine
from perdure.gateway.http.operations import Operation


class Metrics:
    """What ``/metrics`` answers."""

    def __init__(self, engine: Engine, overview: Overview) -> None:
        self._engine = engine
        self._overview = overview

    def operations(self) -> list[Operation]:
        """The route."""
        return [
            Operation(
                method="GET",
                path="/metrics",
                answered_by=self.metrics,
                text="Counters and gauges for Prometheus",
                media_type="text/plain",
            )
        ]

    async def metrics(self, request: Request) -> Response:
        """GET ``/metrics``."""
        facts = await self._overview.facts(1)
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected([*_gauges(facts), *self._counters()]))
        return Response(encode(registry), 200, {"Content-Type": media_type})

    def _counters(self) -> Iterator[Metric]:
        total = self._overview.meter.total
        for name, text, value in (
            ("perdure_commits", "Commits since the gateway was opened", total.commits),
            ("perdure_events", "Events of entities and orchestrations", total.events),
            ("perdure_accepted_messages", "Messages that were stored to wait", total.accepted),
        ):
            yield CounterMetricFamily(name, text, value=value)
        yield SummaryMetricFamily(
            "perdure_commit_seconds",
            "From a turn to the disk",
            count_value=total.commits,
            sum_value=total.latency_micros / 1e6,
        )


class _Collected(Collector):
    """Families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self._families


_PLAIN = (
    ("waiting_messages", "Accepted messages that wait", ("backlog", "waiting")),
    ("active_actors", "Actors in memory", ("backlog", "active")),
    ("ready_actors", "Actors that have work and no thread yet", ("backlog", "ready")),
    ("quarantined_messages", "Messages that were set aside, 1000 at most", ("quarantined",)),
    ("store_bytes", "The size of the store's file", ("store", "bytes")),
    ("wal_bytes", "The size of its write-ahead log", ("store", "walBytes")),
    ("free_bytes", "What is free where the store is", ("store", "freeBytes")),
    ("store_healthy", "Whether the disk works", ("store", "healthy")),
    ("streams", "Server-sent streams that are open", ("streams",)),
)


def _gauges(facts: dict[str, Any]) -> Iterator[Metric]:
    for name, text, path in _PLAIN:
        value: Any = facts
        for part in path:
            value = value[part]
        if value is not None:
            yield GaugeMetricFamily(f"perdure_{name}", text, value=float(value))
    instances = GaugeMetricFamily(
        "perdure_instances", "Orchestrations by status", labels=["status"]
    )
    for status, count in facts["instances"].items():
        instances.add_metric([status], count)
    entities = GaugeMetricFamily("perdure_entities", "Entities by kind", labels=["kind"])
    for kind, count in facts["entities"].items():
        entities.add_metric([kind], count)
    yield instances
    yield entities
