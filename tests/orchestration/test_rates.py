"""The rate of an activity: how close together its attempts begin, and who is held up by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

import perdure
from perdure.orchestration.pace import Pace
from perdure.orchestration.simulation import Simulation, simulate
from perdure.storage.records import Batch
from tests.orchestration.test_activities import FailingCommits

app = perdure.App("paced")
began: list[tuple[str, float]] = []
"""Which activity began, and when, in seconds."""


def note(name: str) -> None:
    began.append((name, perdure.activity_context().begun_micros / 1_000_000))


@app.activity(rate=2)
def twice_a_second(number: int) -> int:
    note("twice")
    return number


@app.activity(rate=0.01)
async def rarely(seconds: float) -> None:
    note("rarely")
    await asyncio.sleep(seconds)


@app.activity(rate=10, concurrency=1)
async def slow_and_paced(seconds: float) -> None:
    note("slow")
    await asyncio.sleep(seconds)


@app.activity
def free(number: int) -> int:
    note("free")
    return number


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, asked: list[tuple[str, Any]]) -> Any:
    return await perdure.when_all([ctx.call_activity(*one) for one in asked])


@pytest.fixture(autouse=True)
def forget() -> None:
    began.clear()


@pytest.fixture
def world() -> Iterator[Simulation]:
    with simulate(app) as world:
        yield world


def gaps(name: str) -> list[float]:
    times = [time for one, time in began if one == name]
    return [round(after - before, 6) for before, after in pairwise(times)]


def test_attempts_begin_evenly_spread_and_in_order(world: Simulation) -> None:
    numbers = list(range(20))
    ref = world.client.start(run, [("twice_a_second", number) for number in numbers])
    world.advance(seconds=9.4)
    assert len(began) == 19

    assert ref.result(60) == numbers
    assert gaps("twice") == [0.5] * 19


def test_the_first_after_a_pause_begins_at_once_and_there_is_no_burst(
    world: Simulation,
) -> None:
    world.client.start(run, [("twice_a_second", 1)]).result(60)
    world.advance(seconds=3600)
    asked = world.now.timestamp()
    world.client.start(run, [("twice_a_second", number) for number in range(3)]).result(60)

    assert began[1][1] == asked
    assert gaps("twice")[1:] == [0.5, 0.5]


def test_the_pace_outlives_the_actor(world: Simulation) -> None:
    world.client.start(run, [("rarely", 0.0)]).result(1)
    world.advance(seconds=90)  # the actor was let go after 60
    ref = world.client.start(run, [("rarely", 0.0)])
    world.advance(seconds=9)
    assert len(began) == 1

    ref.result(60)
    assert gaps("rarely") == [100.0]


def test_those_that_wait_hold_up_no_other_activity(world: Simulation) -> None:
    asked: list[tuple[str, Any]] = [("twice_a_second", number) for number in range(50)]
    world.client.start(run, asked)
    before = world.now.timestamp()
    world.client.start(run, [("free", number) for number in range(200)]).result(60)

    assert {time for name, time in began if name == "free"} == {before}
    assert len([name for name, _ in began if name == "twice"]) == 1


def test_a_rate_and_a_concurrency_hold_together(world: Simulation) -> None:
    world.client.start(run, [("slow_and_paced", 0.01)] * 3).result(60)
    assert gaps("slow") == [0.1, 0.1]
    began.clear()

    world.client.start(run, [("slow_and_paced", 5.0)] * 3).result(60)
    assert gaps("slow") == [5.0, 5.0]


def test_those_that_wait_are_in_the_store_and_go_on_after_a_crash(world: Simulation) -> None:
    numbers = list(range(10))
    asked = [("twice_a_second", number) for number in numbers]
    world.client.start(run, asked, instance_id="i")
    world.advance(seconds=2)
    world.crash()

    assert world.client.orchestration("i").result(60) == numbers


def test_those_that_wait_do_not_hold_up_the_end_of_the_node(world: Simulation) -> None:
    world.client.start(run, [("rarely", 0.0)] * 3)
    world.settle()

    before = world.now
    assert world.client.close()
    assert world.now == before


class FailingDisk(FailingCommits):
    """Fails one commit in three, written or not."""

    def before_commit(self, batch: Batch) -> None:
        self._fail(batch)


@pytest.mark.parametrize("seed", range(20))
def test_failed_commits_let_none_begin_early(seed: int) -> None:
    world = Simulation(app, seed=seed, faults=FailingDisk(seed))
    asked = [("twice_a_second", number) for number in range(10)]
    while world.client.orchestration("s").status() is None:
        try:
            world.client.start_or_get(run, asked, instance_id="s")
        except (perdure.OutcomeUnknownError, perdure.StoreError):
            world.advance(seconds=1)

    assert world.client.orchestration("s").result(600) == list(range(10))
    assert min(gaps("twice")) >= 0.5


def test_a_cancelled_one_takes_no_place_in_the_queue(world: Simulation) -> None:
    world.client.start(run, [("rarely", 0.0)])
    ref = world.client.start(run, [("rarely", 1.0)] * 5)
    last = world.client.start(run, [("rarely", 2.0)])
    world.settle()
    ref.cancel()

    last.result(200)
    assert gaps("rarely") == [100.0]


@pytest.mark.parametrize(
    "rate", [0, -1, 1001, float("nan"), float("inf"), 1e-9, True, "10/s", [1]]
)
def test_a_rate_that_makes_no_sense_is_refused(rate: Any) -> None:
    with pytest.raises(perdure.DefinitionError, match=r"activity named: rate=.*per second"):

        @perdure.App("refusing").activity(rate=rate)
        def named() -> None: ...


# ---- the decision alone -------------------------------------------------------------------


class Begun:
    begun_micros = 0


def test_a_pace_waits_for_what_was_let_through_and_has_not_begun() -> None:
    pace, first = Pace(10), Begun()
    assert pace.opens_micros(5, is_coming=False) == 5
    pace.let_through("r", first)

    assert pace.opens_micros(1_000, is_coming=True) == 101_000  # asks again
    first.begun_micros = 50_000
    assert pace.opens_micros(60_000, is_coming=True) == 150_000
    assert pace.opens_micros(60_000, is_coming=False) == 150_000


def test_a_pace_forgets_what_never_began() -> None:
    pace = Pace(10)
    pace.let_through("r", Begun())

    assert pace.opens_micros(1_000, is_coming=False) == 1_000


def test_an_interval_is_rounded_up() -> None:
    pace, first = Pace(3), Begun()
    pace.let_through("r", first)
    first.begun_micros = 1

    assert pace.opens_micros(2, is_coming=False) == 333_335
