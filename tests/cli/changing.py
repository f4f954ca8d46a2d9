"""An app whose orchestrator was changed, before and after."""

from __future__ import annotations

import perdure

app = perdure.App(name="before")
changed = perdure.App(name="after")


@app.activity
@changed.activity
def pack(item: str) -> str:
    return f"packed {item}"


@app.activity
@changed.activity
def post(item: str) -> str:
    return f"posted {item}"


@app.orchestrator(name="order")
async def before(ctx: perdure.OrchestrationContext, item: str) -> str:
    await ctx.call_activity(pack, item)
    return await ctx.call_activity(post, item)


@changed.orchestrator(name="order")
async def after(ctx: perdure.OrchestrationContext, item: str) -> str:
    return await ctx.call_activity(post, item)
