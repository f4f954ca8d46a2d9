"""Orchestrations whose code is not deployed: they wait for it, and lose nothing meanwhile."""

from __future__ import annotations

from datetime import timedelta

import perdure
from perdure.orchestration.simulation import Simulation


def without_code() -> perdure.App:
    return perdure.App("shop")


def with_code() -> perdure.App:
    app = perdure.App("shop")

    @app.orchestrator
    async def work(ctx: perdure.OrchestrationContext, days: int) -> str:
        await ctx.create_timer(timedelta(days=1))
        if days > 1:
            ctx.continue_as_new(days - 1)
            return ""
        return str(await ctx.wait_for_external_event("go"))

    return app


def deploy(world: Simulation, app: perdure.App) -> None:
    world._app = app
    world.crash()


def stalled(world: Simulation, instance: str = "w") -> str:
    state = world.client.orchestration(instance).status()
    assert state is not None
    return state.reason if state.is_stalled else ""


def test_a_timer_that_fires_meanwhile_is_kept() -> None:
    world = Simulation(with_code())
    world.client.start("work", 1, instance_id="w")
    deploy(world, without_code())
    world.advance(days=2)
    assert "work" in stalled(world)
    deploy(world, with_code())
    world.settle()
    assert not stalled(world)
    world.client.orchestration("w").raise_event("go", "x")

    assert world.client.orchestration("w").result(60) == "x"


def test_a_generation_that_begins_meanwhile_waits() -> None:
    world = Simulation(with_code())
    world.client.start("work", 2, instance_id="w")
    while "w" not in {row[2] for row in world.client.node.store.due((0, 0), 1 << 62, limit=9)}:
        world.runtime.step()
    world.advance(days=1)
    world.crash()
    assert world.client.orchestration("w").status() is not None
    deploy(world, without_code())
    world.advance(days=5)
    deploy(world, with_code())
    world.advance(days=5)
    world.client.orchestration("w").raise_event("go", "x")

    assert world.client.orchestration("w").result(60) == "x"


def test_a_scheduled_start_whose_time_comes_meanwhile_waits() -> None:
    world = Simulation(with_code())
    world.client.start("work", 1, instance_id="w", start_at=timedelta(hours=1))
    deploy(world, without_code())
    world.advance(hours=2)
    deploy(world, with_code())
    world.advance(days=2)
    world.client.orchestration("w").raise_event("go", "x")

    assert world.client.orchestration("w").result(60) == "x"


def test_it_can_be_terminated_meanwhile() -> None:
    world = Simulation(with_code())
    ref = world.client.start("work", 1, instance_id="w")
    deploy(world, without_code())
    world.advance(days=2)
    ref = world.client.orchestration("w")
    ref.terminate()

    assert ref.status().runtime_status == "Terminated"  # type: ignore[union-attr]
    assert world.client.node.store.waiting() == 0
