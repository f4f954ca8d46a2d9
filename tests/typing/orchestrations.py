"""What type checkers know of orchestrations; checked only, never run."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, assert_type

import perdure

app = perdure.App(version="1.2", version_match="strict", version_mismatch="fail")


@app.entity
class Account(perdure.Entity):
    """Holds money."""

    balance: int = 0

    def add(self, amount: int) -> int:
        """Add."""
        self.balance += amount
        return self.balance

    async def fetch(self, url: str) -> bytes:
        """Fetch."""
        return url.encode()


@app.activity
def double(number: int) -> int:
    """Twice."""
    return 2 * number


@app.activity
def today() -> str:
    """Take no input."""
    return ""


@app.activity(name="fetch it", timeout=timedelta(minutes=1), concurrency=3)
async def fetch(url: str) -> bytes:
    """Fetch."""
    return url.encode()


@app.activity
def with_context(ctx: perdure.ActivityContext, number: int) -> float:
    """Know of itself."""
    return number / ctx.attempt


@app.activity(pool="process")
def compute(number: int) -> list[int]:
    """Compute."""
    return [number]


@app.orchestrator
async def child(ctx: perdure.OrchestrationContext, number: int) -> str:
    """Take one input."""
    return str(await ctx.call_activity(double, number))


@app.orchestrator(name="other", version="2", retention=timedelta(days=1))
async def without_input(ctx: perdure.OrchestrationContext) -> bool:
    """Take none."""
    return ctx.is_replaying


@app.orchestrator
def generator(
    ctx: perdure.OrchestrationContext, number: int
) -> Generator[perdure.Task[Any], Any, float]:
    """Yield tasks."""
    result: int = yield ctx.call_activity(double, number)
    return result / 2


async def activities(ctx: perdure.OrchestrationContext) -> None:
    """An activity's task has its result's type; a wrong input is an error."""
    policy = perdure.RetryPolicy(
        first_retry_interval=timedelta(seconds=1), max_number_of_attempts=3
    )
    assert_type(ctx.call_activity(double, 1), perdure.Task[int])
    assert_type(await ctx.call_activity(double, 1), int)
    assert_type(ctx.call_activity(today), perdure.Task[str])
    assert_type(await ctx.call_activity(fetch, "x", retry_policy=policy), bytes)
    assert_type(ctx.call_activity(with_context, 1), perdure.Task[float])
    assert_type(ctx.call_activity(compute, 1, tags={"a": "b"}), perdure.Task[list[int]])
    assert_type(ctx.call_activity("by name", 1), perdure.Task[Any])
    assert_type(ctx.call_activity("by name", 1, return_type=int), perdure.Task[int])
    ctx.call_activity(double, "one")  # type: ignore[arg-type]  # pyright: ignore
    ctx.call_activity(double)  # type: ignore[arg-type]  # pyright: ignore
    ctx.call_activity(double, 1, retry_policy=3)  # type: ignore[call-overload]  # pyright: ignore
    wrong: str = await ctx.call_activity(double, 1)  # type: ignore[arg-type]  # pyright: ignore
    del wrong
    perdure.RetryPolicy(max_number_of_attempts=3)  # type: ignore[call-arg]  # pyright: ignore


async def children(ctx: perdure.OrchestrationContext) -> None:
    """So have children."""
    assert_type(ctx.call_sub_orchestrator(child, 1), perdure.Task[str])
    assert_type(await ctx.call_sub_orchestrator(child, 1, instance_id="a"), str)
    assert_type(ctx.call_sub_orchestrator(without_input, version="2"), perdure.Task[bool])
    assert_type(ctx.call_sub_orchestrator(generator, 1), perdure.Task[float])
    assert_type(ctx.call_sub_orchestrator("by name", 1), perdure.Task[Any])
    ctx.call_sub_orchestrator(child, "one")  # type: ignore[arg-type]  # pyright: ignore
    ctx.call_sub_orchestrator(child, 1, instance_id=5)  # type: ignore[call-overload]  # pyright: ignore


async def entities(ctx: perdure.OrchestrationContext) -> None:
    """References to entities are typed as those of clients are."""
    account = ctx.entity(Account, "a")
    assert_type(account.call(Account.add, 1), perdure.Task[int])
    assert_type(await account.call(Account.fetch, "x"), bytes)
    assert_type(account.call("add", 1), perdure.Task[Any])
    assert_type(account.id, perdure.EntityId)
    account.signal(Account.add, amount=1)
    account.options(at=timedelta(hours=1)).signal(Account.add, 1)
    async with ctx.lock_entities(account, account.id):
        await account.call(Account.add, 1)
    async with ctx.transaction([account]):
        await account.call(Account.add, 1)
    account.call(Account.add, "one")  # type: ignore[call-overload]  # pyright: ignore
    account.signal(Account.fetch)  # type: ignore[call-overload]  # pyright: ignore
    ctx.lock_entities(5)  # type: ignore[arg-type]  # pyright: ignore


async def waiting(ctx: perdure.OrchestrationContext) -> None:
    """Tuples of tasks give tuples, lists give lists, the first of many is one of them."""
    number, text = ctx.call_activity(double, 1), ctx.call_activity(today)
    assert_type(await perdure.when_all((number, text)), tuple[int, str])
    assert_type(await perdure.when_all((number, text, number)), tuple[int, str, int])
    assert_type(await perdure.when_all([number, number]), list[int])
    timer = ctx.create_timer(timedelta(hours=1))
    assert_type(await timer, None)
    ctx.create_timer(ctx.current_utc_datetime)
    first = await perdure.when_any([number, number])
    assert_type(first, perdure.Task[int])
    assert_type(first.get_result(), int)
    mixed = await perdure.when_any([timer, number])
    assert_type(mixed, perdure.Task[int | None])
    event = ctx.wait_for_external_event("go", int, timeout=timedelta(minutes=1))
    assert_type(await event, int)
    untyped: Any = await ctx.wait_for_external_event("go")
    del untyped
    perdure.when_all([1])  # type: ignore[arg-type]  # pyright: ignore
    perdure.when_any(number)  # type: ignore[arg-type]  # pyright: ignore
    ctx.create_timer(5)  # type: ignore[arg-type]  # pyright: ignore
    ctx.wait_for_external_event(5)  # type: ignore[call-overload]  # pyright: ignore


def surroundings(ctx: perdure.OrchestrationContext) -> None:
    """What a context tells."""
    assert_type(ctx.instance_id, str)
    assert_type(ctx.parent_instance_id, str | None)
    assert_type(ctx.version, str)
    assert_type(ctx.current_utc_datetime, datetime)
    assert_type(ctx.is_replaying, bool)
    assert_type(ctx.random.random(), float)
    assert_type(ctx.patched("a"), bool)


async def clients(client: perdure.Client) -> None:
    """A start is checked, and its result has the orchestrator's type."""
    assert_type(client.start(child, 1), perdure.OrchestrationRef[str])
    assert_type(client.start(child, 1).result(timeout=5), str)
    assert_type(await client.start(without_input, start_at=timedelta(hours=1)), bool)
    half: float = client.start(generator, 1).result()  # mypy sees Any: the generator has some
    del half
    assert_type(client.start("by name", {"a": 1}), perdure.OrchestrationRef[Any])
    ref = client.start(child, 1)
    assert_type(ref.restart(new_instance_id="b"), perdure.OrchestrationRef[str])
    state = ref.status(fetch_input=True)
    if state is not None:
        assert_type(state.runtime_status, str)
        assert_type(state.failure_details, perdure.FailureDetails | None)
    assert_type(client.query(statuses=["Running"]), perdure.OrchestrationPage)
    assert_type(client.count(), dict[str, int])
    assert_type(client.purge_orchestrations(), perdure.PurgeResult)
    ref.result(timeout="5")  # type: ignore[arg-type]  # pyright: ignore
    ref.raise_event(5)  # type: ignore[arg-type]  # pyright: ignore
    client.start(child, 1, instance_id=5)  # type: ignore[call-overload]  # pyright: ignore
    client.query(created_from="2024")  # type: ignore[arg-type]  # pyright: ignore


def options() -> None:
    """Decorators keep the function's type, and take known options only."""
    assert_type(double(1), int)
    assert_type(compute(1), list[int])
    app.activity(pools="thread")  # type: ignore[call-overload]  # pyright: ignore
    app.activity(timeout=5)  # type: ignore[call-overload]  # pyright: ignore
    app.orchestrator(version=2)  # type: ignore[call-overload]  # pyright: ignore
    app.orchestrator(5)  # type: ignore[call-overload]  # pyright: ignore
    app.error(int)  # type: ignore[type-var]  # pyright: ignore
