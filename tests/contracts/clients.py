"""The clients that the contract is about: embedded, and remote over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import perdure
from perdure.gateway import asgi
from tests.gateway.live import served

app = perdure.App("contract", version="1")
TOKEN = "a-token-of-the-contract-of-40-characters"


@app.error
class OutOfStockError(Exception):
    """There is none left."""


@perdure.event
class Noted:
    text: str


@app.entity
class Counter(perdure.Entity):
    value: int = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def add_both(self, first: int, second: int = 10) -> int:
        self.value += first + second
        return self.value

    async def later(self, text: str) -> str:
        return text.upper()

    def fail(self, text: str) -> None:
        self.value = -1
        raise OutOfStockError(text)

    @perdure.readonly
    def peek(self) -> int:
        return self.value


@app.entity
class Diary(perdure.Entity):
    texts: list[str] = perdure.field(factory=list[str])

    def note(self, text: str) -> None:
        self.record(Noted(text))

    @perdure.applies
    def noted(self, event: Noted) -> None:
        self.texts.append(event.text)


@app.entity
def tally(ctx: perdure.FunctionContext) -> None:
    state: dict[str, Any] = ctx.get_state() or {}
    state[ctx.operation_name] = ctx.get_input()
    ctx.set_state(state)
    ctx.set_result(len(state))


@app.activity
def take(amount: int) -> int:
    if amount > 3:
        msg = f"{amount} are too many"
        raise OutOfStockError(msg)
    return amount


@app.orchestrator
async def ordering(_: perdure.OrchestrationContext, amount: int) -> int:
    return amount * 2


@app.orchestrator
async def finishing(_: perdure.OrchestrationContext, minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


@app.orchestrator
async def taking(ctx: perdure.OrchestrationContext, amount: int) -> int:
    return await ctx.call_activity(take, amount)


@app.orchestrator
async def waiting(ctx: perdure.OrchestrationContext, number: int) -> int:
    ctx.set_custom_status({"stage": f"number {number}"})
    told: int = await ctx.wait_for_external_event("go", int)
    return number + told


@app.orchestrator
async def cancelled_in(ctx: perdure.OrchestrationContext) -> str:
    try:
        await ctx.wait_for_external_event("go", timeout=timedelta(days=1))
    except perdure.CancelledError as error:
        return f"compensated: {error.reason}"
    return "went"


@contextmanager
def memory(_: Path) -> Generator[perdure.Client]:
    with app.open(":memory:") as client:
        yield client


@contextmanager
def sqlite(folder: Path) -> Generator[perdure.Client]:
    with app.open(folder / "a.db", durability="process") as client:
        yield client


@contextmanager
def remote(
    _: Path, store: Path | str = ":memory:", known: perdure.App | None = None
) -> Generator[perdure.Client]:
    with (
        app.open(store, durability="process") as local,
        served(asgi(local, token=TOKEN)) as live,
        perdure.connect(f"http://127.0.0.1:{live.port}", token=TOKEN, app=known) as client,
    ):
        yield client


@contextmanager
def remote_with_app(folder: Path) -> Generator[perdure.Client]:
    with remote(folder, folder / "served.db", app) as client:
        yield client


CLIENTS: dict[str, Callable[[Path], AbstractContextManager[perdure.Client]]] = {
    "memory": memory,
    "sqlite": sqlite,
    "remote": remote,
    "remote-app": remote_with_app,
}
