"""Requests that are repeated because their answers were lost: each has one effect."""

from __future__ import annotations

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("requests")


@app.orchestrator
async def collecting(ctx: perdure.OrchestrationContext, count: int) -> list[int]:
    return [await ctx.wait_for_external_event("Number", int) for _ in range(count)]


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def test_a_start_that_is_repeated_starts_nothing_more(world: Simulation) -> None:
    first = world.client.start(collecting, 1, request_id="r-1")
    world.crash()
    again = world.client.start(collecting, 1, request_id="r-1")

    assert again.id == first.id
    assert world.client.count() == {"Running": 1}
    again.raise_event("Number", 7)
    assert again.result(60) == [7]
    assert world.client.start(collecting, 1, request_id="r-1").result(60) == [7]


def test_a_repeat_with_an_instance_id_is_no_second_start(world: Simulation) -> None:
    for _ in range(2):
        world.client.start(collecting, 1, instance_id="c", request_id="r-1")
        world.crash()
    with pytest.raises(perdure.InstanceAlreadyExistsError):
        world.client.start(collecting, 1, instance_id="c", request_id="r-2")
    with pytest.raises(perdure.RequestMismatchError):
        world.client.start(collecting, 2, instance_id="c", request_id="r-1")


def test_an_event_that_is_raised_again_is_one_event(world: Simulation) -> None:
    world.client.start(collecting, 2, instance_id="c")
    for number, request_id in [(1, "a"), (1, "a"), (2, "b")]:
        world.client.orchestration("c").raise_event("Number", number, request_id=request_id)
        world.crash()

    assert world.client.orchestration("c").result(60) == [1, 2]


def test_a_signal_with_start_that_is_repeated_is_one_signal(world: Simulation) -> None:
    for number, request_id in [(1, "a"), (1, "a"), (2, "b")]:
        world.client.signal_with_start(
            collecting, "Number", number, instance_id="c", input=2, request_id=request_id
        )
        world.crash()

    assert world.client.orchestration("c").result(60) == [1, 2]


def test_a_request_id_that_is_none_is_refused(world: Simulation) -> None:
    with pytest.raises(perdure.InvalidIdError, match="request id"):
        world.client.start(collecting, 1, instance_id="c", request_id="")
    assert world.client.count() == {}
