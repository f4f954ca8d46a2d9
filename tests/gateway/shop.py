"""The app of the gateway's tests."""

from __future__ import annotations

import threading
from datetime import timedelta

import perdure

app = perdure.App(name="shop", version="2")


@app.entity
class Counter(perdure.Entity):
    value: int = 0
    notes: list[str] = perdure.field(factory=list[str])
    _calls: int = 0
    seen: int = perdure.ephemeral(default=0)

    def add(self, amount: int) -> int:
        self.value += amount
        self.seen += 1
        return self.value

    def note(self, text: str, times: int = 1) -> None:
        self.notes.extend([text] * times)

    def fail(self) -> None:
        msg = "it cannot be"
        raise ValueError(msg)


@app.activity
def double(number: int) -> int:
    return number * 2


@app.activity
def break_down(text: str) -> None:
    raise ValueError(text)


going_on = threading.Event()
"""Lets an activity end that has told how far it is."""


@app.activity
def copy() -> None:
    perdure.activity_context().heartbeat({"copied": 1})
    assert going_on.wait(30)


@app.orchestrator
async def copying(ctx: perdure.OrchestrationContext) -> None:
    await ctx.call_activity(copy)


@app.orchestrator
async def doubled(ctx: perdure.OrchestrationContext, number: int) -> int:
    ctx.set_custom_status("at work")
    return await ctx.call_activity(double, number)


@app.orchestrator
async def broken(ctx: perdure.OrchestrationContext, text: str) -> None:
    await ctx.call_activity(break_down, text)


@app.orchestrator
async def approval(ctx: perdure.OrchestrationContext) -> str:
    answer = ctx.wait_for_external_event("ApprovalEvent", bool, timeout=timedelta(hours=72))
    return "approved" if await answer else "rejected"


__all__ = ["Counter", "app", "approval", "break_down", "broken", "double", "doubled"]
