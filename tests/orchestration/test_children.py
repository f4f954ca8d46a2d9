"""Children: orchestrations that an orchestration starts and waits for."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("children")
MINUTE = timedelta(minutes=1)
tries: list[str] = []


@app.orchestrator
async def child(ctx: perdure.OrchestrationContext, name: str) -> str:
    told: str = await ctx.wait_for_external_event("go", timeout=MINUTE)
    if told == "fail":
        raise ValueError(name)
    return f"{name} of {ctx.parent_instance_id}, {dict(ctx.tags)}: {told}"


@app.orchestrator
async def unsteady(ctx: perdure.OrchestrationContext) -> str:
    tries.append(ctx.instance_id)
    if len(tries) < 3:
        msg = "not yet"
        raise ValueError(msg)
    return "at last"


@app.orchestrator
async def parent(ctx: perdure.OrchestrationContext, name: str) -> str:
    return await ctx.call_sub_orchestrator(child, name, instance_id="c", tags={"a": "b"})


@app.orchestrator
async def twice(ctx: perdure.OrchestrationContext, rounds: int) -> str:
    task = ctx.call_sub_orchestrator(child, str(rounds))
    await ctx.wait_for_external_event("next")
    if rounds:
        ctx.continue_as_new(rounds - 1)
        return ""
    return await task


@app.orchestrator
async def retrying(ctx: perdure.OrchestrationContext) -> str:
    policy = perdure.RetryPolicy(first_retry_interval=MINUTE, max_number_of_attempts=3)
    return await ctx.call_sub_orchestrator(unsteady, retry_policy=policy)


@app.orchestrator
async def careful(ctx: perdure.OrchestrationContext) -> str:
    try:
        return await ctx.call_sub_orchestrator(child, "x", instance_id="c")
    except perdure.TaskFailedError as error:
        return error.details.error_type


@pytest.fixture
def world() -> Simulation:
    tries.clear()
    return simulate(app)


def status(world: Simulation, instance_id: str) -> str:
    state = world.client.orchestration(instance_id).status()
    assert state is not None
    return state.runtime_status


def test_a_child_has_its_own_id_tags_and_parent(world: Simulation) -> None:
    ref = world.client.start(parent, "me", instance_id="p")
    world.settle()
    world.client.orchestration("c").raise_event("go", "hello")

    assert ref.result(1) == "me of p, {'a': 'b'}: hello"
    state = world.client.orchestration("c").status()
    assert state is not None
    assert (state.parent_instance_id, dict(state.tags)) == ("p", {"a": "b"})


def test_the_default_id_is_of_the_generation_and_the_task(world: Simulation) -> None:
    world.client.start(twice, 1, instance_id="t")
    world.settle()
    first = world.client.query(parent="t").items[0]
    generation = world.client.orchestration("t").status().generation  # type: ignore[union-attr]

    assert first.instance_id == f"{generation}:0001"
    assert re.fullmatch(r"[0-9a-f]+:[0-9a-f]{4}", first.instance_id)


def test_a_child_of_an_old_generation_reaches_the_new_one_no_more(world: Simulation) -> None:
    ref = world.client.start(twice, 1, instance_id="t")
    world.settle()
    old = world.client.query(parent="t").items[0].instance_id
    ref.raise_event("next")
    world.settle()
    (new,) = {i.instance_id for i in world.client.query(parent="t").items} - {old}
    assert new != old
    ref.raise_event("next")
    world.client.orchestration(old).raise_event("go", "old")
    world.settle()
    with pytest.raises(perdure.ReplyTimeoutError):
        ref.result(0)
    world.client.orchestration(new).raise_event("go", "new")

    assert ref.result(1) == "0 of t, {}: new"


def test_a_chosen_id_that_lives_fails_the_child(world: Simulation) -> None:
    world.client.start(child, "other", instance_id="c")

    failure = world.client.start(careful).result(1)

    assert failure == "perdure.errors.InstanceAlreadyExistsError"
    assert status(world, "c") == "Running"


def test_a_chosen_id_that_is_finished_is_replaced(world: Simulation) -> None:
    world.client.start(child, "other", instance_id="c").terminate()
    ref = world.client.start(parent, "new", instance_id="p")
    world.settle()
    world.client.orchestration("c").raise_event("go", "hello")

    assert ref.result(1).startswith("new of p")


def test_a_child_is_tried_again_under_new_ids(world: Simulation) -> None:
    ref = world.client.start(retrying)

    assert ref.result(120) == "at last"
    assert len(set(tries)) == 3


def test_a_failed_child_fails_its_parent_with_details(world: Simulation) -> None:
    ref = world.client.start(parent, "me")
    world.settle()
    world.client.orchestration("c").raise_event("go", "fail")

    with pytest.raises(perdure.OrchestrationFailedError) as error:
        ref.result(1)
    assert error.value.details is not None
    assert error.value.details.is_caused_by(ValueError)


@pytest.mark.parametrize("end", ["terminate", "cancel"])
def test_a_child_that_was_ended_fails_its_parents_task(world: Simulation, end: str) -> None:
    ref = world.client.start(careful)
    world.settle()
    getattr(world.client.orchestration("c"), end)("enough")

    assert ref.result(1) in (
        "perdure.errors.OrchestrationFailedError",
        "perdure.errors.CancelledError",
    )


@pytest.mark.parametrize(("recursive", "left"), [(True, "Terminated"), (False, "Running")])
def test_terminating_a_parent_ends_its_children_unless_told_not_to(
    world: Simulation, recursive: bool, left: str
) -> None:
    ref = world.client.start(parent, "me")
    world.settle()
    ref.terminate(recursive=recursive)
    world.settle()

    assert status(world, "c") == left


def test_cancelling_a_parent_cancels_its_children(world: Simulation) -> None:
    ref = world.client.start(parent, "me")
    world.settle()
    ref.cancel("enough")
    world.settle()

    assert (status(world, ref.id), status(world, "c")) == ("Canceled", "Canceled")
