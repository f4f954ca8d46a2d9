"""Orchestrations whose code is not deployed: they wait for it, and lose nothing meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from perdure.actors import limits
from perdure.orchestration.simulation import Simulation
from perdure.storage.records import Batch
from perdure.testing.crashing import SimulatedCrash


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


class CrashAtRenewal:
    """Ends the process once, when a generation has ended and the next one is to begin."""

    def __init__(self) -> None:
        self.is_due = True

    def before_commit(self, batch: Batch) -> None:
        """Let it be written."""

    def after_commit(self, batch: Batch) -> None:
        if self.is_due and any(b'"renew"' in row.body for row in batch.accepted):
            self.is_due = False
            raise SimulatedCrash


def test_what_is_raised_between_two_generations_meanwhile_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HANDOVER_RECORDS", 1)
    world = Simulation(with_code(), faults=CrashAtRenewal())
    world.client.start("work", 2, instance_id="w")
    with pytest.raises(SimulatedCrash):
        world.advance(days=1)
    deploy(world, without_code())
    world.settle()
    state = world.client.orchestration("w").status()
    assert state is not None
    assert (state.is_stalled, state.generation) == (True, "")
    world.client.orchestration("w").raise_event("go", "kept")
    deploy(world, with_code())
    world.advance(days=2)

    assert world.client.orchestration("w").result(60) == "kept"


def test_a_pending_one_that_is_cancelled_meanwhile_is_not_stalled_any_more() -> None:
    world = Simulation(with_code())
    world.client.start("work", 1, instance_id="w", start_at=timedelta(hours=1))
    deploy(world, without_code())
    world.advance(hours=2)
    assert "work" in stalled(world)
    world.client.orchestration("w").cancel()

    state = world.client.orchestration("w").status()
    assert state is not None
    assert (state.runtime_status, state.is_stalled, state.reason) == ("Canceled", False, "")


@pytest.mark.parametrize("asked", ["resume", "start", "rewind"])
def test_whatever_is_asked_of_a_stalled_one_asks_todays_code(asked: str) -> None:
    world = Simulation(with_code())
    world.client.start("work", 1, instance_id="w")
    world.advance(days=2)
    deploy(world, without_code())
    ref = world.client.orchestration("w")
    with pytest.raises(perdure.WrongStatusError):
        ref.suspend()
    assert "work" in stalled(world)

    deploy(world, with_code())
    match asked:
        case "resume":
            world.client.orchestration("w").resume()
        case "start":
            with pytest.raises(perdure.InstanceAlreadyExistsError):
                world.client.start("work", 1, instance_id="w")
        case _:
            with pytest.raises(perdure.WrongStatusError):
                world.client.orchestration("w").rewind()

    assert not stalled(world)
    world.crash()
    assert not stalled(world)
