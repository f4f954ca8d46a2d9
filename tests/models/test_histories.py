"""Generated programs run, with crashes; each history gives the same decisions again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.actors.simulated import Chances
from perdure.errors import InstanceFinishedError
from perdure.orchestration.reading import events_of, require_state
from perdure.orchestration.replaying import export_history, replay_recorded, replay_store
from perdure.testing import Simulation
from perdure.testing.simulating.histories import check_grammar, check_replay
from tests.models.profiles import TIMES, sized
from tests.models.programs import Step, app, program

pytestmark = pytest.mark.timeout(60 * TIMES)

numbers = st.integers(0, 4)
names = st.sampled_from(["x", "y"])
leaves: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from(["work", "fail", "call", "sleep"]), numbers).map(list),
    st.tuples(st.sampled_from(["event", "event_in_time"]), names).map(list),
)
tasks = st.recursive(
    leaves,
    lambda inner: st.tuples(st.just("child"), st.lists(inner, max_size=2)).map(list),
    max_leaves=3,
)
alone: st.SearchStrategy[Step] = st.one_of(
    leaves.filter(lambda step: step[0] not in ("call",)),
    st.tuples(st.just("signal"), numbers).map(list),
    st.just(["draw"]),
)
steps: st.SearchStrategy[Step] = st.one_of(
    tasks,
    alone,
    st.tuples(st.sampled_from(["all", "any"]), st.lists(tasks, min_size=1, max_size=3)).map(
        list
    ),
    st.tuples(st.just("lock"), numbers, leaves.filter(lambda step: step[0] != "call")).map(
        list
    ),
    st.tuples(st.just("status"), numbers).map(list),
)


@sized(60)
@given(
    plans=st.lists(st.lists(steps, max_size=5), min_size=1, max_size=3),
    seed=st.integers(0, 2**16),
    crashes=st.sets(st.integers(0, 12), max_size=3),
)
def test_a_history_gives_the_same_decisions(
    plans: list[list[Step]], seed: int, crashes: set[int]
) -> None:
    chances = Chances(lost_baton=0.2, passivation=0.2, short_turns=0.2)
    with Simulation(app, seed=seed, chances=chances) as world:
        for number, plan in enumerate(plans):
            world.client.start(program, plan, instance_id=f"p{number}")
        for moment in range(13):
            if moment in crashes:
                world.crash()
            world.advance(seconds=1.5)
            raise_events(world, moment)
        for _ in range(12):  # children of children begin late
            world.advance(seconds=60)
            raise_events(world, 1)
        check(world, len(plans))


def raise_events(world: Simulation, data: int) -> None:
    """To all that live."""
    for state in world.client.query(statuses=["Running"]).items:
        for name in ("x", "Y"):
            with suppress(InstanceFinishedError):
                world.client.orchestration(state.instance_id).raise_event(name, data)


def check(world: Simulation, plans: int) -> None:
    """All are done, and every history is of the right form and decides the same."""
    store = world.client.node.store
    assert world.client.count(prefix="p") == {"Completed": plans}
    assert list(world.client.verify()) == []
    for one in world.client.query(limit=1000).items:
        state = require_state(store, one.instance_id)
        history = list(events_of(store, one.instance_id, state))
        check_grammar(state, history)
        check_replay(world.client, one.instance_id, state, history, one_release=True)
        exported: Any = export_history(store, one.instance_id)
        assert replay_recorded(exported, app.programs, app.resolve).error is None
    replays = list(replay_store(store, app.programs, app.resolve))
    assert [one for one in replays if one.error is not None] == []
