"""Rewinding: a failed orchestration goes on from before its failure, and nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.history import Event
from perdure.orchestration.live import LiveInstance
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("rewinding")
broken: set[str] = set()
ran: list[str] = []


@app.activity
async def work(name: str, /) -> str:
    """Fails while it is broken; a name ending in a number takes so many seconds."""
    ran.append(name)
    await asyncio.sleep(int(name[-1]) if name[-1].isdigit() else 0)
    if name in broken:
        raise ValueError(name)
    return name


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


@app.orchestrator
async def beside_others(ctx: perdure.OrchestrationContext) -> list[str]:
    slow = ctx.call_activity(work, "slow5")
    child = ctx.call_sub_orchestrator(careful, "child", instance_id="child")
    entity = ctx.entity(Account, "a").call(Account.add, 1)
    timer = ctx.create_timer(timedelta(seconds=7))
    first = await ctx.call_activity(work, "first")
    await timer
    return [first, await slow, await child, str(await entity)]


@app.orchestrator
async def wide(ctx: perdure.OrchestrationContext, width: int) -> int:
    slow = [ctx.call_activity(work, "slow5") for _ in range(width)]
    await ctx.call_activity(work, "first")
    return len(await perdure.when_all(slow))


@app.orchestrator
async def careful(ctx: perdure.OrchestrationContext, name: str) -> str:
    await ctx.create_timer(timedelta(seconds=3))
    if name in broken:
        raise LookupError(name)
    return name


@app.orchestrator
async def compensating(ctx: perdure.OrchestrationContext) -> str:
    try:
        return await ctx.call_activity(work, "charge")
    except perdure.TaskFailedError:
        await ctx.call_activity(work, "refund")
        raise


@app.orchestrator
async def paying(ctx: perdure.OrchestrationContext, amount: int) -> int:
    await ctx.call_activity(work, "before")
    async with ctx.transaction(ctx.entity(Account, "a")):
        await ctx.entity(Account, "a").call(Account.add, amount)
        await ctx.call_activity(work, "inside")
    return amount


@app.orchestrator
async def family(ctx: perdure.OrchestrationContext) -> str:
    return await ctx.call_sub_orchestrator(careful, "child", instance_id="child")


@pytest.fixture
def world() -> Simulation:
    broken.clear()
    ran.clear()
    return simulate(app)


def failed(ref: perdure.OrchestrationRef[object]) -> perdure.OrchestrationFailedError:
    with pytest.raises(perdure.OrchestrationFailedError) as error:
        ref.result(60)
    return error.value


def test_what_went_on_beside_a_failure_is_kept_when_it_ends_later(world: Simulation) -> None:
    broken.add("first")
    ref = world.client.start(beside_others, instance_id="b")
    failed(ref)
    world.advance(seconds=10)  # the others end while it is Failed
    world.crash()
    broken.clear()
    ref = world.client.orchestration("b")
    ref.rewind("mended")

    assert ref.result(60) == ["first", "slow5", "child", "1"]
    assert sorted(ran) == ["first", "first", "slow5"]
    world.crash()
    assert world.client.orchestration("b").result(60) == ["first", "slow5", "child", "1"]


def test_what_went_on_beside_a_failure_is_kept_when_it_ends_after_the_rewind(
    world: Simulation,
) -> None:
    broken.add("first")
    ref = world.client.start(beside_others, instance_id="b")
    failed(ref)
    broken.clear()
    ref.rewind("mended")

    assert ref.result(60) == ["first", "slow5", "child", "1"]
    assert sorted(ran) == ["first", "first", "slow5"]


def test_late_answers_outlive_a_second_failure(world: Simulation) -> None:
    broken.add("first")
    ref = world.client.start(beside_others, instance_id="b")
    failed(ref)
    world.advance(seconds=10)
    ref.rewind()
    failed(ref)
    world.advance(seconds=10)
    broken.clear()
    ref.rewind()

    assert ref.result(60) == ["first", "slow5", "child", "1"]
    assert sorted(ran) == ["first", "first", "first", "slow5"]


def test_many_late_answers_read_the_history_once(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.add("first")
    ref = world.client.start(wide, 20, instance_id="w")
    failed(ref)
    readings: list[str] = []
    original = LiveInstance._history

    def history(self: LiveInstance) -> list[Event]:
        readings.append(self._address)
        return original(self)

    monkeypatch.setattr(LiveInstance, "_history", history)

    world.advance(seconds=10)

    assert readings == ["w"]
    broken.clear()
    ref.rewind()
    assert ref.result(60) == 20


def test_late_answers_belong_to_the_failure_before_them(world: Simulation) -> None:
    broken.add("first")
    failed(world.client.start(wide, 3, instance_id="w"))
    world.advance(seconds=10)
    ref = world.client.start_or_get(wide, 3, instance_id="w")  # takes its place, and fails too
    failed(ref)
    world.advance(seconds=10)
    broken.clear()
    ref.rewind()

    assert ref.result(60) == 3
    assert sorted(ran) == ["first"] * 3 + ["slow5"] * 6


def test_one_whose_own_code_failed_goes_on_when_that_is_mended(world: Simulation) -> None:
    broken.add("own")
    ref = world.client.start(careful, "own")
    failed(ref)
    ref.rewind("too early")
    assert "LookupError" in str(failed(ref))
    broken.clear()
    ref.rewind("mended")

    assert ref.result(60) == "own"


def test_a_failure_that_was_dealt_with_is_not_undone(world: Simulation) -> None:
    broken.add("charge")
    ref = world.client.start(compensating)
    failed(ref)
    broken.clear()
    ref.rewind()

    assert "charge" in str(failed(ref))
    assert ran == ["charge", "refund"]


def test_one_that_failed_in_a_critical_section_is_restarted_instead(world: Simulation) -> None:
    broken.add("inside")
    ref = world.client.start(paying, 13, instance_id="p")
    failed(ref)
    with pytest.raises(perdure.WrongStatusError, match="restart it"):
        ref.rewind()

    assert ref.status().runtime_status == "Failed"  # type: ignore[union-attr]
    assert world.client.entity(Account, "a").call(Account.add, 1).get() == 1


def test_a_parent_rewinds_its_failed_child(world: Simulation) -> None:
    broken.add("child")
    ref = world.client.start(family, instance_id="f")
    failed(ref)
    broken.clear()
    ref.rewind()

    assert ref.result(60) == "child"


def test_a_child_that_cannot_be_rewound_fails_its_parent_again(world: Simulation) -> None:
    broken.add("child")
    ref = world.client.start(family, instance_id="f")
    failed(ref)
    world.client.orchestration("child").purge()
    ref.rewind()

    assert "no orchestration 'child'" in str(failed(ref))
