"""Replay: code that was changed is found out, told clearly, and loses nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate
from tests.orchestration.asking import send_event

Code = Callable[[perdure.OrchestrationContext], Awaitable[Any]]
MINUTE = timedelta(minutes=1)


@attrs.frozen
class Old:
    amount: int = 1


@attrs.frozen
class New:
    amount: str


def act(number: int) -> int:
    return number


def app_of(code: Code, kind: Any = Any, returns: Any = int) -> perdure.App:
    app = perdure.App("changing")

    class Counter(perdure.Entity):
        value: int = 0

        def add(self, amount: int) -> int:
            self.value += amount
            return self.value

        def sub(self, amount: int) -> int:
            self.value -= amount
            return self.value

    app.entity(Counter)
    for name in ("act", "other"):

        def activity(number: int) -> int:
            return number

        activity.__annotations__["return"] = returns
        app.activity(name=name)(activity)

    async def work(ctx: perdure.OrchestrationContext, given: Any = None) -> Any:
        del given
        return await code(ctx)

    work.__annotations__["given"] = kind
    app.orchestrator(name="work")(work)

    async def child(_: perdure.OrchestrationContext) -> None:
        """End at once."""

    app.orchestrator(name="child")(child)
    app.orchestrator(name="other_child")(child)
    return app


def stalled_by(before: Code, after: Code) -> tuple[Simulation, perdure.OrchestrationState]:
    """What is told of one that began with *before* and goes on with *after*."""
    world = simulate(app_of(before))
    world.client.start("work", instance_id="w")
    world.settle()
    deploy(world, app_of(after))
    send_event(world, "w", "go")
    world.settle()
    state = world.client.orchestration("w").status()
    assert state is not None
    return world, state


def deploy(world: Simulation, app: perdure.App) -> None:
    world._app = app
    world.crash()


def waiting(*steps: Callable[[perdure.OrchestrationContext], object]) -> Code:
    async def code(ctx: perdure.OrchestrationContext) -> str:
        for step in steps:
            step(ctx)
        await ctx.wait_for_external_event("go")
        return "done"

    return code


def entity(ctx: perdure.OrchestrationContext, key: str = "a") -> Any:
    return ctx.entity("counter", key)


Step = Callable[[perdure.OrchestrationContext], object]
ACT: Step = lambda c: c.call_activity("act", 1)  # noqa: E731
CHANGES: list[tuple[str, Step, Step]] = [
    ("name", ACT, lambda c: c.call_activity("other", 1)),
    ("kind", ACT, lambda c: c.create_timer(MINUTE)),
    ("child", lambda c: c.call_sub_orchestrator("child"), ACT),
    (
        "child name",
        lambda c: c.call_sub_orchestrator("child"),
        lambda c: c.call_sub_orchestrator("other_child"),
    ),
    ("entity", lambda c: entity(c).call("add", 1), lambda c: entity(c, "b").call("add", 1)),
    ("operation", lambda c: entity(c).call("add", 1), lambda c: entity(c).call("sub", 1)),
    ("one way", lambda c: entity(c).call("add", 1), lambda c: entity(c).signal("add", 1)),
    ("event", lambda c: c.send_event("x", "one"), lambda c: c.send_event("x", "two")),
    ("target", lambda c: c.send_event("x", "one"), lambda c: c.send_event("y", "one")),
    ("lock", lambda c: c.lock_entities(entity(c)), lambda c: c.lock_entities(entity(c, "b"))),
    ("less", ACT, lambda _: None),
    ("more", lambda _: None, ACT),
]


@pytest.mark.parametrize(("before", "after"), [pytest.param(b, a, id=i) for i, b, a in CHANGES])
def test_a_change_of_kind_name_or_target_stalls(before: Step, after: Step) -> None:
    world, state = stalled_by(waiting(before), waiting(after))

    assert (state.runtime_status, state.is_stalled) == ("Running", True)
    assert "does not fit its history" in state.reason
    deploy(world, app_of(waiting(before)))  # what was raised meanwhile has waited
    assert world.client.orchestration("w").result(60) == "done"


def test_the_reason_shows_both_sequences_and_the_line() -> None:
    def other(ctx: perdure.OrchestrationContext) -> None:
        ctx.call_activity("other", 1)

    _, state = stalled_by(waiting(ACT, ACT), waiting(ACT, other))

    assert "decision 2 is 'TaskScheduled act (task 2)' there" in state.reason
    assert "'TaskScheduled other (task 2)' in the code" in state.reason
    assert f"{__file__}:{other.__code__.co_firstlineno + 1}" in state.reason


def test_the_error_holds_both_sequences_side_by_side() -> None:
    error = perdure.NonDeterminismError("w", ["a", "b"], ["a", "c"], "file.py:1")

    assert (error.recorded, error.asked) == (["a", "b"], ["a", "c"])
    assert "decision 2 is 'b' there, and 'c' in the code at file.py:1" in str(error)


def test_inputs_and_times_are_not_compared() -> None:
    before = waiting(ACT, lambda c: c.create_timer(MINUTE))
    after = waiting(lambda c: c.call_activity("act", 2), lambda c: c.create_timer(3 * MINUTE))
    world, state = stalled_by(before, after)

    assert not state.is_stalled
    assert world.client.orchestration("w").result(1) == "done"


def test_nothing_is_committed_while_it_is_stalled() -> None:
    world, _ = stalled_by(waiting(ACT), waiting())
    ref = world.client.orchestration("w")
    before = [event.event_type for event in ref.history()]
    send_event(world, "w", "go")
    world.advance(minutes=5)

    assert [event.event_type for event in ref.history()] == before


@pytest.mark.parametrize(
    ("old", "new"),
    [({"kind": int}, {"kind": list[int]}), ({}, {"returns": list[int]})],
    ids=["input", "result"],
)
def test_what_cannot_be_read_any_more_is_no_divergence(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    async def code(ctx: perdure.OrchestrationContext) -> Any:
        first = await ctx.call_activity("act", 1)
        await ctx.wait_for_external_event("go")
        return first

    world = simulate(app_of(code, **old))
    world.client.start("work", 7, instance_id="w")
    world.settle()
    deploy(world, app_of(code, **new))
    send_event(world, "w", "go")
    world.settle()
    state = world.client.orchestration("w").status()
    assert state is not None
    assert (state.runtime_status, state.is_stalled) == ("Running", True)
    assert "does not fit its history" not in state.reason
    assert "array" in state.reason
    deploy(world, app_of(code, **old))
    assert world.client.orchestration("w").result(1) == 1


def test_a_rewind_whose_code_does_not_fit_is_an_error_of_its_caller() -> None:
    async def failing(ctx: perdure.OrchestrationContext) -> None:
        await ctx.call_activity("act", 1)
        raise ValueError

    async def other(ctx: perdure.OrchestrationContext) -> None:
        await ctx.call_activity("other", 1)

    world = simulate(app_of(failing))
    world.client.start("work", instance_id="w")
    world.settle()
    deploy(world, app_of(other))

    with pytest.raises(perdure.PerdureError, match="does not fit its history"):
        world.client.orchestration("w").rewind()
    state = world.client.orchestration("w").status()
    assert state is not None
    assert (state.runtime_status, state.is_stalled) == ("Failed", False)
