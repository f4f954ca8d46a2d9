"""Asks a gateway for each list of a large store, and prints what it costs the server.

``python -m perdure.benchmarks.measuring.list_table [STORE]``: the first time and again; a store
that is there is used again. With ``slowest`` behind it only the slowest first view is printed.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from perdure.benchmarks.bench import check
from perdure.benchmarks.measuring.lists import EVENTS, INSTANCES, fill
from perdure.benchmarks.subjects.entities import bench_app
from perdure.gateway import Gateway, asgi
from perdure.orchestration.client import EmbeddedClient

_OURS = "/api/v1"
_FIELD = "/runtime/webhooks/durabletask"

QUESTIONS = {
    "instances": f"{_OURS}/instances",
    "instances, changed last": f"{_OURS}/instances?order=recent",
    "instances by id prefix": f"{_OURS}/instances?instanceIdPrefix=order-0009",
    "instances by status, rare": f"{_OURS}/instances?runtimeStatus=Suspended",
    "instances by status, rare, changed last": (
        f"{_OURS}/instances?runtimeStatus=Suspended&order=recent"
    ),
    "instances by name, none": f"{_OURS}/instances?name=other",
    "instances by tag, rare": f"{_OURS}/instances?tag=place:rare",
    "instances by time, the last": f"{_OURS}/instances?createdTimeFrom=2030-01-01T00:00:00Z",
    "one instance": f"{_OURS}/instances/order-00000005",
    "kinds of entities": f"{_OURS}/entities",
    "entities": f"{_OURS}/entities/counter",
    "entities by key prefix": f"{_OURS}/entities/counter?prefix=9",
    "an entity": f"{_OURS}/entities/counter/7",
    "an entity's newest events": f"{_OURS}/entities/counter/7/history?after=900",
    "the newest changes": f"{_OURS}/changes",
    "the newest changes of orchestrations": f"{_OURS}/changes?of=orchestrations",
    "the newest changes of one instance": f"{_OURS}/changes?address=order-00000005",
    "the newest changes of a kind without any": f"{_OURS}/changes?kind=relay",
    "quarantine": f"{_OURS}/quarantine",
    "schedules": f"{_OURS}/schedules",
    "the overview": f"{_OURS}/overview",
    "the field's instances": f"{_FIELD}/instances",
    "the field's instances, 1,000": f"{_FIELD}/instances?top=1000",
    "the field's instances by status, rare": f"{_FIELD}/instances?runtimeStatus=Suspended",
    "the field's instances by time, the last": (
        f"{_FIELD}/instances?createdTimeFrom=2030-01-01T00:00:00Z"
    ),
    "the field's entities": f"{_FIELD}/entities/counter",
}
"""What the page asks, and clients of the field."""


class Asked:
    """Asks a gateway within this process: only the server's time is measured."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def get(self, question: str) -> float:
        """Milliseconds until the whole answer is there."""
        path, _, query = question.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"127.0.0.1:7071")],
            "server": ("127.0.0.1", 7071),
            "client": ("127.0.0.1", 50_000),
        }
        answers: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            answers.append(message)

        begun = time.perf_counter()
        await self._gateway(scope, receive, send)
        took = (time.perf_counter() - begun) * 1_000
        check(question, answers[0]["status"], 200)
        return took


async def _ask_all(client: EmbeddedClient, turns: int) -> dict[str, list[float]]:
    asked = Asked(asgi(client, token=None))
    return {
        what: [await asked.get(question) for _ in range(turns)]
        for what, question in QUESTIONS.items()
    }


def measured(path: str, turns: int) -> dict[str, list[float]]:
    """Milliseconds of each question, the first time and again."""
    with bench_app().open(path) as client:
        return asyncio.run(_ask_all(client, turns))


def main() -> None:
    """Print one line for each list, or one number."""
    path = sys.argv[1] if len(sys.argv) > 1 else "lists.db"
    if "slowest" in sys.argv[2:]:
        print(max(taken[0] for taken in measured(path, 1).values()))
        return
    if not Path(path).exists():
        fill(path, INSTANCES, EVENTS)
    print(f"{'':44}{'first':>9}{'median':>9}  ms")
    for what, taken in measured(path, 5).items():
        print(f"{what:44}{taken[0]:9.1f}{statistics.median(taken):9.1f}")


if __name__ == "__main__":
    main()
