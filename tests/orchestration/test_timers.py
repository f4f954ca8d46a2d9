"""Timers, and the time that an orchestration sees."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime, timedelta

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("timers")
seen: list[tuple[bool, tuple[datetime, uuid.UUID, float]]] = []


@app.orchestrator
async def until(ctx: perdure.OrchestrationContext, at: datetime) -> datetime:
    await ctx.create_timer(at)
    return ctx.current_utc_datetime


@app.orchestrator
async def days(ctx: perdure.OrchestrationContext, count: int) -> int:
    before = ctx.current_utc_datetime
    await ctx.create_timer(timedelta(days=count))
    return (ctx.current_utc_datetime - before).days


@app.orchestrator
async def taken_back(ctx: perdure.OrchestrationContext) -> str:
    timer = ctx.create_timer(timedelta(days=1))
    await ctx.wait_for_external_event("go")
    timer.cancel()
    timer.cancel()
    await ctx.wait_for_external_event("go")
    return "done"


@app.orchestrator
async def looking(ctx: perdure.OrchestrationContext) -> None:
    """Tell everything that must be the same on replay."""
    for _ in range(2):
        values = (ctx.current_utc_datetime, ctx.new_uuid(), ctx.random.random())
        seen.append((ctx.is_replaying, values))
        ctx.create_replay_safe_logger(logging.getLogger("looking")).warning("once")
        await ctx.wait_for_external_event("go")


@pytest.fixture
def world() -> Simulation:
    seen.clear()
    return simulate(app)


def test_a_timer_is_never_early(world: Simulation) -> None:
    at = world.now + timedelta(hours=1)
    ref = world.client.start(until, at)
    world.advance(minutes=59, seconds=59, milliseconds=999)
    with pytest.raises(perdure.ReplyTimeoutError):
        ref.result(0)
    world.advance(milliseconds=1)

    assert ref.result(0) == at


def test_a_naive_time_is_in_utc(world: Simulation) -> None:
    at = world.now + timedelta(hours=1)
    ref = world.client.start(until, at.replace(tzinfo=None))

    assert ref.result(3600) == at


@pytest.mark.parametrize("at", [datetime(1960, 1, 1, tzinfo=UTC), datetime(2001, 1, 1)])
def test_a_time_that_has_passed_fires_at_once(world: Simulation, at: datetime) -> None:
    now = world.now

    assert world.client.start(until, at).result(0.001) - now < timedelta(seconds=1)


def test_a_timer_may_take_years_and_crashes(world: Simulation) -> None:
    world.client.start(days, 3650, instance_id="d")
    world.advance(days=3000)
    world.crash()
    world.advance(days=649)
    assert world.client.orchestration("d").status().runtime_status == "Running"  # type: ignore[union-attr]
    world.advance(days=2)

    assert world.client.orchestration("d").result(0) == 3650


def test_a_cancelled_timer_leaves_the_store(world: Simulation) -> None:
    ref = world.client.start(taken_back, instance_id="t")
    world.settle()
    assert world.client.node.store.waiting() == 1
    ref.raise_event("go")
    world.settle()
    assert world.client.node.store.waiting() == 0
    world.crash()
    world.client.orchestration("t").raise_event("go")

    assert world.client.orchestration("t").result(1) == "done"


def test_time_uuids_and_random_numbers_are_the_same_on_replay(
    world: Simulation, caplog: pytest.LogCaptureFixture
) -> None:
    world.client.start(looking, instance_id="l")
    world.advance(minutes=1)
    world.crash()
    world.advance(minutes=1)
    world.client.orchestration("l").raise_event("go")
    world.settle()

    assert [replaying for replaying, _ in seen] == [False, True, False]
    first, replayed, second = (values for _, values in seen)
    assert first == replayed
    assert all(one != other for one, other in zip(first, second, strict=True))
    assert [record.message for record in caplog.records if record.name == "looking"] == [
        "once",
        "once",
    ]
