"""Critical sections: who waits for whom, what is not allowed inside, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure.orchestration.history import EntityLockRequested
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("sections")
MINUTE = timedelta(minutes=1)
Use = Callable[[perdure.OrchestrationContext], object]
violations: list[Use] = []


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    def tell(self, other: str, amount: int) -> None:
        self.balance += amount
        self.context.entity(Account, other).signal(Account.add, amount)


@app.orchestrator
async def child(_: perdure.OrchestrationContext) -> int:
    return 1


@app.orchestrator
async def violating(ctx: perdure.OrchestrationContext) -> str:
    """Do what is not allowed, be told so, and do what is allowed in the same section."""
    told = "nothing"
    async with ctx.lock_entities(ctx.entity(Account, "a"), ctx.entity(Account, "b")):
        try:
            violations[-1](ctx)
        except perdure.CriticalSectionError as error:
            told = str(error)
        await ctx.entity(Account, "b").call(Account.add, 1)
    return told


@app.orchestrator
async def holding(ctx: perdure.OrchestrationContext, keys: list[str]) -> str:
    async with ctx.lock_entities([ctx.entity(Account, key) for key in keys]):
        for key in sorted(set(keys)):
            await ctx.entity(Account, key).call(Account.add, 1)
        told: str = await ctx.wait_for_external_event("go")
        if told == "fail":
            raise ValueError(told)
        if told == "again":
            ctx.continue_as_new([])
        return told


@app.orchestrator
async def paying(ctx: perdure.OrchestrationContext, end: str) -> str:
    a, b = ctx.entity(Account, "a"), ctx.entity(Account, "b")
    async with ctx.transaction(a, b):
        await a.call(Account.add, -30)
        await b.call(Account.tell, "told", 30)
        await ctx.wait_for_external_event("go")
        if end == "fail":
            raise ValueError(end)
        if end == "again":
            ctx.continue_as_new("well")
            return ""
    return end


@app.orchestrator
def as_generator(ctx: perdure.OrchestrationContext) -> Generator[Any, Any, int]:
    with (yield ctx.lock_entities([perdure.EntityId("account", "a")])):
        left: int = yield ctx.call_entity(perdure.EntityId("account", "a"), "add", 5)
    ctx.signal_entity(perdure.EntityId("account", "a"), "add", 1)
    return left


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def holder(world: Simulation, key: str) -> str | None:
    snapshot = world.client.entity(Account, key).get()
    return None if snapshot is None else snapshot.locked_by


def balance(world: Simulation, key: str) -> int:
    snapshot = world.client.entity(Account, key).get()
    return 0 if snapshot is None else snapshot.state.balance


def second_call(ctx: perdure.OrchestrationContext) -> None:
    ctx.entity(Account, "a").call(Account.add, 1)
    ctx.entity(Account, "a").call(Account.add, 1)


VIOLATIONS: list[tuple[str, Use]] = [
    ("@account@c is not locked", lambda c: c.entity(Account, "c").call(Account.add, 1)),
    ("has not answered the last call", second_call),
    ("call it instead", lambda c: c.entity(Account, "a").signal(Account.add, 1)),
    ("do not nest", lambda c: c.lock_entities(c.entity(Account, "c"))),
    ("do not nest", lambda c: c.transaction(c.entity(Account, "a"))),
    ("no sub-orchestration", lambda c: c.call_sub_orchestrator(child)),
]


@pytest.mark.parametrize(("told", "use"), VIOLATIONS)
def test_what_a_section_does_not_allow_is_a_clear_error(
    world: Simulation, told: str, use: Use
) -> None:
    violations.append(use)
    ref = world.client.start(violating, instance_id="v")

    assert told in ref.result(60)
    world.settle()
    assert balance(world, "b") == 1
    assert (holder(world, "a"), holder(world, "b")) == (None, None)


def test_others_may_be_signalled_and_activities_called_inside(world: Simulation) -> None:
    violations.append(lambda c: c.entity(Account, "c").signal(Account.add, 7))

    assert world.client.start(violating).result(60) == "nothing"
    world.settle()
    assert balance(world, "c") == 7


def test_locks_are_asked_for_in_one_order_and_each_once(world: Simulation) -> None:
    ref = world.client.start(holding, ["c", "a", "b", "a"], instance_id="h")
    world.settle()
    asked = [e.entity for e in ref.history() if isinstance(e, EntityLockRequested)]

    assert asked == ["@account@a", "@account@b", "@account@c"]


def test_sections_that_want_each_others_entities_both_end(world: Simulation) -> None:
    first = world.client.start(holding, ["a", "b"])
    second = world.client.start(holding, ["b", "a"])
    for ref in (first, second):
        ref.raise_event("go", "done")

    assert (first.result(60), second.result(60)) == ("done", "done")


def test_a_locked_entity_takes_only_messages_of_its_holder(world: Simulation) -> None:
    ref = world.client.start(holding, ["a"], instance_id="h")
    world.settle()
    assert holder(world, "a") == "h"
    waiting = [world.client.entity(Account, "a").call(Account.add, n) for n in (10, 100)]
    world.settle()
    assert [reply.done for reply in waiting] == [False, False]
    ref.raise_event("go", "done")

    assert [reply.get(1) for reply in waiting] == [11, 111]


@pytest.mark.parametrize("end", ["done", "fail", "terminate", "cancel"])
@pytest.mark.parametrize("dies", [False, True])
def test_whatever_ends_the_orchestration_releases_its_locks(
    world: Simulation, end: str, dies: bool
) -> None:
    world.client.start(holding, ["a", "b"], instance_id="h")
    world.settle()
    if dies:
        world.crash()
    ref = world.client.orchestration("h")
    if end in {"done", "fail"}:
        ref.raise_event("go", end)
    else:
        getattr(ref, end)()
    world.settle()

    assert ref.status().is_finished  # type: ignore[union-attr]
    assert (holder(world, "a"), holder(world, "b")) == (None, None)
    assert world.client.entity(Account, "a").call(Account.add, 1).get(1) == 2


def test_a_new_generation_holds_no_locks(world: Simulation) -> None:
    ref = world.client.start(paying, "again")
    world.settle()
    ref.raise_event("go")
    world.settle()
    ref.raise_event("go")

    assert ref.result(60) == "well"
    world.settle()
    assert (holder(world, "a"), holder(world, "b")) == (None, None)


def test_locks_are_released_by_the_commit_that_ends_the_section(world: Simulation) -> None:
    ref = world.client.start(holding, ["a"], instance_id="h")
    world.settle()
    ref.raise_event("go", "done")
    ref.result(60)
    last = [event.event_type for event in ref.history()][-3:]

    assert last == ["EventRaised", "EntityUnlockSent", "ExecutionCompleted"]


@pytest.mark.parametrize("end", ["well", "fail", "terminate", "cancel"])
def test_a_transaction_is_all_or_nothing(world: Simulation, end: str) -> None:
    world.client.entity(Account, "a").call(Account.add, 100).get()
    ref = world.client.start(paying, end)
    world.settle()
    assert (balance(world, "a"), balance(world, "b")) == (100, 0)
    assert balance(world, "told") == 0
    if end in {"well", "fail"}:
        ref.raise_event("go")
    else:
        getattr(ref, end)()
    world.settle()

    after = (balance(world, "a"), balance(world, "b"), balance(world, "told"))
    assert after == ((70, 30, 30) if end == "well" else (100, 0, 0))
    assert (holder(world, "a"), holder(world, "b")) == (None, None)


def test_the_feed_tells_of_a_transaction_at_its_end(world: Simulation) -> None:
    world.client.entity(Account, "a").call(Account.add, 100).get()
    changes = [str(change.id) for change in world.client.changes(follow=False)]
    ref = world.client.start(paying, "well")
    world.settle()
    assert [str(change.id) for change in world.client.changes(follow=False)] == changes
    ref.raise_event("go")
    world.settle()
    later = [str(change.id) for change in world.client.changes(follow=False)][len(changes) :]

    assert set(later) == {"@account@a", "@account@b", "@account@told"}


def test_a_generator_locks_by_yielding(world: Simulation) -> None:
    assert world.client.start(as_generator).result(60) == 5
    world.settle()
    assert balance(world, "a") == 6


def test_a_section_that_was_not_waited_for_cannot_be_entered(world: Simulation) -> None:
    def enter(ctx: perdure.OrchestrationContext) -> None:
        with ctx.lock_entities(ctx.entity(Account, "c")):
            pass

    @app.orchestrator(name="hasty")
    async def hasty(ctx: perdure.OrchestrationContext) -> None:
        enter(ctx)

    hasty_world = simulate(app)
    with pytest.raises(perdure.OrchestrationFailedError, match="not locked yet"):
        hasty_world.client.start(hasty).result(60)
