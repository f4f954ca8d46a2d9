"""How results are read, and what becomes of answers that come too late."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("calling")
ran: list[str] = []


@attrs.frozen
class Order:
    sku: str
    amount: int = 1


@app.activity
def reserve(order: Order) -> Order:
    return Order(order.sku, order.amount + 1)


@app.activity
def untyped(order: Any) -> Any:
    return order


@app.activity
async def slow(name: str) -> str:
    await asyncio.sleep(60)
    ran.append(name)
    return name


@app.entity
class Stock(perdure.Entity):
    left: int = 3

    def take(self, amount: int) -> int:
        if amount > self.left:
            raise LookupError(amount)
        self.left -= amount
        return self.left


@app.orchestrator
async def typed(ctx: perdure.OrchestrationContext, order: Order) -> list[Any]:
    by_annotation = await ctx.call_activity(reserve, order)
    by_name = await ctx.call_activity("untyped", order, return_type=Order)
    plain = await ctx.call_activity("untyped", order)
    return [isinstance(one, Order) for one in (order, by_annotation, by_name, plain)]


@app.orchestrator
async def unfit(ctx: perdure.OrchestrationContext) -> str:
    try:
        await ctx.call_activity("untyped", "no order", return_type=Order)
    except perdure.DecodingError:
        return "cannot be read"
    return "read"


@app.orchestrator
async def sleepy(ctx: perdure.OrchestrationContext) -> str:
    return await ctx.call_activity(slow, "one")


@app.orchestrator
async def taking(ctx: perdure.OrchestrationContext, amount: int) -> str:
    stock = ctx.entity(Stock, "tea")
    try:
        return f"left: {await stock.call(Stock.take, amount)}"
    except perdure.TaskFailedError as error:
        return f"{error.details.error_type}, left: {await stock.call(Stock.take, 0)}"


@app.orchestrator
async def restarted(ctx: perdure.OrchestrationContext, first: bool) -> str:
    if first:
        _ = ctx.call_activity(slow, "old")
        await ctx.wait_for_external_event("go")
        ctx.continue_as_new(new_input=False)
        return ""
    return await ctx.call_activity(slow, "new")


@pytest.fixture
def world() -> Simulation:
    ran.clear()
    return simulate(app)


def test_a_result_is_read_by_the_annotation_or_by_the_return_type(world: Simulation) -> None:
    assert world.client.start(typed, Order("tea")).result(1) == [True, True, True, False]


def test_a_result_that_cannot_be_read_fails_the_task(world: Simulation) -> None:
    assert world.client.start(unfit).result(1) == "cannot be read"


def test_what_runs_when_its_orchestration_is_terminated_is_stopped_and_ignored(
    world: Simulation,
) -> None:
    ref = world.client.start(sleepy)
    world.advance(seconds=30)
    ref.terminate("enough")
    before = [event.event_type for event in ref.history()]
    world.advance(seconds=60)

    assert ran == []
    assert [event.event_type for event in ref.history()] == before
    assert ref.status().output == "enough"  # type: ignore[union-attr]
    assert world.client.node.store.waiting() == 0


def test_events_that_nobody_has_read_go_with_a_terminated_one(world: Simulation) -> None:
    ref = world.client.start(sleepy, instance_id="s")
    ref.raise_event("unread", 1)
    ref.terminate()
    world.advance(minutes=2)
    again = world.client.start(restarted, True, instance_id="s")
    world.settle()

    assert [event.event_type for event in again.history()] == [
        "ExecutionStarted",
        "TaskScheduled",
    ]


def test_the_answer_to_an_old_generation_is_not_that_of_the_new_one(world: Simulation) -> None:
    ref = world.client.start(restarted, True)
    world.advance(seconds=30)
    ref.raise_event("go")
    world.advance(seconds=31)
    with pytest.raises(perdure.ReplyTimeoutError):
        ref.result(0)

    assert ref.result(60) == "new"
    assert ran == ["old", "new"]


def test_a_failed_operation_fails_its_call_and_leaves_the_entity(world: Simulation) -> None:
    assert world.client.start(taking, 1).result(1) == "left: 2"
    assert world.client.start(taking, 5).result(1) == "LookupError, left: 2"
