"""External events: kept until somebody waits for them, in order, each for one wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from perdure.orchestration import instance
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("events")
MINUTE = timedelta(minutes=1)


@app.orchestrator
async def three(ctx: perdure.OrchestrationContext) -> list[int]:
    await ctx.wait_for_external_event("begin")
    return [await ctx.wait_for_external_event("item", int) for _ in range(3)]


@app.orchestrator
async def two_waits(ctx: perdure.OrchestrationContext) -> list[int]:
    waits = [ctx.wait_for_external_event("item", int) for _ in range(2)]
    return await perdure.when_all(waits)


@app.orchestrator
async def cancelling(ctx: perdure.OrchestrationContext) -> int:
    cancelled = ctx.wait_for_external_event("item", int)
    cancelled.cancel()
    return await ctx.wait_for_external_event("item", int)


@app.orchestrator
async def impatient(ctx: perdure.OrchestrationContext) -> list[int | str]:
    told: list[int | str] = []
    for _ in range(2):
        try:
            told.append(await ctx.wait_for_external_event("item", int, timeout=MINUTE))
        except TimeoutError as error:
            told.append(str(error))
    return told


@app.orchestrator
async def sender(ctx: perdure.OrchestrationContext, target: str) -> str:
    ctx.send_event(target, "item", 7)
    await ctx.create_timer(MINUTE)
    return "sent"


@app.orchestrator
async def again(ctx: perdure.OrchestrationContext, done: int) -> int:
    first = await ctx.wait_for_external_event("item", int)
    if first == 0:
        return done
    ctx.continue_as_new(done * 10 + first)
    return -1


@app.orchestrator
async def forgetful(ctx: perdure.OrchestrationContext, first: bool) -> str:
    if first:
        await ctx.wait_for_external_event("go")
        ctx.continue_as_new(new_input=False, save_events=False)
        return ""
    try:
        await ctx.wait_for_external_event("item", timeout=MINUTE)
    except TimeoutError:
        return "nothing was kept"
    return "kept"


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def test_events_wait_in_order_and_survive_a_crash(world: Simulation) -> None:
    ref = world.client.start(three, instance_id="t")
    for number in (1, 2, 3):
        ref.raise_event("item", number)
    world.crash()
    world.client.orchestration("t").raise_event("begin")

    assert world.client.orchestration("t").result(1) == [1, 2, 3]


def test_names_of_events_fold_case(world: Simulation) -> None:
    ref = world.client.start(two_waits)
    ref.raise_event("ITEM", 1)
    ref.raise_event("Item", 2)

    assert ref.result(1) == [1, 2]


def test_each_event_completes_one_wait_and_the_oldest_first(world: Simulation) -> None:
    ref = world.client.start(two_waits)
    world.settle()
    ref.raise_event("item", 1)
    with pytest.raises(perdure.ReplyTimeoutError):
        ref.result(0)
    ref.raise_event("item", 2)

    assert ref.result(1) == [1, 2]


def test_a_cancelled_wait_consumes_nothing(world: Simulation) -> None:
    ref = world.client.start(cancelling)
    world.settle()
    ref.raise_event("item", 1)

    assert ref.result(1) == 1


def test_a_wait_that_timed_out_consumes_nothing_and_leaves_no_timer(world: Simulation) -> None:
    ref = world.client.start(impatient)
    world.advance(seconds=61)
    ref.raise_event("item", 5)

    assert ref.result(0) == ["no event 'item' within 0:01:00", 5]
    assert world.client.node.store.waiting() == 0


def test_an_event_to_a_finished_one_is_an_error_of_its_sender(world: Simulation) -> None:
    ref = world.client.start(again, 0)
    ref.raise_event("item", 0)
    ref.result(1)

    with pytest.raises(perdure.InstanceFinishedError, match="Completed"):
        ref.raise_event("item", 1)


def test_an_orchestration_sends_an_event_once_whatever_crashes(world: Simulation) -> None:
    world.client.start(two_waits, instance_id="t")
    world.client.start(sender, "t", instance_id="s")
    world.settle()
    world.crash()
    world.advance(MINUTE)
    assert world.client.orchestration("s").result(1) == "sent"
    ref = world.client.orchestration("t")
    with pytest.raises(perdure.ReplyTimeoutError):
        ref.result(0)
    ref.raise_event("item", 8)

    assert ref.result(1) == [7, 8]


@pytest.mark.parametrize("target", ["unknown", "finished"])
def test_an_event_that_an_orchestration_sends_to_nobody_is_dropped(
    world: Simulation, target: str
) -> None:
    finished = world.client.start(again, 0, instance_id="finished")
    finished.raise_event("item", 0)
    finished.result(1)
    ref = world.client.start(sender, target)
    world.advance(MINUTE)

    assert ref.result(0) == "sent"
    assert world.client.status()["events_dropped"] == 1
    assert world.client.node.store.waiting() == 0
    assert world.client.orchestration("unknown").status() is None


def test_unread_events_are_carried_over_in_order(world: Simulation) -> None:
    ref = world.client.start(again, 0, instance_id="a")
    for number in (1, 2, 3, 0):
        ref.raise_event("item", number)

    assert ref.result(1) == 123


def test_unread_events_can_be_left_behind(world: Simulation) -> None:
    ref = world.client.start(forgetful, True)
    ref.raise_event("item", 1)
    ref.raise_event("go")
    world.advance(minutes=2)

    assert ref.result(0) == "nothing was kept"


def test_an_event_that_does_not_fit_fails_its_wait(world: Simulation) -> None:
    ref = world.client.start(two_waits)
    ref.raise_event("item", "one")
    ref.raise_event("item", 2)

    with pytest.raises(perdure.OrchestrationFailedError, match="DecodingError"):
        ref.result(1)


def test_events_for_one_that_has_not_begun_have_a_limit(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "PENDING_EVENTS", 3)
    ref = world.client.start(three, instance_id="later", start_at=MINUTE)
    ref.raise_event("begin")
    ref.raise_event("item", 1)
    ref.raise_event("item", 2)

    with pytest.raises(perdure.MailboxFullError, match="has not begun, and 3 events wait"):
        ref.raise_event("item", 3)

    world.advance(minutes=1)
    ref.raise_event("item", 4)
    assert ref.result(timeout=5) == [1, 2, 4]


def test_events_for_one_that_has_not_begun_have_a_size(
    world: Simulation,
) -> None:
    ref = world.client.start(three, instance_id="later", start_at=MINUTE)
    ref.raise_event("item", "x" * (1 << 20))

    with pytest.raises(perdure.MailboxFullError, match="2 MiB"):
        ref.raise_event("item", "x" * (1 << 20))
