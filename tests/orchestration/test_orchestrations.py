"""Orchestrations in simulated time: what they do, and that a crash changes nothing of it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("orchestrating")
calls: list[str] = []
"""What activities were really called, in order."""


@app.error
class OutOfStock(Exception):  # noqa: N818 - as users name them
    """A failure that is raised again as what it was."""


@app.activity
def double(number: int) -> int:
    calls.append(f"double {number}")
    return 2 * number


@app.activity
def fail(text: str) -> None:
    calls.append(f"fail {text}")
    raise ValueError(text)


@app.activity
def sell(item: str) -> None:
    raise OutOfStock(item)


@app.activity
def fail_twice(_: perdure.ActivityContext, text: str) -> str:
    calls.append(text)
    if calls.count(text) < 3:
        msg = "not yet"
        raise ValueError(msg)
    return text


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        if self.balance + amount < 0:
            msg = "too poor"
            raise ValueError(msg)
        self.balance += amount
        return self.balance


@app.orchestrator
async def chain(ctx: perdure.OrchestrationContext, number: int) -> int:
    for _ in range(3):
        number = await ctx.call_activity(double, number)
    return number


@app.orchestrator
def chain_as_generator(
    ctx: perdure.OrchestrationContext, number: int
) -> Generator[Any, Any, int]:
    first = yield ctx.call_activity(double, input=number)
    pair = yield perdure.when_all([ctx.call_activity(double, first) for _ in range(2)])
    return sum(pair)


@app.orchestrator
async def fan_out(ctx: perdure.OrchestrationContext, width: int) -> int:
    tasks = [ctx.call_activity(double, number) for number in range(width)]
    return sum(await perdure.when_all(tasks))


@app.orchestrator
async def approval(ctx: perdure.OrchestrationContext) -> str:
    decision = ctx.wait_for_external_event("Approval", bool)
    timeout = ctx.create_timer(timedelta(hours=72))
    ctx.set_custom_status("waiting")
    first = await perdure.when_any([decision, timeout])
    if first is timeout:
        return "escalated"
    timeout.cancel()
    return "approved" if decision.get_result() else "rejected"


@app.orchestrator
async def retried(ctx: perdure.OrchestrationContext, attempts: int) -> str:
    policy = perdure.RetryPolicy(
        first_retry_interval=timedelta(seconds=10),
        max_number_of_attempts=attempts,
        backoff_coefficient=2,
    )
    return await ctx.call_activity(fail_twice, "again", retry_policy=policy)


@app.orchestrator
async def parent(ctx: perdure.OrchestrationContext, number: int) -> int:
    return await ctx.call_sub_orchestrator(chain, number)


@app.orchestrator
async def catching(ctx: perdure.OrchestrationContext) -> list[str]:
    caught: list[str] = []
    try:
        await ctx.call_activity(fail, "a")
    except perdure.TaskFailedError as error:
        caught.append(error.details.error_type)
    try:
        await ctx.call_activity(sell, "tea")
    except OutOfStock as error:
        caught.append(str(error))
    return caught


@app.orchestrator
async def failing(ctx: perdure.OrchestrationContext) -> None:
    await ctx.call_activity(double, 1)
    await ctx.call_activity(fail, "b")


@app.orchestrator
async def eternal(ctx: perdure.OrchestrationContext, count: int) -> int:
    count += await ctx.wait_for_external_event("more", int)
    if count >= 10:
        return count
    ctx.continue_as_new(count)
    return 0


@app.orchestrator
async def transfer(ctx: perdure.OrchestrationContext, amount: int) -> int:
    first, second = ctx.entity(Account, "a"), ctx.entity(Account, "b")
    async with ctx.transaction(second, first):
        left = await first.call(Account.add, -amount)
        await ctx.create_timer(timedelta(minutes=1))
        await second.call(Account.add, amount)
    return left


@app.orchestrator
async def transfer_and_fail(ctx: perdure.OrchestrationContext) -> None:
    first, second = ctx.entity(Account, "a"), ctx.entity(Account, "b")
    async with ctx.transaction(first, second):
        await second.call(Account.add, 500)
        await first.call(Account.add, -500)


@app.orchestrator
async def tidy(ctx: perdure.OrchestrationContext) -> str:
    try:
        await ctx.wait_for_external_event("never")
    finally:
        ctx.entity(Account, "tidied").signal(Account.add, 1)
    return "not reached"


@app.orchestrator
async def asyncio_inside(_: perdure.OrchestrationContext) -> None:
    import asyncio

    await asyncio.sleep(1)


@pytest.fixture(params=["alive", "crashing"])
def world(request: pytest.FixtureRequest) -> Generator[Simulation]:
    calls.clear()
    with simulate(app) as world:
        world.crashing = request.param == "crashing"  # type: ignore[attr-defined]
        yield world


def crash(world: Simulation) -> None:
    """In half of the tests the process dies here."""
    world.settle()
    if world.crashing:  # type: ignore[attr-defined]
        world.crash()


def test_a_chain_gives_its_result(world: Simulation) -> None:
    world.client.start(chain, 1, instance_id="c")
    crash(world)

    assert world.client.orchestration("c").result(60) == 8
    assert calls == ["double 1", "double 2", "double 4"]


def test_a_generator_is_an_orchestrator(world: Simulation) -> None:
    assert world.client.start(chain_as_generator, 3).result(60) == 24


def test_fan_out_waits_for_all(world: Simulation) -> None:
    assert world.client.start(fan_out, 200).result(60) == 200 * 199


def test_an_event_decides(world: Simulation) -> None:
    world.client.start(approval, instance_id="a")
    crash(world)
    ref = world.client.orchestration("a")
    state = ref.status()
    assert state is not None
    assert (state.runtime_status, state.custom_status) == ("Running", "waiting")

    ref.raise_event("APPROVAL", data=True)

    assert ref.result(1) == "approved"
    assert world.client.node.store.waiting() == 0


def test_a_timer_escalates_after_72_hours_and_not_before(world: Simulation) -> None:
    world.client.start(approval, instance_id="a")
    crash(world)
    ref = world.client.orchestration("a")

    world.advance(hours=71)
    assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]
    crash(world)
    world.advance(hours=1)

    assert world.client.orchestration("a").result(1) == "escalated"


def test_a_failed_activity_is_tried_again_after_longer_and_longer_waits(
    world: Simulation,
) -> None:
    world.client.start(retried, 3, instance_id="r")
    crash(world)
    world.advance(seconds=29)
    assert calls == ["again", "again"]
    world.advance(seconds=1)

    assert world.client.orchestration("r").result(1) == "again"


def test_the_last_attempt_fails_the_orchestration(world: Simulation) -> None:
    with pytest.raises(perdure.OrchestrationFailedError, match="not yet") as caught:
        world.client.start(retried, 2).result(3600)

    assert caught.value.details is not None
    assert caught.value.details.is_caused_by(ValueError)


def test_a_child_answers_its_parent(world: Simulation) -> None:
    world.client.start(parent, 2, instance_id="p")
    crash(world)

    assert world.client.orchestration("p").result(60) == 16
    children = world.client.query(parent="p").items
    assert [(child.name, child.output) for child in children] == [("chain", 16)]


def test_failures_are_raised_as_what_they_were(world: Simulation) -> None:
    assert world.client.start(catching).result(60) == ["ValueError", "tea"]


def test_a_rewound_one_does_again_only_what_failed(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.client.start(failing, instance_id="f")
    with pytest.raises(perdure.OrchestrationFailedError):
        ref.result(60)
    crash(world)
    calls.clear()

    world.client.orchestration("f").rewind("mended")
    with pytest.raises(perdure.OrchestrationFailedError):
        world.client.orchestration("f").result(60)

    assert calls == ["fail b"]


def test_events_outlive_continue_as_new(world: Simulation) -> None:
    world.client.start(eternal, 0, instance_id="e")
    for number in (1, 2, 3, 4):
        world.client.orchestration("e").raise_event("more", number)
    crash(world)

    assert world.client.orchestration("e").result(60) == 10


def test_a_transaction_shows_nothing_until_it_ends(world: Simulation) -> None:
    world.client.entity(Account, "a").call(Account.add, 100).get()
    world.client.start(transfer, 30, instance_id="t")
    crash(world)
    before = world.client.entity(Account, "a").get()
    assert before is not None
    assert (before.state.balance, before.locked_by) == (100, "t")

    world.advance(minutes=1)

    assert world.client.orchestration("t").result(1) == 70
    balances = [world.client.entity(Account, key).get() for key in "ab"]
    assert [found.state.balance for found in balances if found] == [70, 30]
    assert [found.locked_by for found in balances if found] == [None, None]


def test_a_transaction_that_fails_is_undone(world: Simulation) -> None:
    world.client.entity(Account, "a").call(Account.add, 100).get()
    with pytest.raises(perdure.OrchestrationFailedError, match="too poor"):
        world.client.start(transfer_and_fail).result(60)
    world.settle()

    assert world.client.entity(Account, "a").get().state.balance == 100  # type: ignore[union-attr]
    assert world.client.entity(Account, "b").get() is None


def test_a_terminated_one_lets_go_of_its_locks_and_timers(world: Simulation) -> None:
    world.client.entity(Account, "a").call(Account.add, 100).get()
    world.client.start(transfer, 30, instance_id="t")
    crash(world)

    world.client.orchestration("t").terminate("enough")
    world.settle()

    state = world.client.orchestration("t").status()
    assert state is not None
    assert (state.runtime_status, state.output) == ("Terminated", "enough")
    account = world.client.entity(Account, "a").get()
    assert account is not None
    assert (account.state.balance, account.locked_by) == (100, None)
    assert world.client.node.store.waiting() == 0


def test_a_cancelled_one_ends_in_its_own_way(world: Simulation) -> None:
    world.client.start(tidy, instance_id="t")
    crash(world)
    world.client.orchestration("t").cancel("no need")
    world.settle()

    assert world.client.orchestration("t").status().runtime_status == "Canceled"  # type: ignore[union-attr]
    assert world.client.entity(Account, "tidied").get().state.balance == 1  # type: ignore[union-attr]


def test_what_is_dropped_does_not_act(world: Simulation) -> None:
    world.client.start(tidy, instance_id="t")
    world.settle()
    crash(world)
    world.settle()

    assert world.client.entity(Account, "tidied").get() is None


def test_a_suspended_one_goes_on_in_order(world: Simulation) -> None:
    ref = world.client.start(approval, instance_id="a")
    world.settle()
    ref.suspend("later")
    ref.raise_event("approval", data=False)
    crash(world)
    ref = world.client.orchestration("a")
    assert ref.status().runtime_status == "Suspended"  # type: ignore[union-attr]

    ref.resume()

    assert ref.result(1) == "rejected"


def test_an_id_that_lives_is_refused_and_a_finished_one_is_replaced(
    world: Simulation,
) -> None:
    world.client.start(approval, instance_id="a")
    with pytest.raises(perdure.InstanceAlreadyExistsError, match="start_or_get"):
        world.client.start(chain, 1, instance_id="a")
    assert world.client.start_or_get(approval, instance_id="a").id == "a"
    world.client.orchestration("a").terminate()
    crash(world)

    assert world.client.start(chain, 1, instance_id="a").result(60) == 8


def test_a_scheduled_start_is_pending_until_then(world: Simulation) -> None:
    world.client.start(chain, 1, instance_id="s", start_at=timedelta(hours=1))
    crash(world)
    ref = world.client.orchestration("s")
    assert ref.status(fetch_input=True).input == 1  # type: ignore[union-attr]
    assert ref.status().runtime_status == "Pending"  # type: ignore[union-attr]

    world.advance(hours=1)

    assert ref.result(1) == 8


def test_signal_with_start_starts_once(world: Simulation) -> None:
    world.client.signal_with_start(eternal, "more", 4, instance_id="e", input=0)
    crash(world)
    world.client.signal_with_start(eternal, "more", 6, instance_id="e", input=0)

    assert world.client.orchestration("e").result(60) == 10


def test_a_purged_one_is_gone(world: Simulation) -> None:
    ref = world.client.start(chain, 1, instance_id="c")
    with pytest.raises(perdure.WrongStatusError, match="terminate it first"):
        world.client.start(approval, instance_id="a").purge()
    ref.result(60)
    ref.purge()

    assert ref.status() is None
    assert world.client.count() == {"Running": 1}
    with pytest.raises(perdure.InstanceNotFoundError):
        ref.raise_event("x")


def test_a_purged_one_leaves_nothing_and_may_be_started_again(world: Simulation) -> None:
    client = world.client
    ref = client.start(chain, 1, instance_id="c")
    ref.result(60)
    before = client.node.store.streams()
    ref.purge()
    assert [stream for stream in before if stream not in client.node.store.streams()] == ["c"]

    again = client.start(chain, 5, instance_id="c")
    assert again.result(60) == client.start(chain, 5).result(60)
    crash(world)
    history = [event.event_type for event in world.client.orchestration("c").history()]
    assert (history[0], history[-1]) == ("ExecutionStarted", "ExecutionCompleted")
    assert list(world.client.node.store.check()) == []


def test_asyncio_is_refused_with_what_to_use_instead(world: Simulation) -> None:
    with pytest.raises(perdure.OrchestrationFailedError, match="create_timer"):
        world.client.start(asyncio_inside).result(60)


def test_nobody_hears_of_an_unknown_one(world: Simulation) -> None:
    with pytest.raises(perdure.InstanceNotFoundError):
        world.client.orchestration("nobody").raise_event("x")
    with pytest.raises(perdure.UnknownOrchestratorError):
        world.client.start("nobody")
    with pytest.raises(perdure.InvalidIdError):
        world.client.start(chain, 1, instance_id="a/b")
    with pytest.raises(perdure.DecodingError):
        world.client.start(chain, "one")
    assert world.client.query().items == []
