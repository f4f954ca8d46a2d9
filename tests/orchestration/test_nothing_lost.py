"""What came at an awkward moment is neither lost nor counted twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

import perdure
from perdure.actors.answers import ANSWER, Answer
from perdure.actors.messages import Message
from perdure.actors.simulated import Chances
from perdure.errors import RowRejectedError
from perdure.orchestration import requests
from perdure.orchestration.history import (
    EntityUnlockSent,
    EventRaised,
    ExecutionCompleted,
    TaskCompleted,
    TaskScheduled,
)
from perdure.orchestration.simulation import Simulation, simulate
from perdure.storage.records import Batch

app = perdure.App("awkward")
fails: set[int] = set()


@app.activity
def double(number: int) -> int:
    if number in fails:
        raise ValueError(number)
    return 2 * number


@app.entity
class Heard(perdure.Entity):
    items: list[int] = perdure.field(factory=list[int])

    def hear(self, item: int) -> None:
        self.items.append(item)


@app.orchestrator
async def listen(ctx: perdure.OrchestrationContext, heard: int) -> int:
    """Hears three items in each generation, ten in all."""
    for _ in range(3):
        ctx.entity(Heard, "a").signal(
            Heard.hear, await ctx.wait_for_external_event("item", int)
        )
        heard += 1
        if heard == 10:
            return heard
    ctx.continue_as_new(heard)
    return heard


@app.orchestrator
async def chain(ctx: perdure.OrchestrationContext, numbers: list[int]) -> list[int]:
    return [await ctx.call_activity(double, number) for number in numbers]


@app.orchestrator
async def fan_out(ctx: perdure.OrchestrationContext, numbers: list[int]) -> list[int]:
    tasks = [ctx.call_activity(double, number) for number in numbers]
    return [await task for task in tasks]


def ask(world: Simulation, instance: str, operation: str, payload: Any) -> perdure.Reply[Any]:
    """Send without waiting."""
    message = Message(
        target=instance,
        operation=operation,
        input=requests.encode(payload),
        form="value",
        request_id=world.client.new_id(),
    )
    return world.client.send_call(message, lambda _: None)


def raised(number: int) -> EventRaised:
    return EventRaised(name="Item", data=msgspec.Raw(str(number).encode()))


def heard(world: Simulation) -> list[int]:
    snapshot = world.client.entity(Heard, "a").get()
    return [] if snapshot is None else snapshot.state.items


def test_events_are_carried_over_as_many_generations_as_it_takes() -> None:
    with simulate(app) as world:
        ref = world.client.start(listen, 0, instance_id="l")
        for number in range(10):
            ask(world, "l", requests.RAISE_EVENT, raised(number))

        assert ref.result(60) == 10
        assert heard(world) == list(range(10))


def test_events_of_a_suspended_one_are_carried_over_when_it_is_resumed() -> None:
    with simulate(app) as world:
        ref = world.client.start(listen, 0, instance_id="l")
        ref.suspend()
        for number in range(10):
            ref.raise_event("item", number)
        world.crash()
        ref = world.client.orchestration("l")
        ref.resume()

        assert ref.result(60) == 10
        assert heard(world) == list(range(10))


def test_events_that_come_with_a_start_are_carried_over() -> None:
    with simulate(app) as world:
        start = requests.Start(
            name="listen", input=msgspec.Raw(b"0"), events=[raised(n) for n in range(10)]
        )
        ask(world, "l", requests.START, start)
        world.settle()

        assert world.client.orchestration("l").result(60) == 10
        assert heard(world) == list(range(10))


@pytest.mark.parametrize("seed", range(5))
def test_a_row_and_its_history_agree_at_each_commit_though_code_runs_beside_it(
    seed: int,
) -> None:
    world = Simulation(app, seed=seed, chances=Chances(lost_baton=0.9))
    start = requests.Start(name="chain", input=msgspec.Raw(b"[1,2,3]"))
    ask(world, "c", requests.START, start)

    while world.runtime.step():
        state = world.client.orchestration("c").status()
        if state is not None:
            history = list(world.client.orchestration("c").history())
            has_ended = any(isinstance(event, ExecutionCompleted) for event in history)
            assert state.is_finished == has_ended
    assert world.client.orchestration("c").result(1) == [2, 4, 6]


def test_an_answer_that_comes_twice_while_suspended_is_noted_once() -> None:
    with simulate(app) as world:
        ref = world.client.start(chain, [1, 2], instance_id="c")
        ref.suspend()
        world.settle()
        state = world.client.orchestration("c").status()
        assert state is not None
        again = Message(
            target="c",
            operation=ANSWER,
            input=msgspec.json.encode(Answer(result=msgspec.Raw(b"99"))),
            form="value",
            request_id=f"{state.generation}:1",
            caller="@@double",
        )
        world.client.send_call(again, lambda _: None)
        world.settle()
        ref.resume()

        assert ref.result(60) == [2, 4]
        answers = [event.id for event in ref.history() if isinstance(event, TaskCompleted)]
        assert answers == [1, 2]


def test_the_answer_to_a_replaced_one_does_not_reach_the_next() -> None:
    world = simulate(app)
    world.client.start(chain, [1, 2], instance_id="c")
    first = world.client.orchestration("c").status()
    assert first is not None
    world.client.orchestration("c").terminate()
    world.client.start(chain, [3, 4], instance_id="c")
    for task in (1, 2):
        late = Message(
            target="c",
            operation=ANSWER,
            input=msgspec.json.encode(Answer(result=msgspec.Raw(b"99"))),
            form="value",
            request_id=f"{first.generation}:{task}",
            caller="@@double",
        )
        world.client.send_call(late, lambda _: None)

    assert world.client.orchestration("c").result(60) == [6, 8]


def test_a_failure_is_rewound_in_the_turn_in_which_it_came() -> None:
    fails.clear()
    fails.add(1)
    with simulate(app) as world:
        ref = world.client.start(chain, [1, 2], instance_id="c")
        for _ in range(200):
            instance: Any = world.client.node.partition.cells["c"].instance
            if instance._state.status == "Failed":
                break
            world.runtime.step()
        assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]
        fails.clear()
        rewound = ask(world, "c", requests.REWIND, requests.Reason("mended"))

        assert rewound.get(1) is None
        assert ref.result(60) == [2, 4]


@pytest.mark.parametrize("seed", range(10))
def test_answers_that_come_right_behind_a_failure_are_there_after_a_rewind(seed: int) -> None:
    fails.clear()
    fails.add(1)
    with simulate(app, seed=seed) as world:
        ref = world.client.start(fan_out, [1, 2, 3], instance_id="f")
        with pytest.raises(perdure.OrchestrationFailedError):
            ref.result(60)
        world.settle()
        fails.clear()
        ref.rewind()

        assert ref.result(60) == [2, 4, 6]
        asked = [event.id for event in ref.history() if isinstance(event, TaskScheduled)]
        assert asked == [1, 2, 3]


@app.orchestrator
async def hold(ctx: perdure.OrchestrationContext, patience: int) -> str:
    locking = ctx.lock_entities(ctx.entity(Heard, "a"))
    giving_up = ctx.wait_for_external_event("give up")
    if await perdure.when_any([locking, giving_up]) is giving_up:
        locking.cancel()
        return "gave up"
    await ctx.create_timer(timedelta(seconds=patience))
    locking.__exit__(None, None, None)
    return "held"


@pytest.mark.parametrize("end", ["terminate", "give up"])
def test_a_lock_that_is_granted_to_a_suspended_one_is_let_go_of_at_its_end(end: str) -> None:
    with simulate(app) as world:
        first = world.client.start(hold, 10, instance_id="first")
        world.settle()
        second = world.client.start(hold, 0, instance_id="second")
        second.suspend()
        if end == "give up":
            second.raise_event(end)
        assert first.result(60) == "held"
        world.settle()
        world.crash()
        second = world.client.orchestration("second")
        if end == "terminate":
            second.terminate()
        else:
            second.resume()
        world.settle()

        assert second.status().is_finished  # type: ignore[union-attr]
        assert world.client.start(hold, 0, instance_id="third").result(60) == "held"


class Rejecting:
    """A store that cannot take any turn while it is ``on``."""

    on = False

    def before_commit(self, batch: Batch) -> None:
        if self.on and batch.turns:
            msg = "planned"
            raise RowRejectedError(msg)

    def after_commit(self, batch: Batch) -> None:
        """All is well."""


def test_a_scheduled_start_that_was_set_aside_begins_when_it_is_redriven() -> None:
    faults = Rejecting()
    world = Simulation(app, faults=faults)
    ref = world.client.start(chain, [1], start_at=timedelta(hours=1), instance_id="c")
    faults.on = True
    world.advance(hours=1)
    [row] = world.client.quarantine()
    faults.on = False
    assert ref.status().runtime_status == "Pending"  # type: ignore[union-attr]
    assert world.client.redrive(row.id)

    assert ref.result(60) == [2]


def test_an_end_without_code_tells_in_the_history_what_it_lets_go_of() -> None:
    def app_with(activity: str) -> perdure.App:
        changed = perdure.App("changed")
        changed.entity(Heard)
        changed.activity(name=activity)(double)

        @changed.orchestrator
        async def hold(ctx: perdure.OrchestrationContext) -> None:
            async with ctx.lock_entities(ctx.entity(Heard, "a"), ctx.entity(Heard, "b")):
                await ctx.call_activity(activity, 1)
                await ctx.create_timer(timedelta(days=1))

        return changed

    world = simulate(app_with("old"))
    world.client.start("hold", instance_id="h")
    world.settle()
    world._app = app_with("new")
    world.crash()
    ref = world.client.orchestration("h")
    ref.terminate()

    released = [e.entity for e in ref.history() if isinstance(e, EntityUnlockSent)]
    assert released == ["@heard@a", "@heard@b"]
    world.settle()
    assert not any(
        row.state[:1] == b"#" for row in world.client.node.store.states("@") if row.state
    )
    assert world.client.node.store.waiting() == 0
