"""What asyncio offers does not survive a restart: it is refused, with what to use instead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import perdure
from perdure.orchestration.simulation import simulate

app = perdure.App("idioms")
Idiom = Callable[[perdure.OrchestrationContext], Awaitable[Any]]
chosen: list[Idiom] = []


@app.activity
def act() -> int:
    return 1


@app.orchestrator
async def use(ctx: perdure.OrchestrationContext) -> Any:
    return await chosen[-1](ctx)


async def nothing() -> None:
    """Await nothing."""


async def task_group(ctx: perdure.OrchestrationContext) -> None:
    async with asyncio.TaskGroup():
        await ctx.call_activity(act)


async def timeout(ctx: perdure.OrchestrationContext) -> None:
    async with asyncio.timeout(5):
        await ctx.call_activity(act)


async def create_task(ctx: perdure.OrchestrationContext) -> None:
    await asyncio.create_task(nothing())


class Strange:
    def __await__(self) -> Any:
        yield 5


async def strange(ctx: perdure.OrchestrationContext) -> None:
    await Strange()


async def queue(ctx: perdure.OrchestrationContext) -> None:
    await asyncio.Queue[int]().get()


async def executor(ctx: perdure.OrchestrationContext) -> None:
    await asyncio.get_running_loop().run_in_executor(None, print)


REFUSED: list[tuple[str, Idiom]] = [
    (r"create_timer.* instead of asyncio\.sleep", lambda _: asyncio.sleep(1)),
    (r"asyncio\.sleep\(0\)", lambda _: asyncio.sleep(0)),
    (r"when_all", lambda ctx: asyncio.gather(ctx.call_activity(act))),
    (r"when_all", create_task),
    (r"when_any.*instead of wait_for", lambda ctx: asyncio.wait_for(ctx.call_activity(act), 5)),
    (r"when_any.*timeout", timeout),
    (r"when_all|when_any", task_group),
    (r"call_activity", lambda _: asyncio.to_thread(print)),
    (r"call_activity", executor),
    (r"another task of ctx", queue),
    (r"awaits 5; await only what ctx gives", strange),
]


@pytest.mark.parametrize(("remedy", "idiom"), REFUSED)
@pytest.mark.filterwarnings("error")
def test_an_asyncio_idiom_is_refused_with_the_durable_one(remedy: str, idiom: Idiom) -> None:
    chosen.append(idiom)
    ref = simulate(app).client.start(use)

    with pytest.raises(perdure.OrchestrationFailedError, match=remedy) as error:
        ref.result(60)

    assert error.value.details is not None
    assert error.value.details.is_caused_by(perdure.NotDurableError)


def test_a_coroutine_of_the_orchestrators_own_is_awaited() -> None:
    async def part(ctx: perdure.OrchestrationContext) -> int:
        return await ctx.call_activity(act) + await ctx.call_activity(act)

    chosen.append(part)

    assert simulate(app).client.start(use).result(60) == 2


def test_the_guard_is_gone_outside_of_the_orchestrator() -> None:
    async def run() -> int:
        with app.open(":memory:") as client:
            chosen.append(lambda ctx: ctx.call_activity(act))
            result: int = await client.start(use)
            await asyncio.sleep(0)
            return result

    assert asyncio.run(run()) == 1
