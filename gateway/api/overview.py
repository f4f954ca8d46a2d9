"""The overview: how many of what, how fast, what waits longest, and how the store is."""

from __future__ import annotations

import os
import shutil
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from perdure._version import __version__
from perdure.actors.context import to_datetime
from perdure.errors import InvalidInputError, PerdureError
from perdure.gateway.api.aging import Aging
from perdure.gateway.api.meter import SECONDS, Meter
from perdure.gateway.engine import Engine
from perdure.gateway.http.answers import answer
from perdure.gateway.http.operations import OURS, Operation, Parameter
from perdure.gateway.http.parameters import is_number
from perdure.gateway.streams.pump import Pump
from perdure.orchestration.state import FINISHED
from perdure.storage.records import Tally

_ENTITIES = "@"


class Overview:
    """What is asked about a store as a whole."""

    def __init__(self, engine: Engine, pump: Pump) -> None:
        self._engine = engine
        self._client = engine.client
        self._pump = pump
        self.meter = Meter(engine.client.now_micros)
        engine.client.node.on_commit(self.meter.count)
        self._tally = Aging(engine, self._count)

    def operations(self) -> list[Operation]:
        """The routes."""
        window = {"type": "integer", "minimum": 1, "maximum": SECONDS}
        return [
            Operation(
                method="GET",
                path=OURS + "/overview",
                answered_by=self.overview,
                text="Counts, throughput and latency by second, what waits, and the store",
                parameters=(Parameter("seconds", window, "how many of the last; 120"),),
            ),
            Operation(
                method="GET",
                path=OURS + "/health",
                answered_by=self.health,
                text="How the node is: what is active, what waits, whether the disk works",
                answers={200: "it works", 503: "its store takes nothing"},
            ),
            Operation(
                method="GET",
                path=OURS + "/ready",
                answered_by=self.ready,
                text="Whether it takes requests; cheap, for whoever asks every second",
                answers={200: "it does", 503: "it does not"},
            ),
        ]

    async def overview(self, request: Request) -> Response:
        """GET ``/overview``."""
        text = request.query_params.get("seconds", "120")
        if not (is_number(text) and 0 < int(text) <= SECONDS):
            msg = f"seconds={text[:20]!r}: use 1 to {SECONDS}"
            raise InvalidInputError(msg)
        return answer(200, await self.facts(int(text)))

    async def health(self, request: Request) -> Response:
        """GET ``/health``: 503 while its store takes nothing."""
        del request
        status = await self._engine.read(self._client.status)
        return answer(200 if status["healthy"] else 503, status)

    async def ready(self, request: Request) -> Response:
        """GET ``/ready``: looks at memory only."""
        del request
        reason = self.problem()
        content = {"ready": not reason, "reason": reason}
        return answer(503 if reason else 200, content, {"Retry-After": "1"} if reason else None)

    def problem(self) -> str:
        """Why it takes nothing now; empty: it does."""
        node = self._client.node
        try:
            node.check_open()
        except PerdureError as error:
            return str(error)
        failed = node.partition.recovery.failed
        if failed is not None:
            return str(failed)
        return "" if node.has_room else "the node has too many messages to take in"

    async def facts(self, seconds: int) -> dict[str, Any]:
        """All of it. Of very many orchestrations the counts are some seconds old, and missing
        until they have been counted.
        """
        tallies = await self._tally.get()
        looked = await self._engine.read(lambda: self._looked(tallies or [], seconds))
        return looked | {"isCounting": tallies is None}

    def _count(self) -> list[Tally]:
        return self._engine.store().tally("status", "created", beside=_ENTITIES)

    def _looked(self, tallies: list[Tally], seconds: int) -> dict[str, Any]:
        status = self._client.status()
        store = self._engine.store()
        return {
            "version": __version__,
            "time": to_datetime(self._client.now_micros()),
            "instances": {tally.value: tally.count for tally in tallies},
            "entities": {kind: store.count(f"@{kind}@") for kind in self._engine.kinds()},
            "orchestrators": self._engine.orchestrators(),
            "seconds": [second.told() for second in self.meter.seconds(seconds)],
            "oldestWaiting": _oldest(tallies),
            "quarantined": status["quarantined"],
            "streams": self._pump.count,
            "problem": self.problem(),
            "store": self.store_facts()
            | {
                name: status[name]
                for name in ("durability", "healthy", "failure", "recovering")
            },
            "backlog": {name: status[name] for name in ("waiting", "active", "ready", "busy")},
        }

    def store_facts(self) -> dict[str, Any]:
        """The store's files; nothing of one in memory."""
        location = self._engine.store().location
        facts: dict[str, Any] = {"location": location}
        for name, path in (("bytes", location), ("walBytes", location + "-wal")):
            try:
                facts[name] = os.stat(path).st_size
            except OSError:
                facts[name] = None
        try:
            facts["freeBytes"] = shutil.disk_usage(os.path.dirname(location) or ".").free
        except OSError:
            facts["freeBytes"] = None
        return facts


def _oldest(tallies: list[Tally]) -> dict[str, Any] | None:
    """The orchestration that began first of those that have not ended."""
    waiting = [t for t in tallies if t.value not in FINISHED and t.stream]
    if not waiting:
        return None
    oldest = min(waiting, key=lambda tally: tally.least)
    return {
        "instanceId": oldest.stream,
        "runtimeStatus": oldest.value,
        "createdTime": to_datetime(oldest.least),
    }
