"""Starts that were set aside: who waits for them is told when they are discarded."""

from __future__ import annotations

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate
from perdure.storage.records import StoredState

app = perdure.App("discarding")


@app.entity
class Shop(perdure.Entity):
    told: str = ""

    def open(self) -> None:
        self.context.on_end(Shop.ended).start(child, instance_id="child")

    def ended(self, end: perdure.OrchestrationEnd) -> None:
        self.told = f"{end.instance_id} {end.status}"


@app.orchestrator
async def child(ctx: perdure.OrchestrationContext) -> str:
    return ctx.instance_id


@app.orchestrator
async def parent(ctx: perdure.OrchestrationContext) -> str:
    return await ctx.call_sub_orchestrator(child, instance_id="child")


@pytest.fixture
def world() -> Simulation:
    """Where the row of ``child`` is damaged, so that its start is set aside."""
    world = simulate(app)
    damaged = StoredState("child", 0, b"no row", 1)
    world._disk.states["child"] = damaged  # pyright: ignore[reportPrivateUsage]
    return world


def set_aside(world: Simulation) -> int:
    world.settle()
    (row,) = world.client.quarantine()
    assert row.stream == "child"
    return row.id


def test_a_parent_fails_when_the_start_of_its_child_is_discarded(world: Simulation) -> None:
    ref = world.client.start(parent, instance_id="p")
    world.client.discard(set_aside(world))

    with pytest.raises(perdure.OrchestrationFailedError, match="was discarded") as failed:
        ref.result(60)
    assert failed.value.details is not None
    assert failed.value.details.is_caused_by(perdure.QuarantinedError)


def test_an_entity_is_told_of_the_end_of_what_was_discarded(world: Simulation) -> None:
    shop = world.client.entity(Shop, "s")
    shop.call(Shop.open).get()
    world.client.discard(set_aside(world))
    world.settle()

    assert shop.get().state.told == "child Failed"  # type: ignore[union-attr]
