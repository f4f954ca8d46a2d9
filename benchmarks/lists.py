"""Lists of a large store: what each costs the server, with a million events behind them.

The row has the slowest of them; ``python -m perdure.benchmarks.list_table`` prints each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import attrs

from perdure.benchmarks.bench import WAIT_SECONDS, Bench, check, remove_store
from perdure.benchmarks.entities import Counter, bench_app
from perdure.benchmarks.figures import Turn
from perdure.benchmarks.orchestrators import sequence, wait
from perdure.gateway import Gateway, asgi
from perdure.orchestration.client import Client
from perdure.storage.records import Batch, StateRow, TurnRow
from perdure.storage.sqlite import SqliteStore

INSTANCES = 100_000
EVENTS = 1_000_000
KEYS = 1_000
RARE = 10
"""So many of the orchestrations are suspended, the others have ended."""
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


Written = tuple[list[TurnRow], StateRow]
"""What a commit writes of one actor."""


@attrs.frozen
class Model:
    """What the engine itself has stored for one actor, to be copied under other addresses."""

    turns: list[TurnRow]
    state: StateRow


def fill(path: str, instances: int, events: int) -> None:
    """Make a store: orchestrations, and then so many events of entities, all newer."""
    with bench_app().open(path) as client:
        done = client.start(sequence, 1, tags={"place": "many"}).id
        held = client.start(wait, tags={"place": "rare"}).id
        client.orchestration(done).result(timeout=WAIT_SECONDS)
        client.orchestration(held).wait_for_start(timeout=WAIT_SECONDS)
        client.orchestration(held).suspend("held")
        client.entity(Counter, "model").call(Counter.add, 1).get(timeout=WAIT_SECONDS)
    store = SqliteStore.open(path)
    try:
        number = store.opening.last_batch
        models = [_model(store, stream) for stream in (done, held, "@counter@model")]
        rows = _orchestrations(models[0], models[1], instances)
        rows_of_entities = _events(models[2], events)
        for source in (rows, rows_of_entities):
            while batch := list(islice(source, KEYS)):
                number += 1
                turns = [turn for turns, _ in batch for turn in turns]
                states = {state.stream: state for _, state in batch}
                store.commit(Batch(number, turns=turns, states=list(states.values())))
    finally:
        store.close(clean=True)


def _model(store: SqliteStore, stream: str) -> Model:
    state = store.state(stream)
    check(f"{stream} is stored", state is not None, True)
    assert state is not None
    turns = [
        TurnRow(stream, turn.first_version, turn.count, turn.events, turn.time_micros)
        for turn in store.turns(stream)
    ]
    return Model(turns, StateRow(stream, state.version, state.state, state.time_micros, 0))


def _orchestrations(done: Model, held: Model, count: int) -> Iterator[Written]:
    """Ids and the times of their last changes are not in the same order."""
    for number in range(count):
        model = held if number % (count // RARE) == 0 else done
        named = f"order-{number:08}"
        later = number * 7_919 % count
        turns = [attrs.evolve(turn, stream=named) for turn in model.turns]
        moment = model.state.time_micros + later
        yield turns, attrs.evolve(model.state, stream=named, time_micros=moment)


def _events(model: Model, count: int) -> Iterator[Written]:
    """One key after the other, so that a batch of so many has each of them once."""
    (turn,) = model.turns
    for number in range(count):
        named, behind = f"@counter@{number % KEYS}", number // KEYS
        yield (
            [attrs.evolve(turn, stream=named, first_version=behind + 1)],
            attrs.evolve(
                model.state, stream=named, version=behind + 1, expected_version=behind
            ),
        )


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


async def _ask_all(client: Client, turns: int) -> dict[str, list[float]]:
    asked = Asked(asgi(client, token=None))
    return {
        what: [await asked.get(question) for _ in range(turns)]
        for what, question in QUESTIONS.items()
    }


def measured(path: str, turns: int) -> dict[str, list[float]]:
    """Milliseconds of each question, the first time and again."""
    with bench_app().open(path) as client:
        return asyncio.run(_ask_all(client, turns))


def slowest(bench: Bench) -> Turn:
    """The slowest first view of all lists, in milliseconds."""
    path = bench.new_path()
    fill(path, bench.count(INSTANCES, least=10 * RARE), bench.count(EVENTS, least=KEYS))
    try:
        return Turn(max(taken[0] for taken in measured(path, 1).values()))
    finally:
        remove_store(path)
