"""A shop as the page's tests and pictures show it: entities with a past, orders with retries,
children, locks, timers and waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import perdure
from perdure import RetryPolicy

app = perdure.App(name="shop", version="1.2")


class DeclinedError(Exception):
    """The bank says no."""


@app.entity
class Product(perdure.Entity):
    """Something that is sold."""

    title: str = ""
    price_cents: int = 0
    stock: int = 0
    reserved: dict[str, int] = perdure.field(factory=dict[str, int])
    notes: list[str] = perdure.field(factory=list[str])

    def describe(self, title: str, price_cents: int) -> None:
        """Say what it is, and what it costs."""
        self.title = title
        self.price_cents = price_cents

    def receive(self, amount: int) -> int:
        """Put more into the store."""
        self.stock += amount
        return self.stock

    def reserve(self, order: str, amount: int = 1) -> int:
        """Keep some for an order."""
        if amount > self.stock:
            msg = f"only {self.stock} left"
            raise ValueError(msg)
        self.stock -= amount
        self.reserved = {**self.reserved, order: amount}
        return self.stock

    def note(self, text: str, is_urgent: bool = False) -> None:
        """Write something down."""
        self.notes = [*self.notes, f"! {text}" if is_urgent else text]

    @perdure.readonly
    def available(self) -> int:
        """How many are left."""
        return self.stock


@perdure.event
class Deposited:
    """Money came in."""

    cents: int
    reference: str


@perdure.event
class Withdrawn:
    """Money went out."""

    cents: int
    reference: str


@app.entity
class Account(perdure.Entity):
    """What a customer has."""

    balance_cents: int = 0
    entries: int = 0

    def deposit(self, cents: int, reference: str) -> None:
        """Take money in."""
        self.record(Deposited(cents, reference))

    def withdraw(self, cents: int, reference: str) -> int:
        """Give money out, if there is enough."""
        if cents > self.balance_cents:
            msg = f"there are only {self.balance_cents} cents"
            raise ValueError(msg)
        self.record(Withdrawn(cents, reference))
        return self.balance_cents

    @perdure.applies
    def on_deposited(self, event: Deposited) -> None:
        self.balance_cents += event.cents
        self.entries += 1

    @perdure.applies
    def on_withdrawn(self, event: Withdrawn) -> None:
        self.balance_cents -= event.cents
        self.entries += 1


@app.activity
def check_address(order: dict[str, Any]) -> str:
    return f"{order['customer']}, 1 Harbour Street"


@app.activity
def charge_card(ctx: perdure.ActivityContext, cents: int) -> str:
    """The bank answers the third time."""
    if ctx.attempt < 3:
        msg = f"the bank does not answer (attempt {ctx.attempt})"
        raise TimeoutError(msg)
    return f"receipt for {cents}"


@app.activity
def decline(reason: str) -> None:
    raise DeclinedError(reason)


@app.activity
def print_label(parcel: str) -> str:
    return f"label of {parcel}"


@app.orchestrator
async def delivery(ctx: perdure.OrchestrationContext, parcel: str) -> str:
    label = await ctx.call_activity(print_label, parcel)
    await ctx.create_timer(timedelta(milliseconds=300))
    return label


@app.orchestrator
async def order(ctx: perdure.OrchestrationContext, given: dict[str, Any]) -> dict[str, Any]:
    ctx.set_custom_status({"step": "checking", "of": 4})
    address = await ctx.call_activity(check_address, given)
    product = ctx.entity(Product, given["product"])
    async with ctx.lock_entities(product):
        left = await product.call(Product.reserve, ctx.instance_id, given["amount"])
    ctx.set_custom_status({"step": "paying", "of": 4})
    policy = RetryPolicy(
        first_retry_interval=timedelta(milliseconds=200), max_number_of_attempts=4
    )
    receipt = await ctx.call_activity(charge_card, given["cents"], retry_policy=policy)
    ctx.entity(Account, given["customer"]).signal("deposit", given["cents"], ctx.instance_id)
    ctx.set_custom_status({"step": "packing", "of": 4})
    parcels = [
        ctx.call_sub_orchestrator(delivery, f"parcel {number}")
        for number in range(1, given.get("parcels", 2) + 1)
    ]
    labels = await perdure.when_all(parcels)
    if given.get("needs_signature", False):
        ctx.set_custom_status({"step": "waiting for a signature", "of": 4})
        await ctx.wait_for_external_event("Signed", str, timeout=timedelta(days=3))
    return {"address": address, "receipt": receipt, "labels": labels, "left": left}


@app.orchestrator
async def approval(ctx: perdure.OrchestrationContext, cents: int) -> str:
    ctx.set_custom_status(f"may we spend {cents}?")
    answer = ctx.wait_for_external_event("Approval", bool, timeout=timedelta(hours=72))
    return "approved" if await answer else "rejected"


@app.orchestrator
async def refused(ctx: perdure.OrchestrationContext, reason: str) -> None:
    await ctx.call_activity(decline, reason)


@app.orchestrator
async def holder(ctx: perdure.OrchestrationContext, product: str) -> None:
    """Has a product for itself until somebody says that it may go."""
    async with ctx.lock_entities(ctx.entity(Product, product)):
        await ctx.wait_for_external_event("LetGo")


@app.orchestrator
async def stocktaking(ctx: perdure.OrchestrationContext, what: str) -> str:
    return f"{what} counted"


__all__ = ["Account", "Product", "app", "approval", "holder", "order", "refused", "stocktaking"]
