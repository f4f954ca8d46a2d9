"""Random work on both stores at once: whatever one does, the other does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.errors import StoreError
from perdure.storage.ports import Store
from perdure.storage.records import (
    BaseRow,
    Batch,
    MessageRow,
    OutcomeRow,
    QuarantineRow,
    StateRow,
    TurnRow,
)
from tests.contracts.stores import MemoryPlace, Place, SqlitePlace

STREAMS = ["@a@1", '@a@é"\\', "@b@\U0001f600 '"]
stream = st.sampled_from(STREAMS)
small = st.integers(1, 6)
time = st.integers(0, 30)
payload = st.binary(max_size=8)
page = st.integers(1, 4)
messages = st.builds(MessageRow, small, stream, time, payload)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Mostly good: states go on from ``expected_version``, which is set when it is run."""
    states = [
        StateRow(name, draw(small), draw(st.none() | payload), draw(time), 0)
        for name in draw(st.lists(stream, max_size=3))
    ]
    return Batch(
        0,
        turns=[
            TurnRow(row.stream, 0, row.version, draw(payload), row.time_micros)
            for row in states
        ],
        states=states,
        accepted=draw(
            st.lists(st.builds(MessageRow, small, stream, time, payload), max_size=3)
        ),
        consumed=draw(st.lists(small, max_size=3)),
        outcomes=draw(
            st.lists(
                st.builds(OutcomeRow, st.sampled_from("rs"), payload, payload, time), max_size=2
            )
        ),
        quarantined=draw(
            st.lists(
                st.builds(QuarantineRow, small, stream, payload, small, st.just("x"), time),
                max_size=1,
            )
        ),
        suspect=draw(st.none() | small),
    )


actions = st.one_of(
    st.tuples(st.just("commit"), batches(), st.sampled_from([0, 0, 0, 0, 0, 0, 1])),
    st.tuples(st.just("purge"), stream, small, st.none() | payload, page),
    st.tuples(st.just("redrive"), small, small),
    st.tuples(st.just("discard"), small),
    st.tuples(st.just("attempt"), small),
    st.tuples(st.just("outcomes"), time, page),
    st.tuples(st.just("open"), st.booleans()),
)


@attrs.define
class Worker:
    """Does actions on one store and tells what came of each."""

    place: Place
    store: Store
    number: int = 0

    def act(self, action: tuple[Any, ...]) -> object:
        match action:
            case ("commit", batch, error):
                return self.attempt(lambda: self.commit(batch, error))
            case ("purge", name, version, body, limit):
                base = BaseRow(name, version, body, 1)
                return self.attempt(lambda: self.store.purge_history(base, limit=limit))
            case ("redrive", message_id, new_id):
                return self.attempt(lambda: self.store.redrive(message_id, new_id))
            case ("discard", message_id):
                return self.store.discard(message_id)
            case ("attempt", message_id):
                return self.attempt(lambda: self.store.count_attempts([message_id]))
            case ("outcomes", now, limit):
                # Which of the expired ones go first is not promised: take them all.
                return self.store.purge_outcomes(now, limit=99 * limit)
            case ("open", clean):
                self.store.close(clean=clean)
                self.store = self.place.open()
                return self.store.opening
            case _:
                raise AssertionError(action)

    def attempt(self, act: Callable[[], object]) -> object:
        try:
            return act()
        except StoreError:
            return "refused"

    def commit(self, drawn: Batch, error: int) -> object:
        batch = attrs.evolve(drawn, number=self.number + 1, turns=[], states=[])
        held = {name: row.version for name, row in self.store.load(STREAMS, 0).items()}
        for turn, state in zip(drawn.turns, drawn.states, strict=True):
            before = held[state.stream] + error
            held[state.stream] = before + turn.count
            batch.turns.append(attrs.evolve(turn, first_version=before + 1))
            batch.states.append(
                attrs.evolve(state, version=before + turn.count, expected_version=before)
            )
        seq = self.store.commit(batch)
        self.number = batch.number
        return seq

    def view(self, limit: int, now: int) -> dict[str, object]:
        """Everything that can be read."""
        store = self.store
        return {
            "load": store.load(STREAMS, now),
            "due": store.due((now - 9, 3), now + 9, limit=limit),
            "next": store.next_due(now),
            "outcomes": store.outcomes(["r", "s", "t"], now),
            "state": [store.state(name) for name in STREAMS],
            "states": store.states("@a@", limit=limit, modified_from=now - 9, modified_to=now),
            "after": store.states("", after=STREAMS[0], limit=limit),
            "base": [store.base(name) for name in STREAMS],
            "turns": [
                store.turns(name, after_version=after, limit=limit)
                for name in STREAMS
                for after in (0, 3, now)
            ],
            "feed": [store.feed(0), store.feed(2, limit=limit)],
            "quarantined": [store.quarantined(), store.quarantined(after=2, limit=limit)],
            "waiting": [store.waiting(), *(store.waiting(name) for name in STREAMS)],
            "streams": [store.streams(), store.streams(after=STREAMS[0], limit=1)],
            "damage": list(store.check()),
            "probe": store.probe(),
        }


@settings(max_examples=60, deadline=None)
@given(work=st.lists(actions, max_size=12), limit=page, now=time)
def test_both_stores_do_the_same(work: list[tuple[Any, ...]], limit: int, now: int) -> None:
    with TemporaryDirectory() as folder:
        places: list[Place] = [MemoryPlace(), SqlitePlace(Path(folder) / "a.db", "process")]
        memory, sqlite = (Worker(place, place.open()) for place in places)
        try:
            for action in work:
                assert memory.act(action) == sqlite.act(action)
                assert memory.view(limit, now) == sqlite.view(limit, now)
        finally:
            sqlite.store.close(clean=True)
