"""The orchestrations of the simulated scenario: random programs whose traces can be checked.

What must happen once leaves a mark, named by a UUID of its generation, with an entity; a result
tells which marks there must be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import attrs

from perdure.actors.entity import Entity, field, readonly
from perdure.errors import TaskFailedError
from perdure.orchestration.app import App
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.retry import RetryPolicy
from perdure.orchestration.tasks import when_all, when_any
from perdure.testing import World
from tests.simulation.ledger import Register
from tests.simulation.linearizable import Call

OPENING_BALANCE = 100


@attrs.define(eq=False)
class Outside:
    """The world beyond the store, and the release of the code that is deployed.

    Attributes:
        patched: the code of the journeys has been changed, as it may be.
        broken: it has been changed as it must not be.
        calls: of registers by journeys, by their marks; one whose result nobody has noted was
            perhaps never sent.
    """

    world: World | None = None
    patched: bool = False
    broken: bool = False
    calls: dict[str, Call] = attrs.Factory(dict[str, Call])

    def begin(self, world: World) -> None:
        """A new world, with the first release of the code."""
        self.world = world
        self.patched = self.broken = False
        self.calls.clear()

    def calling(self, mark: str, key: str, amount: int) -> None:
        """A journey calls a register, perhaps not for the first time: a crash undid that."""
        assert self.world is not None
        self.calls.setdefault(mark, Call(key, "add", (amount,), self.world.steps))

    def called(self, mark: str, result: int) -> None:
        """It has the answer; what a crash undid is seen again."""
        assert self.world is not None
        self.calls[mark] = attrs.evolve(self.calls[mark], ended=self.world.steps, result=result)

    def fails(self) -> bool:
        """Whether an activity fails this time."""
        return self.world is not None and self.world.happens("activity-fails", 0.6)

    def seconds(self) -> float:
        """How long work takes this time."""
        assert self.world is not None
        return self.world.random.choice([0.0, 0.0, 0.1, 1.5])


outside = Outside()
app = App("journeys")
bare = App("journeys")
"""A release in which somebody has forgotten the orchestrators."""
app.entity(Register)
bare.entity(Register)


@bare.entity
@app.entity
class Purse(Entity):
    """Holds money, and knows for which payments it changed."""

    balance: int = OPENING_BALANCE
    payments: list[str] = field(factory=list[str])

    def add(self, amount: int, mark: str) -> int:
        """Take money, or give it."""
        if self.balance + amount < 0:
            raise ValueError(self.balance)
        self.balance += amount
        self.payments.append(mark)
        self.context.entity(Diary, "payments").signal(Diary.note, mark)
        return self.balance


@bare.entity
@app.entity
class Gauge(Entity):
    """A number that only changes by comparing it first."""

    value: int = 0

    def swap(self, expected: int, new: int) -> bool:
        """Set a new value when the old one is as expected."""
        if self.value != expected:
            return False
        self.value = new
        return True

    @readonly
    def read(self) -> int:
        """The value."""
        return self.value


@bare.entity
@app.entity
class Diary(Entity):
    """Keeps the marks."""

    marks: list[str] = field(factory=list[str])

    def note(self, mark: str) -> int:
        """Keep a mark."""
        self.marks.append(mark)
        return len(self.marks)


@bare.activity
@app.activity
async def work(number: int) -> int:
    """Double a number, sometimes slowly, sometimes in vain."""
    await asyncio.sleep(outside.seconds())
    if outside.fails():
        raise ValueError(number)
    return 2 * number


@bare.activity
@app.activity
def risk(number: int) -> int:
    """Double a number, or fail."""
    if outside.fails():
        raise ValueError(number)
    return 2 * number


# ---- the steps of a journey ------------------------------------------------------------------

POLICY = RetryPolicy(
    first_retry_interval=timedelta(seconds=0.2), max_number_of_attempts=3, jitter=0.5
)


async def work_once(ctx: OrchestrationContext, number: int) -> Any:
    return await ctx.call_activity(work, number)


async def work_again(ctx: OrchestrationContext, number: int) -> Any:
    try:
        return await ctx.call_activity(risk, number, retry_policy=POLICY)
    except TaskFailedError:
        return "failed"


async def work_together(ctx: OrchestrationContext, numbers: list[int]) -> Any:
    tasks = [ctx.call_activity(work, number, retry_policy=POLICY) for number in numbers]
    return await when_all(tasks)


async def wait(ctx: OrchestrationContext, seconds: float) -> Any:
    before = ctx.current_utc_datetime
    await ctx.create_timer(timedelta(seconds=seconds))
    passed = ctx.current_utc_datetime - before
    return "waited" if passed >= timedelta(seconds=seconds) else f"early: {passed}"


async def race(ctx: OrchestrationContext, number: int, seconds: float) -> Any:
    timer = ctx.create_timer(timedelta(seconds=seconds))
    working = ctx.call_activity(work, number, retry_policy=POLICY)
    if await when_any([timer, working]) is timer:
        return "too late"
    timer.cancel()
    return await working


async def call_child(ctx: OrchestrationContext, steps: list[Any]) -> Any:
    try:
        return await ctx.call_sub_orchestrator(journey, {"steps": steps, "done": []})
    except TaskFailedError:
        return "failed"


async def call_children(ctx: OrchestrationContext, plans: list[list[Any]]) -> Any:
    plan = [{"steps": steps, "done": list[Any]()} for steps in plans]
    return await when_all([ctx.call_sub_orchestrator(journey, each) for each in plan])


async def note(ctx: OrchestrationContext) -> Any:
    mark = str(ctx.new_uuid())
    ctx.entity(Diary, "notes").signal(Diary.note, mark)
    return ["noted", mark]


async def note_and_wait(ctx: OrchestrationContext) -> Any:
    mark = str(ctx.new_uuid())
    await ctx.entity(Diary, "notes").call(Diary.note, mark)
    return ["noted", mark]


async def tell(ctx: OrchestrationContext, listener_id: str) -> Any:
    ctx.send_event(listener_id, "ITEM", str(ctx.new_uuid()))
    return "told"


async def pay(
    ctx: OrchestrationContext, payer: str, payee: str, amount: int, inside: str
) -> Any:
    mark = str(ctx.new_uuid())
    one, other = ctx.entity(Purse, payer), ctx.entity(Purse, payee)
    try:
        async with ctx.transaction(one, other):
            await one.call(Purse.add, -amount, mark)
            if inside == "work":
                await ctx.call_activity(risk, amount)
            elif inside == "wait":
                await ctx.create_timer(timedelta(seconds=0.3))
            await other.call(Purse.add, amount, mark)
    except TaskFailedError:
        return ["undone", mark]
    return ["paid", mark]


async def swap(ctx: OrchestrationContext, key: str, work_inside: bool) -> Any:
    gauge = ctx.entity(Gauge, key)
    async with ctx.lock_entities(gauge, ctx.entity(Gauge, "all")):
        value = await gauge.call(Gauge.read)
        if work_inside:
            await ctx.create_timer(timedelta(seconds=0.1))
        swapped = await gauge.call(Gauge.swap, value, value + 1)
    return "swapped" if swapped else "torn"


async def count(ctx: OrchestrationContext, key: str, amount: int) -> Any:
    mark = str(ctx.new_uuid())
    if not ctx.is_replaying:
        outside.calling(mark, key, amount)
    result = await ctx.entity(Register, key).call(Register.add, amount)
    if not ctx.is_replaying:
        outside.called(mark, result)
    ctx.entity(Diary, "counts").signal(Diary.note, f"{mark} {result}")
    return "counted"


async def leave(ctx: OrchestrationContext, number: int) -> Any:
    """Ask for what nobody waits for."""
    ctx.create_timer(timedelta(hours=1))
    ctx.call_activity(work, number)
    return "left"


async def fail(ctx: OrchestrationContext) -> Any:
    raise ValueError(ctx.instance_id)


STEPS: dict[str, Callable[..., Awaitable[Any]]] = {
    step.__name__: step
    for step in (
        work_once,
        work_again,
        work_together,
        wait,
        race,
        call_child,
        call_children,
        note,
        note_and_wait,
        tell,
        pay,
        swap,
        count,
        leave,
        fail,
    )
}


@app.orchestrator
async def journey(ctx: OrchestrationContext, plan: dict[str, Any]) -> list[Any]:
    """Do one step after the other; each leaves a result."""
    if outside.broken and ctx.is_replaying:
        await ctx.call_activity("detour")
    if outside.patched and ctx.patched("by the sea"):
        await ctx.call_activity(work, 0, retry_policy=POLICY)
    ctx.set_custom_status(len(plan["steps"]))
    done = list(plan["done"])
    for place, (kind, *arguments) in enumerate(plan["steps"]):
        if kind == "again":
            steps = plan["steps"][place + 1 :]
            ctx.continue_as_new({"steps": steps, "done": [*done, "renewed"]})
            return done
        done.append(await STEPS[kind](ctx, *arguments))
    return done


@app.orchestrator
async def listener(ctx: OrchestrationContext, heard: int) -> int:
    """Note each item, a few per generation, until told to stop."""
    for _ in range(3):
        patience = timedelta(seconds=1) if ctx.random.random() < 0.3 else None
        try:
            item = await ctx.wait_for_external_event("Item", timeout=patience)
        except TimeoutError:
            item = await ctx.wait_for_external_event("item")
        if item == "stop":
            return heard
        ctx.entity(Diary, "items").signal(Diary.note, item)
        heard += 1
        if ctx.random.random() < 0.5:
            await ctx.create_timer(timedelta(seconds=0.2))
    ctx.continue_as_new(heard)
    return heard


broken = app.with_activities({})
"""A release whose journeys were changed as they must not be (``outside.broken``)."""
