"""An app with everything that can be under way when a store is left. Never change what is here.

Stores of earlier versions hold its histories: what is new in perdure gets new classes and
functions beside these, and a new line in ``departure.py`` and ``test_upgrade.py``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs

import perdure
from perdure.testing.crashing import SimulatedCrash

app = perdure.App(name="voyage")
HOUR = timedelta(hours=1)


@attrs.define
class Weather:
    """What is outside: while it is bad, activities fail, and poison kills.

    Attributes:
        is_bad: whether it is.
    """

    is_bad: bool = False


weather = Weather()


@attrs.frozen
class Spot:
    x: int
    y: float = 0.5


@app.entity
class Ship(perdure.Entity):
    """Plain fields."""

    load: int = 0
    names: list[str] = perdure.field(factory=list[str])
    at: Spot | None = None
    ends: list[str] = perdure.field(factory=list[str])

    def add(self, amount: int) -> int:
        self.load += amount
        return self.load

    def name(self, name: str) -> None:
        self.names.append(name)

    def go(self, spot: Spot) -> None:
        self.at = spot

    def send(self, instance: str) -> None:
        ended = self.context.on_end(Ship.ended)
        ended.start(waits_for_word, 10, instance_id=instance)

    def ended(self, end: perdure.OrchestrationEnd) -> None:
        self.ends.append(f"{end.instance_id} {end.status} {end.output}")

    def drink(self) -> None:
        if weather.is_bad:
            raise SimulatedCrash
        self.names.append("drunk")


@perdure.event
class Sold:
    pieces: int


@app.entity
class Shop(perdure.Entity):
    """Domain events."""

    pieces: int = 0

    def sell(self, pieces: int) -> None:
        self.record(Sold(pieces))

    @perdure.applies
    def _sold(self, event: Sold) -> None:
        self.pieces += event.pieces


@app.entity
def buoy(ctx: perdure.FunctionContext) -> None:
    """Function style."""
    ctx.set_state((ctx.get_state() or 0) + ctx.get_input())


@app.activity
def sail(days: int) -> int:
    if weather.is_bad:
        msg = "storm"
        raise OSError(msg)
    return days * 100


@app.activity
async def sail_slowly(days: int) -> int:
    await asyncio.sleep(days * 86_400.0)
    return days


@app.orchestrator
async def waits_for_timer(ctx: perdure.OrchestrationContext, hours: int) -> str:
    ctx.set_custom_status({"hours": hours})
    await ctx.create_timer(hours * HOUR)
    return f"after {hours}"


@app.orchestrator
async def waits_for_word(ctx: perdure.OrchestrationContext, first: int) -> int:
    return first + await ctx.wait_for_external_event("word", int)


@app.orchestrator
async def waits_in_vain(ctx: perdure.OrchestrationContext) -> str:
    try:
        await ctx.wait_for_external_event("never", int, timeout=3 * HOUR)
    except TimeoutError:
        return "nobody came"
    return "somebody came"


@app.orchestrator
async def waits_for_children(ctx: perdure.OrchestrationContext, count: int) -> int:
    children = [
        ctx.call_sub_orchestrator(waits_for_word, n, instance_id=f"{ctx.instance_id}.{n}")
        for n in range(count)
    ]
    return sum(await perdure.when_all(children))


@app.orchestrator
async def tries_again(ctx: perdure.OrchestrationContext, days: int) -> int:
    policy = perdure.RetryPolicy(
        first_retry_interval=2 * HOUR, max_number_of_attempts=3, backoff_coefficient=2
    )
    return await ctx.call_activity(sail, days, retry_policy=policy)


@app.orchestrator
async def sails(ctx: perdure.OrchestrationContext, days: int) -> int:
    return await ctx.call_activity(sail, days)


@app.orchestrator
async def sails_slowly(ctx: perdure.OrchestrationContext, days: int) -> int:
    return await ctx.call_activity(sail_slowly, days)


@app.orchestrator
async def locks(ctx: perdure.OrchestrationContext, key: str) -> int:
    ship = ctx.entity(Ship, key)
    async with ctx.lock_entities(ship):
        load = await ship.call(Ship.add, 1)
        return load + await ctx.wait_for_external_event("word", int)


@app.orchestrator
async def transacts(ctx: perdure.OrchestrationContext, key: str) -> int:
    ship, shop = ctx.entity(Ship, key), ctx.entity(Shop, key)
    async with ctx.transaction(ship, shop):
        load = await ship.call(Ship.add, 5)
        await shop.call(Shop.sell, 2)
        return load + await ctx.wait_for_external_event("word", int)


@app.orchestrator
async def begins_anew(ctx: perdure.OrchestrationContext, left: int) -> str:
    if left:
        await ctx.create_timer(HOUR / 60)
        ctx.continue_as_new(left - 1)
        return ""
    first = ctx.wait_for_external_event("word", int)
    won = await perdure.when_any([first, ctx.create_timer(1000 * HOUR)])
    return str(ctx.new_uuid()) if won is first else "late"
