"""What type checkers see of activities. Checked by mypy and pyright, never run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_type

import perdure

app = perdure.App(name="typed")


@app.activity
def plain(number: int) -> str:
    return str(number)


@app.activity(rate=0.5, concurrency=2, timeout=timedelta(minutes=1), pool="thread")
async def waiting(number: int) -> str:
    return str(number)


@app.activity(heartbeat_timeout=timedelta(seconds=1))
def with_context(ctx: perdure.ActivityContext, number: int) -> str:
    ctx.heartbeat({"number": number})
    assert_type(ctx.attempt, int)
    return ctx.idempotency_key


@app.activity(rate="10/s")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore
def wrong(number: int) -> None: ...


@app.orchestrator
async def use(ctx: perdure.OrchestrationContext) -> str:
    assert_type(await ctx.call_activity(plain, 1), str)
    assert_type(await ctx.call_activity(waiting, 1), str)
    assert_type(await ctx.call_activity(with_context, 1), str)
    return "used"


def look(client: perdure.Client) -> None:
    attempts = client.orchestration("i").activities()
    assert_type(attempts, list[perdure.RunningActivity])
    assert_type(attempts[0].progress, Any)
