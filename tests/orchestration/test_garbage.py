"""What is done with is freed at once: nothing is left in circles for the garbage collector.

Circles cost twice: their memory stays until a full collection, and the collections before it
look at them again and again.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure.testing import simulate

ROUNDS = 20
HOUR = timedelta(hours=1)
app = perdure.App("garbage")


@app.entity
class Purse(perdure.Entity):
    value: int = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def fail(self) -> None:
        msg = "as asked"
        raise ValueError(msg)


@app.activity
def increment(number: int) -> int:
    return number + 1


@app.activity
async def increment_later(number: int) -> int:
    return number + 1


@app.activity
def fail(number: int) -> int:
    msg = "as asked"
    raise ValueError(msg)


@app.orchestrator
async def steps(ctx: perdure.OrchestrationContext, number: int) -> int:
    for _ in range(3):
        number = await ctx.call_activity(increment, number)
    return number


@app.orchestrator
async def several(ctx: perdure.OrchestrationContext, number: int) -> int:
    return sum(await perdure.when_all([ctx.call_activity(increment_later, number)] * 2))


@app.orchestrator
async def first(ctx: perdure.OrchestrationContext, number: int) -> int:
    timer = ctx.create_timer(HOUR)
    done = ctx.call_activity(increment, number)
    await perdure.when_any([done, timer])
    timer.cancel()
    return done.get_result()


@app.orchestrator
async def parent(ctx: perdure.OrchestrationContext, number: int) -> int:
    return await ctx.call_sub_orchestrator(first, number)


@app.orchestrator
async def forgiving(ctx: perdure.OrchestrationContext, number: int) -> int:
    with suppress(perdure.TaskFailedError):
        await ctx.call_activity(fail, number)
    return number


@app.orchestrator
async def failing(ctx: perdure.OrchestrationContext, number: int) -> int:
    return await ctx.call_activity(fail, number)


@app.orchestrator
async def moving(ctx: perdure.OrchestrationContext, number: int) -> int:
    purse = ctx.entity(Purse, "locked")
    async with ctx.transaction(purse):
        return await purse.call(Purse.add, number)


@app.orchestrator
async def asking(ctx: perdure.OrchestrationContext, number: int) -> int:
    answer: int = await ctx.wait_for_external_event("go", int, timeout=HOUR)
    return answer + number


@contextmanager
def kept() -> Generator[list[Any]]:
    """What is left in circles after the block; what the collector would have freed."""
    gc.freeze()  # what other tests have left is not looked at
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    left: list[Any] = []
    try:
        yield left
        gc.collect()
        left.extend(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


def call(client: perdure.Client) -> None:
    client.entity(Purse, "a").call(Purse.add, 1).get(10)


def failed_call(client: perdure.Client) -> None:
    with pytest.raises(perdure.OperationFailedError):
        client.entity(Purse, "a").call(Purse.fail).get(10)


def run(orchestrator: Any) -> Callable[[perdure.Client], None]:
    def once(client: perdure.Client) -> None:
        assert client.start(orchestrator, 1).result(10) >= 1

    return once


def failed(client: perdure.Client) -> None:
    with pytest.raises(perdure.OrchestrationFailedError):
        client.start(failing, 1).result(10)


def answered(client: perdure.Client) -> None:
    asked = client.start(asking, 1)
    asked.raise_event("go", 2)
    assert asked.result(10) == 3


def unanswered(client: perdure.Client) -> None:
    with pytest.raises(perdure.OrchestrationFailedError):
        client.start(asking, 1).result()  # its hour passes


def terminated(client: perdure.Client) -> None:
    asked = client.start(asking, 1)
    asked.terminate("enough")
    with pytest.raises(perdure.OrchestrationFailedError):
        asked.result(10)


DONE: dict[str, Callable[[perdure.Client], None]] = {
    "call": call,
    "failed call": failed_call,
    "answered": answered,
    "unanswered": unanswered,
    "terminated": terminated,
    "failed": failed,
    **{
        orchestrator.__name__: run(orchestrator)
        for orchestrator in (steps, several, first, parent, forgiving, moving)
    },
}


@pytest.mark.parametrize("what", DONE)
def test_nothing_is_left_in_circles(what: str) -> None:
    with simulate(app) as world:
        once = DONE[what]
        once(world.client)
        with kept() as left:
            for _ in range(ROUNDS):
                once(world.client)
            world.settle()

        per_round = Counter(type(item).__qualname__ for item in left)
        assert {kind for kind, count in per_round.items() if count >= ROUNDS} == set()
