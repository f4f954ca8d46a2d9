"""Mistakes that are made on the first day, and the remedy that the message names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("beginning")


@app.entity
class Counter(perdure.Entity):
    value: int = 0


@app.activity
def charge(amount: int) -> str:
    return f"receipt for {amount}"


def unregistered(amount: int) -> None: ...


@app.orchestrator
async def checkout(ctx: perdure.OrchestrationContext, amount: int) -> str:
    return await ctx.call_activity(charge, amount)


@app.orchestrator
async def returns_a_task(ctx: perdure.OrchestrationContext) -> Any:
    return ctx.call_activity(charge, 1)


@app.orchestrator
async def passes_a_task(ctx: perdure.OrchestrationContext) -> Any:
    given: Any = ctx.call_activity(charge, 1)
    return await ctx.call_activity(charge, given)


@app.orchestrator
async def misspells(ctx: perdure.OrchestrationContext) -> Any:
    return await ctx.call_activity("chrge", 1)


@app.orchestrator
async def forgets_the_decorator(ctx: perdure.OrchestrationContext) -> Any:
    return await ctx.call_activity(unregistered, 1)


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate(app)


@pytest.mark.parametrize(
    ("orchestrator", "says"),
    [
        (returns_a_task, "await it first"),
        (passes_a_task, "await it first"),
        (misspells, "'chrge' is no activity of this app; did you mean 'charge'?"),
        (forgets_the_decorator, "unregistered is no activity of this app; use @app.activity;"),
    ],
)
def test_an_orchestration_that_fails_names_the_remedy(
    world: Simulation, orchestrator: Any, says: str
) -> None:
    with pytest.raises(perdure.OrchestrationFailedError) as failed:
        world.client.start(orchestrator).result(60)

    assert says in str(failed.value)


Use = Callable[[Any], object]
WRONG_NAMES: list[tuple[Use, str]] = [
    (lambda c: c.start("chekout", 1), "did you mean 'checkout'?"),
    (lambda c: c.start(charge, 1), "charge is no orchestrator of this app; use @app.orch"),
    (lambda c: c.entity("conter", "a"), "did you mean 'counter'?"),
]


@pytest.mark.parametrize(("use", "says"), WRONG_NAMES)
def test_a_wrong_name_is_told_a_near_one(world: Simulation, use: Use, says: str) -> None:
    with pytest.raises(LookupError) as refused:
        use(world.client)

    assert says in str(refused.value)


def test_an_orchestrator_that_was_called_is_to_be_passed_itself(world: Simulation) -> None:
    called: Any = checkout(None, 1)  # type: ignore[arg-type]  # pyright: ignore

    with pytest.raises(perdure.UnknownOrchestratorError, match="pass the orchestrator itself"):
        world.client.start(called, 1)

    called.close()


def test_an_input_that_is_missing_is_said_to_be(world: Simulation) -> None:
    start: Any = world.client.start

    with pytest.raises(perdure.DecodingError, match="takes an input, int, and got none"):
        start(checkout)
