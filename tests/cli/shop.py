"""The app of the command line's tests."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import perdure

app = perdure.App(name="shop")
empty = perdure.App(name="empty")
other = perdure.App(name="other")
flows = perdure.App(name="flows")


@perdure.event
class Deposited:
    amount: int


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def deposit(self, amount: int) -> int:
        self.record(Deposited(amount))
        return self.balance

    @perdure.applies
    def when_deposited(self, event: Deposited) -> None:
        self.balance += event.amount


@app.entity
class Counter(perdure.Entity):
    value: int = 0
    notes: list[str] = perdure.field(factory=list[str])

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def note(self, text: str, times: int = 1) -> None:
        self.notes.extend([text] * times)

    def hang(self) -> None:
        threading.Event().wait()

    def nap(self) -> None:
        threading.Event().wait(0.2)

    def fail(self) -> None:
        msg = "it cannot be"
        raise ValueError(msg)


@other.entity(name="counter")
class Tally(perdure.Entity):
    """What another version of the app takes counters for."""

    value: str = ""


@app.activity
def charge(amount: int) -> str:
    return f"receipt for {amount}"


@app.orchestrator
async def checkout(ctx: perdure.OrchestrationContext, amount: int) -> str:
    ctx.set_custom_status("charging")
    receipt = await ctx.call_activity(charge, amount)
    if amount > 100:
        await ctx.create_timer(timedelta(hours=1))
    return receipt


@flows.orchestrator
@app.orchestrator
async def approval(ctx: perdure.OrchestrationContext) -> str:
    return "approved" if await ctx.wait_for_external_event("Approval", bool) else "rejected"


mended = threading.Event()


@app.activity
async def deliver() -> None:
    if not mended.is_set():
        msg = "the van is broken"
        raise ConnectionError(msg)
    await asyncio.sleep(3600)


@app.orchestrator
async def delivery(ctx: perdure.OrchestrationContext) -> None:
    ctx.create_timer(timedelta(hours=1)).cancel()
    await ctx.call_activity(deliver)


@app.orchestrator
async def broken(ctx: perdure.OrchestrationContext) -> None:
    msg = "it cannot be"
    raise ValueError(msg)


__all__ = [
    "Account",
    "Counter",
    "Deposited",
    "Tally",
    "app",
    "approval",
    "broken",
    "charge",
    "checkout",
    "delivery",
    "empty",
    "flows",
    "mended",
    "other",
]
