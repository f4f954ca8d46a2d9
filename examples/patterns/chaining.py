"""Function chaining: one activity after the other, each with the result of the one before.

The orchestration is ordinary code. Killed after the second step, it goes on with the third: the
results of the first two are in its history.
"""

from __future__ import annotations

import asyncio

import perdure
from examples.patterns.stage import main, say

app = perdure.App("chaining")


async def _work(step: str, picture: str) -> str:
    say("activity", f"{step} {picture}")
    await asyncio.sleep(0.1)
    return f"{step}({picture})"


@app.activity
async def fetch(picture: str) -> str:
    """Get the picture from somewhere slow."""
    return await _work("fetch", picture)


@app.activity
async def shrink(picture: str) -> str:
    """Make it small."""
    return await _work("shrink", picture)


@app.activity
async def sign(picture: str) -> str:
    """Write its author below."""
    return await _work("sign", picture)


@app.activity
async def publish(picture: str) -> str:
    """Show it to the world."""
    return await _work("publish", picture)


@app.orchestrator
async def picture_of_the_day(ctx: perdure.OrchestrationContext, name: str) -> str:
    """Four steps, one after the other."""
    fetched = await ctx.call_activity(fetch, name)
    small = await ctx.call_activity(shrink, fetched)
    signed = await ctx.call_activity(sign, small)
    return await ctx.call_activity(publish, signed)


def scene(client: perdure.Client) -> None:
    """Four steps, one after the other."""
    day = client.start_or_get(picture_of_the_day, "heron", instance_id="today")
    say("client", "started, on disk", "green")
    say("result", day.result(timeout=60), "bold green")


if __name__ == "__main__":
    main(app, scene)
