"""What is forgotten of orchestrations: old generations, purged and old ones, and how long a
history may become."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from perdure.orchestration import ended, live
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("forgetting")


@app.activity
def nothing() -> None:
    """Do no work."""


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


@app.orchestrator
async def eternal(ctx: perdure.OrchestrationContext, left: int) -> int:
    for _ in range(3):
        await ctx.call_activity(nothing)
    if left:
        ctx.continue_as_new(left - 1)
    return left


@app.orchestrator(retention=timedelta(days=30))
async def remembered(ctx: perdure.OrchestrationContext, word: str) -> str:
    await ctx.call_activity(nothing)
    if word == "fail":
        raise ValueError(word)
    return word


@app.orchestrator
async def family(ctx: perdure.OrchestrationContext) -> None:
    await ctx.call_sub_orchestrator(eternal, 0, instance_id="child")
    ctx.call_sub_orchestrator(waiting, instance_id="alive")
    await ctx.create_timer(timedelta(seconds=1))


@app.orchestrator
async def waiting(ctx: perdure.OrchestrationContext) -> None:
    await ctx.wait_for_external_event("never")


@app.orchestrator
async def endless(ctx: perdure.OrchestrationContext) -> int:
    async with ctx.transaction(ctx.entity(Account, "a")):
        await ctx.entity(Account, "a").call(Account.add, 5)
        while True:
            await ctx.call_activity(nothing)


@app.orchestrator
async def wide(ctx: perdure.OrchestrationContext, width: int) -> int:
    return len(await perdure.when_all([ctx.call_activity(nothing) for _ in range(width)]))


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def streams(world: Simulation) -> list[str]:
    return [name for name in world.client.node.store.streams() if not name.startswith("@")]


def test_the_history_of_earlier_generations_goes_by_itself(world: Simulation) -> None:
    ref = world.client.start(eternal, 20, instance_id="e")
    assert ref.result(60) == 0

    store = world.client.node.store
    first = store.turns("e")[0].first_version
    assert first > 20 * 7
    assert [event.event_type for event in ref.history()].count("ExecutionStarted") == 1
    assert list(store.check()) == []


def test_the_history_of_a_replaced_one_goes_by_itself(world: Simulation) -> None:
    for left in (3, 0):
        world.client.start(eternal, left, instance_id="e").result(60)
    world.settle()

    assert len(list(world.client.orchestration("e").history())) == 8
    assert sum(turn.count for turn in world.client.node.store.turns("e")) == 8


def test_a_purge_takes_finished_children_along(world: Simulation) -> None:
    ref = world.client.start(family, instance_id="f")
    world.advance(seconds=5)
    ref.result(60)
    world.client.start(eternal, 0, instance_id="stranger").result(60)
    ref.purge()
    world.settle()

    assert streams(world) == ["alive", "stranger"]


def test_a_purge_may_leave_children_alone(world: Simulation) -> None:
    ref = world.client.start(family, instance_id="f")
    world.advance(seconds=5)
    ref.purge(recursive=False)
    world.settle()

    assert streams(world) == ["alive", "child"]


def test_a_child_that_was_started_anew_by_somebody_else_is_spared(world: Simulation) -> None:
    ref = world.client.start(family, instance_id="f")
    world.advance(seconds=5)
    world.client.start(eternal, 1, instance_id="child").result(60)
    ref.purge()
    world.settle()

    assert streams(world) == ["alive", "child"]


def test_one_with_a_retention_is_forgotten_after_it(world: Simulation) -> None:
    world.client.start(remembered, "a", instance_id="a").result(60)
    world.advance(days=29)
    world.client.start(remembered, "b", instance_id="b").result(60)
    world.crash()
    assert streams(world) == ["a", "b"]

    world.advance(days=2)
    assert streams(world) == ["b"]
    world.advance(days=29)
    assert streams(world) == []
    assert world.client.node.store.waiting() == 0


def test_the_retention_of_a_replaced_or_rewound_one_begins_anew(world: Simulation) -> None:
    for name in ("fail", "word"):
        world.client.start(remembered, name, instance_id=name)
    world.advance(days=20)
    world.client.start(remembered, "again", instance_id="word").result(60)
    world.client.orchestration("fail").rewind()
    world.advance(days=20)
    assert streams(world) == ["fail", "word"]
    assert world.client.node.store.waiting() == 2

    world.advance(days=11)
    assert streams(world) == []


def test_a_purge_before_its_retention_leaves_no_message(world: Simulation) -> None:
    ref = world.client.start(remembered, "a")
    ref.result(60)
    ref.purge()
    world.settle()

    assert world.client.node.store.waiting() == 0


def test_an_age_that_is_none_is_refused() -> None:
    with pytest.raises(perdure.DefinitionError, match="retention"):
        perdure.App().orchestrator(retention=timedelta())(waiting)


def test_a_history_that_is_too_long_fails_with_the_remedy(
    world: Simulation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "HISTORY_WARNING", 20)
    monkeypatch.setattr(live, "HISTORY_EVENTS", 50)
    ref = world.client.start(endless)
    with pytest.raises(perdure.OrchestrationFailedError, match="continue_as_new") as failed:
        ref.result(60)

    assert failed.value.details is not None
    assert failed.value.details.error_type.endswith("HistoryTooLongError")
    assert len(list(ref.history())) <= 54
    assert [r.levelname for r in caplog.records if "events long" in r.message] == ["WARNING"]
    world.settle()
    assert world.client.entity(Account, "a").get() is None
    assert world.client.entity(Account, "a").call(Account.add, 1).get() == 1


def test_a_step_that_asks_for_too_much_sends_nothing(
    world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HISTORY_EVENTS", 50)
    ref = world.client.start(wide, 100)
    with pytest.raises(perdure.OrchestrationFailedError, match="101 events"):
        ref.result(60)

    assert [event.event_type for event in ref.history()] == [
        "ExecutionStarted",
        "ExecutionCompleted",
    ]
    monkeypatch.setattr(ended, "HISTORY_EVENTS", 2)
    with pytest.raises(perdure.WrongStatusError, match="restart"):
        ref.rewind()
