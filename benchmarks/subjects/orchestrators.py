"""The orchestrations that the benchmarks run; their activities do nothing."""

from __future__ import annotations

from perdure.actors.entity import Entity, readonly
from perdure.orchestration.app import App
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.tasks import when_all

STEPS = 3
FAN = 1_000
BATCH = 50
"""Activities that ``long_past`` waits for together."""


class Account(Entity):
    balance: int = 0

    def move(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    @readonly
    def total(self) -> int:
        return self.balance


def step(number: int) -> int:
    return number + 1


async def sequence(ctx: OrchestrationContext, number: int) -> int:
    """Three activities, one after the other."""
    for _ in range(STEPS):
        number = await ctx.call_activity(step, number)
    return number


async def fan_out(ctx: OrchestrationContext, width: int) -> int:
    """Many activities at once, until the last has ended."""
    tasks = [ctx.call_activity(step, number) for number in range(width)]
    return sum(await when_all(tasks))


async def transfer(ctx: OrchestrationContext, between: tuple[str, str]) -> int:
    """One unit from the first account to the second, while both are locked."""
    giver, taker = (ctx.entity(Account, key) for key in between)
    async with ctx.lock_entities(giver, taker):
        await giver.call(Account.move, -1)
        return await taker.call(Account.move, 1)


async def wait(ctx: OrchestrationContext) -> int:
    """One event."""
    return await ctx.wait_for_external_event("go", int)


async def long_past(ctx: OrchestrationContext, activities: int) -> int:
    """A history of two events for each activity, and then one for each event ``more``."""
    done = 0
    while done < activities:
        tasks = [ctx.call_activity(step, 0) for _ in range(min(BATCH, activities - done))]
        done += sum(await when_all(tasks))
    ctx.set_custom_status(done)
    while await ctx.wait_for_external_event("more", bool):
        done += 1
    return done


def include_orchestrations(app: App) -> None:
    """Register all of them."""
    app.include([Account])
    app.activity(step)
    for orchestrator in (sequence, fan_out, transfer, wait, long_past):
        app.orchestrator(orchestrator)
