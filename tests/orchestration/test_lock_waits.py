"""Waiting for a critical section, and giving up."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("locking")


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


@app.orchestrator
async def holding(ctx: perdure.OrchestrationContext, key: str) -> None:
    async with ctx.lock_entities(ctx.entity(Account, key)):
        await ctx.wait_for_external_event("Go")


@app.orchestrator
async def stubborn(ctx: perdure.OrchestrationContext) -> int:
    first, second = ctx.entity(Account, "a"), ctx.entity(Account, "b")
    try:
        async with ctx.lock_entities(first, second):
            return -1
    except perdure.CancelledError:
        async with ctx.lock_entities(first):
            return await first.call(Account.add, 5)


@app.orchestrator
async def impatient(ctx: perdure.OrchestrationContext) -> str:
    lock = ctx.lock_entities(ctx.entity(Account, "a"), ctx.entity(Account, "b"))
    timeout = ctx.create_timer(timedelta(minutes=1))
    if await perdure.when_any([lock, timeout]) is timeout:
        lock.cancel()
        await ctx.wait_for_external_event("Go on")
        return "too late"
    timeout.cancel()
    with lock:
        return "locked"


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def holder(world: Simulation, key: str) -> str | None:
    snapshot = world.client.entity(Account, key).get()
    return None if snapshot is None else snapshot.locked_by


def test_a_cancelled_wait_lets_go_and_may_lock_again(world: Simulation) -> None:
    held = world.client.start(holding, "b")
    world.settle()
    ref = world.client.start(stubborn, instance_id="s")
    world.settle()
    ref.cancel()

    assert ref.result(60) == 5
    held.raise_event("Go")
    world.settle()
    assert (holder(world, "a"), holder(world, "b")) == (None, None)
    assert world.client.entity(Account, "b").call(Account.add, 1).get() == 1
    world.crash()
    assert world.client.orchestration("s").result(60) == 5


def test_a_lock_may_be_given_up_after_a_time(world: Simulation) -> None:
    held = world.client.start(holding, "b")
    world.settle()
    world.client.start(impatient, instance_id="i")
    world.advance(minutes=2)
    assert world.client.entity(Account, "a").call(Account.add, 1).get() == 1  # free already
    held.raise_event("Go")
    world.crash()
    assert world.client.entity(Account, "b").call(Account.add, 1).get() == 1  # nobody took it

    world.client.orchestration("i").raise_event("Go on")
    assert world.client.orchestration("i").result(60) == "too late"


def test_a_lock_that_is_granted_in_time_is_held(world: Simulation) -> None:
    assert world.client.start(impatient).result(60) == "locked"
    world.settle()
    assert (holder(world, "a"), holder(world, "b")) == (None, None)
