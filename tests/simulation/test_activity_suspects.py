"""An activity that ends the process is found, and those that ran beside it are not blamed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import perdure
from perdure.actors import limits
from perdure.orchestration.app import App
from perdure.orchestration.simulation import Simulation
from perdure.testing.crashing import SimulatedCrash

app = App("killing")
moods = {"deadly": True}
begun: list[Any] = []


@app.activity
def innocent(number: int) -> int:
    begun.append(number)
    return number


@app.activity
async def sleep(seconds: float) -> float:
    begun.append(seconds)
    await asyncio.sleep(seconds)
    return seconds


@app.activity
async def die_after(seconds: float) -> str:
    await asyncio.sleep(seconds)
    if moods["deadly"]:
        raise SimulatedCrash
    return "lived"


@app.activity(rate=1)
async def die_in_a_row(name: str) -> str:
    if name == "killer" and moods["deadly"]:
        raise SimulatedCrash
    await asyncio.sleep(60)
    return name


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, asked: list[tuple[str, Any]]) -> Any:
    return await perdure.when_all([ctx.call_activity(*one) for one in asked])


@pytest.fixture(autouse=True)
def deadly() -> None:
    moods["deadly"] = True
    begun.clear()


def crashes_until_quiet(world: Simulation, seconds: float = 3600) -> int:
    """Start the process again each time that it ends."""
    for crashes in range(60):
        try:
            world.advance(seconds=seconds)
        except SimulatedCrash:
            world.crash()
        else:
            return crashes
    msg = "it dies for ever"
    raise AssertionError(msg)


def only_in_quarantine(world: Simulation, address: str) -> int:
    [row] = world.client.quarantine()
    assert row.stream == address
    assert "the only message in hand at 3 crashes of the process; 'i' waits" in row.reason
    return row.id


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_a_killer_is_set_aside_and_its_orchestration_waits(seed: int, seconds: float) -> None:
    world = Simulation(app, seed=seed)
    asked = [*(("innocent", number) for number in range(8)), ("die_after", seconds)]
    start(world, asked)

    assert crashes_until_quiet(world) <= 2 + limits.ATTEMPTS
    message = only_in_quarantine(world, "@@die_after")
    ref = world.client.orchestration("i")
    assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]

    moods["deadly"] = False
    assert world.client.redrive(message)
    assert ref.result(60) == [*range(8), "lived"]


def start(world: Simulation, asked: list[tuple[str, Any]]) -> None:
    try:
        world.client.start(run, asked, instance_id="i")
    except SimulatedCrash:
        world.crash()


@pytest.mark.parametrize("seconds", [0.0, 3.0, 8.0, 30.0])
@pytest.mark.parametrize("order", ["first", "last"])
def test_those_that_run_long_beside_a_killer_are_not_blamed(seconds: float, order: str) -> None:
    world = Simulation(app)
    beside: list[tuple[str, Any]] = [("sleep", float(number)) for number in (40, 41, 42)]
    killer: list[tuple[str, Any]] = [("die_after", seconds)]
    start(world, [*killer, *beside] if order == "first" else [*beside, *killer])

    crashes_until_quiet(world)

    only_in_quarantine(world, "@@die_after")


@pytest.mark.parametrize("place", [0, 3, 6])
def test_nor_those_that_wait_for_the_same_rate(place: int) -> None:
    world = Simulation(app)
    names = [f"n{number}" for number in range(6)]
    names.insert(place, "killer")
    start(world, [("die_in_a_row", name) for name in names])

    crashes_until_quiet(world)

    only_in_quarantine(world, "@@die_in_a_row")


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("seconds", [0.0, 8.0])
def test_nor_those_of_the_same_name(place: int, seconds: float) -> None:
    world = Simulation(app)
    moments = [(seconds if number == place else 7200.0) for number in range(4)]
    start(world, [("die_after", moment) for moment in moments])

    crashes_until_quiet(world)

    only_in_quarantine(world, "@@die_after")
    moods["deadly"] = False
    world.advance(hours=1)
    assert [step.message.id for step in world.client.node.partition.attempts.steps()]


def test_one_that_runs_for_long_ends_the_care_that_is_taken() -> None:
    world = Simulation(app)
    start(world, [("sleep", 7200.0)])
    world.settle()
    world.crash()
    world.advance(seconds=limits.SUSPECT_SECONDS + 1)

    assert not world.client.node.partition.recovery.careful
    assert world.client.orchestration("i").result(7200) == [7200.0]


def test_what_is_discarded_fails_its_task() -> None:
    world = Simulation(app)
    start(world, [("innocent", 1), ("die_after", 0.0)])
    crashes_until_quiet(world)
    [row] = world.client.quarantine()

    assert world.client.discard(row.id)
    ref = world.client.orchestration("i")
    with pytest.raises(perdure.OrchestrationFailedError) as caught:
        ref.result(60)
    assert caught.value.details is not None
    assert caught.value.details.is_caused_by(perdure.QuarantinedError)
    assert not list(world.client.quarantine())


def test_the_next_suspect_begins_when_the_time_of_the_one_before_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SUSPECT_SECONDS", 0.2)
    world = Simulation(app)
    start(world, [("sleep", 40.0), ("sleep", 41.0), ("sleep", 42.0)])
    for _ in range(2):  # from the second crash on each begins alone
        world.advance(seconds=0.1)
        world.crash()
    begun.clear()

    world.advance(seconds=0.5)

    assert sorted(begun) == [40.0, 41.0, 42.0]
