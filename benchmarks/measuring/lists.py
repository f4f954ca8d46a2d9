"""Lists of a large store: what each costs the server, with a million events behind them.

The row has the slowest; ``python -m perdure.benchmarks.measuring.list_table`` prints each.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import attrs

from perdure.benchmarks.bench import WAIT_SECONDS, Bench, check, remove_store
from perdure.benchmarks.measuring.footprint import child
from perdure.benchmarks.report.figures import Turn
from perdure.benchmarks.subjects.entities import Counter, bench_app
from perdure.benchmarks.subjects.orchestrators import sequence, wait
from perdure.storage.records import Batch, StateRow, TurnRow
from perdure.storage.sqlite import SqliteStore

INSTANCES = 100_000
EVENTS = 1_000_000
KEYS = 1_000
RARE = 10
"""So many of the orchestrations are suspended, the others have ended."""
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


def slowest(bench: Bench) -> Turn:
    """The slowest first view of all lists, in milliseconds."""
    path = bench.new_path()
    fill(path, bench.count(INSTANCES, least=10 * RARE), bench.count(EVENTS, least=KEYS))
    try:
        return Turn(child("-m", "perdure.benchmarks.measuring.list_table", path, "slowest"))
    finally:
        remove_store(path)
