"""Entities that are told how an orchestration has ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure.testing import Simulation, crash_everywhere, simulate

app = perdure.App("ends")


@app.entity
class Shop(perdure.Entity):
    ends: list[str] = perdure.field(factory=list[str])
    open: int = 0

    def order(self, number: int, instance_id: str = "o", days: int = 0) -> str:
        self.open += 1
        starts = self.context.on_end(Shop.ended)
        later = timedelta(days=days) if days else None
        return starts.start(ship, number, instance_id=instance_id, start_at=later)

    def ended(self, end: perdure.OrchestrationEnd) -> None:
        self.open -= 1
        details = end.failure_details
        why = "" if details is None else details.error_type.rpartition(".")[2]
        assert self.context.caller == end.instance_id
        self.ends.append(f"{end.instance_id} {end.status} {end.output} {why}".rstrip())

    def unknown(self) -> None:
        self.context.on_end("endde").start(ship, 1)


@app.entity
def till(ctx: perdure.FunctionContext) -> None:
    if ctx.operation_name == "sell":
        ctx.on_end("sold").start(ship, 3, instance_id="sold")
    else:
        ctx.set_state(ctx.get_input(dict[str, Any])["output"])


@app.orchestrator
async def ship(ctx: perdure.OrchestrationContext, number: int) -> str:
    if number < 0:
        raise ValueError(number)
    await ctx.create_timer(timedelta(hours=number))
    if number > 10:
        ctx.continue_as_new(1)
    return f"shipped {number}"


def ends(world: Simulation) -> list[str]:
    snapshot = world.client.entity(Shop, "s").get()
    assert snapshot is not None
    state: Shop = snapshot.state
    assert state.open == 0
    return state.ends


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, "o Completed shipped 1"),
        (-1, "o Failed None ValueError"),
        (11, "o Completed shipped 1"),
    ],
)
def test_an_entity_is_told_how_what_it_started_has_ended(number: int, told: str) -> None:
    with simulate(app) as world:
        world.client.entity(Shop, "s").signal(Shop.order, number)
        world.advance(days=1)

        assert ends(world) == [told]


def test_a_function_is_told_too() -> None:
    with simulate(app) as world:
        world.client.entity("till", "t").signal("sell")
        world.advance(days=1)

        snapshot = world.client.entity("till", "t").get()
        assert snapshot is not None
        assert snapshot.state == "shipped 3"


def test_it_is_told_also_of_one_that_never_began() -> None:
    with simulate(app) as world:
        world.client.entity(Shop, "s").signal(Shop.order, 1, days=3)
        world.settle()
        world.client.orchestration("o").terminate("enough")
        world.settle()

        assert ends(world) == ["o Terminated enough"]


def test_it_is_told_that_nothing_was_started() -> None:
    with simulate(app) as world:
        world.client.start(ship, 3, instance_id="o")
        world.client.entity(Shop, "s").signal(Shop.order, 1)
        world.settle()

        assert ends(world) == ["o Failed None InstanceAlreadyExistsError"]


def test_whoever_is_to_be_told_must_be_able_to_hear() -> None:
    with simulate(app) as world:
        with pytest.raises(perdure.OperationFailedError, match="ended"):
            world.client.entity(Shop, "s").call(Shop.unknown).get()
        assert world.client.count() == {}


def test_it_is_told_once_through_crashes() -> None:
    def scenario(world: Simulation) -> None:
        shop = world.client.entity(Shop, "s")
        for name, number in (("a", 1), ("b", -1)):
            shop.options(request_id=name).signal(Shop.order, number, name)
        world.advance(hours=2)
        assert sorted(ends(world)) == ["a Completed shipped 1", "b Failed None ValueError"]

    assert crash_everywhere(app, scenario, seeds=2) > 10
