"""The app that ``six_patterns.sh`` asks: one small orchestrator or entity for each pattern."""

from __future__ import annotations

from datetime import timedelta

import perdure

app = perdure.App("shop")


@app.activity
def price_of(item: str) -> int:
    """What one item costs."""
    return 10 * len(item)


@app.activity
def with_tax(amount: int) -> int:
    """The same, and a fifth of it."""
    return amount + amount // 5


@app.activity
def look_for_parcel(look: int) -> bool:
    """Whether the parcel is there; it is at the third look."""
    return look >= 3


@app.orchestrator
async def chain(ctx: perdure.OrchestrationContext, item: str) -> int:
    """Function chaining: one step takes what the one before gave."""
    return await ctx.call_activity(with_tax, await ctx.call_activity(price_of, item))


@app.orchestrator
async def total(ctx: perdure.OrchestrationContext, items: list[str]) -> int:
    """Fan out, fan in: all prices at once, then their sum."""
    return sum(await perdure.when_all([ctx.call_activity(price_of, item) for item in items]))


@app.orchestrator
async def packing(ctx: perdure.OrchestrationContext, boxes: int) -> int:
    """Async HTTP API: it takes its time, and its custom status tells how far it is."""
    for box in range(boxes):
        ctx.set_custom_status({"packed": box, "of": boxes})
        await ctx.create_timer(timedelta(milliseconds=100))
    return boxes


@app.orchestrator
async def parcel(ctx: perdure.OrchestrationContext) -> int:
    """Monitor: look, sleep and look again, until it is there."""
    look = 1
    while not await ctx.call_activity(look_for_parcel, look):
        await ctx.create_timer(timedelta(milliseconds=50))
        look += 1
    return look


@app.orchestrator
async def approval(ctx: perdure.OrchestrationContext) -> str:
    """Human interaction: somebody answers, or nobody does for three days."""
    answer = ctx.wait_for_external_event("ApprovalEvent", bool, timeout=timedelta(hours=72))
    return "approved" if await answer else "rejected"


@app.entity
class Till(perdure.Entity):
    """Aggregator: it sums up what comes from many."""

    sum: int = 0

    def take(self, amount: int) -> int:
        """Take money; what is in it then."""
        self.sum += amount
        return self.sum
