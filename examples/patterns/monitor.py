"""Monitor: look, wait, look again; until it is as it should be, or the deadline has come.

Each look is a generation of its own: ``continue_as_new`` begins anew with an empty history, so
that a monitor can run for years. Its waits are durable timers, and no process waits in them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

import perdure
from examples.patterns.stage import main, say

app = perdure.App("monitor")

READY_AT_LOOK = {"docs": 4, "release": 1_000}
"""The world outside: at which look each build is done."""


@attrs.frozen
class Watch:
    """What is watched, and how far that is.

    Attributes:
        build: its name.
        every: how long to wait between two looks.
        patience: when to give up, counted from the first look.
        deadline: the same as a time, once it has begun.
        look: the number of the next look.
    """

    build: str
    every: timedelta
    patience: timedelta
    deadline: datetime | None = None
    look: int = 1


@app.activity
def is_ready(watch: Watch) -> bool:
    """Ask the world outside."""
    ready = watch.look >= READY_AT_LOOK[watch.build]
    say("activity", f"look {watch.look} at {watch.build}: {'ready' if ready else 'not yet'}")
    return ready


@app.orchestrator
async def monitor(ctx: perdure.OrchestrationContext, watch: Watch) -> str:
    """One look, and what follows from it."""
    deadline = watch.deadline or ctx.current_utc_datetime + watch.patience
    if await ctx.call_activity(is_ready, watch):
        return f"ready at look {watch.look}"
    if ctx.current_utc_datetime + watch.every > deadline:
        return f"gave up after {watch.look} looks"
    await ctx.create_timer(watch.every)
    ctx.continue_as_new(attrs.evolve(watch, deadline=deadline, look=watch.look + 1))
    return ""


def scene(client: perdure.Client) -> None:
    """Look, wait, look again; give up at the deadline."""
    every = timedelta(seconds=0.1)
    patience = {"docs": timedelta(minutes=5), "release": timedelta(seconds=0.9)}
    builds = [
        client.start_or_get(monitor, Watch(build, every, patience[build]), instance_id=build)
        for build in READY_AT_LOOK
    ]
    say("client", "two monitors started, on disk", "green")
    for build in builds:
        say("result", f"{build.id}: {build.result(timeout=60)}", "bold green")


if __name__ == "__main__":
    main(app, scene)
