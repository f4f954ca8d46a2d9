"""The testing kit for orchestrations: other activities, and a crash at every commit."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from perdure.testing import Simulation, crash_everywhere, simulate

app = perdure.App("crashing")


@app.entity
class Stock(perdure.Entity):
    left: int = 10

    def take(self) -> int:
        self.left -= 1
        return self.left


@app.activity
def charge(amount: int) -> str:
    raise AssertionError(amount)


@app.activity(pool="process")
def ship(order: str) -> str:
    raise AssertionError(order)


@app.orchestrator
async def order(ctx: perdure.OrchestrationContext, amount: int) -> str:
    left = await ctx.entity(Stock, "tea").call(Stock.take)
    receipt = await ctx.call_activity(charge, amount)
    await ctx.create_timer(timedelta(days=3))
    return f"{receipt}, {await ctx.call_activity(ship, receipt)}, {left} left"


@app.orchestrator
async def careless(ctx: perdure.OrchestrationContext) -> None:
    await ctx.call_activity(charge, 1)


charged: list[int] = []


def pretend(_: perdure.ActivityContext, amount: int) -> str:
    charged.append(amount)
    return f"paid {amount}"


def add(_: perdure.ActivityContext, amount: int, more: int) -> int:
    return amount + more


def send(receipt: str) -> str:
    return f"sent for {receipt}"


tested = app.with_activities({charge: pretend, "ship": send})


def buy(world: Simulation) -> None:
    ref = world.client.start_or_get(order, 30, instance_id="o", replace_finished=False)
    assert ref.result(7 * 24 * 3600) == "paid 30, sent for paid 30, 9 left"


def test_activities_run_other_functions_in_a_test() -> None:
    with simulate(tested) as world:
        buy(world)


def test_the_app_itself_stays_as_it_is() -> None:
    assert app.programs.registry.activity(charge).function is charge  # type: ignore[union-attr]
    assert tested.programs.registry.activity(charge).function is pretend  # type: ignore[union-attr]


def test_what_stands_in_must_fit() -> None:
    with pytest.raises(perdure.UnknownActivityError, match="registered: charge, ship"):
        app.with_activities({"bill": pretend})
    with pytest.raises(perdure.DefinitionError, match="one input at most"):
        app.with_activities({charge: add})


def test_a_scenario_is_run_with_a_crash_at_each_commit() -> None:
    crashes = crash_everywhere(tested, buy)

    assert crashes >= 2 * 4
    assert crash_everywhere(tested, buy, seeds=2) >= 2 * crashes - 4


def test_what_a_crash_breaks_is_told_with_its_place() -> None:
    def once(world: Simulation) -> None:
        charged.clear()
        world.client.start(careless).result(60)  # every time another one
        assert sum(world.client.count().values()) == 1

    with pytest.raises(AssertionError) as failure:
        crash_everywhere(tested, once)

    assert failure.value.__notes__ == ["with a crash before commit 2 (seed 0)"]


def test_a_scenario_without_a_commit_is_a_mistake() -> None:
    with pytest.raises(perdure.InvalidInputError, match="commits nothing"):
        crash_everywhere(tested, lambda world: world.client.count())
