"""The client: starting, waiting, asking, counting and ending orchestrations."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("asked")
HOUR = timedelta(hours=1)


@app.orchestrator
async def waiting(ctx: perdure.OrchestrationContext, number: int) -> int:
    ctx.set_custom_status({"stage": f"number {number}"})
    told: int = await ctx.wait_for_external_event("go", int)
    if told < 0:
        msg = "negative"
        raise ValueError(msg)
    return number + told


@app.orchestrator
def at_once(_: perdure.OrchestrationContext, number: int) -> int:
    return 2 * number


@app.orchestrator
async def staged(ctx: perdure.OrchestrationContext, first: bool) -> None:
    if first:
        ctx.set_custom_status(["first"])
        await ctx.wait_for_external_event("go")
        ctx.continue_as_new(new_input=False)
        return
    await ctx.wait_for_external_event("go")
    ctx.set_custom_status(None)
    await ctx.wait_for_external_event("go")


@app.orchestrator
async def parent(ctx: perdure.OrchestrationContext) -> None:
    await ctx.call_sub_orchestrator(waiting, 1)


@app.orchestrator
async def cancelled_in(ctx: perdure.OrchestrationContext) -> str:
    try:
        await ctx.wait_for_external_event("go")
    except perdure.CancelledError as error:
        return f"compensated: {error.reason}"
    return "went"


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def status(world: Simulation, instance_id: str) -> str:
    state = world.client.orchestration(instance_id).status()
    assert state is not None
    return state.runtime_status


def ids(page: perdure.OrchestrationPage) -> list[str]:
    return [item.instance_id for item in page.items]


# ---- starting and waiting ----------------------------------------------------------------


def test_a_plain_function_completes_at_once(world: Simulation) -> None:
    assert world.client.start(at_once, 21).result(1) == 42


def test_an_empty_id_is_a_random_one(world: Simulation) -> None:
    first = world.client.start(at_once, 1, instance_id="")
    second = world.client.start(at_once, 1)

    assert first.id
    assert first.id != second.id


@pytest.mark.parametrize("instance_id", ["a", "x" * 256, "naïve ✓", "a@b", "a:b"])
def test_an_id_may_be_any_text_within_the_rules(world: Simulation, instance_id: str) -> None:
    world.client.start(at_once, 1, instance_id=instance_id).result(1)

    assert status(world, instance_id) == "Completed"


def test_start_or_get_gives_the_one_that_lives_and_starts_none(world: Simulation) -> None:
    world.client.start(waiting, 1, instance_id="w")
    world.settle()
    ref = world.client.start_or_get(waiting, 100, instance_id="w")
    ref.raise_event("go", 1)

    assert ref.result(1) == 2


def test_start_or_get_replaces_a_finished_one(world: Simulation) -> None:
    world.client.start(at_once, 1, instance_id="w").result(1)

    assert world.client.start_or_get(at_once, 5, instance_id="w").result(1) == 10


def test_signal_with_start_reaches_one_that_is_pending(world: Simulation) -> None:
    world.client.start(waiting, 1, instance_id="w", start_at=HOUR)
    ref = world.client.signal_with_start(waiting, "go", 5, instance_id="w", input=100)
    assert status(world, "w") == "Pending"

    assert ref.result(3600) == 6


def test_a_reference_to_an_orchestrator_that_there_is_none_of_is_refused(
    world: Simulation,
) -> None:
    with pytest.raises(perdure.UnknownOrchestratorError, match="no orchestrator of this app"):
        world.client.orchestration("w", "nonsense")


def test_wait_for_start_waits_while_it_is_pending(world: Simulation) -> None:
    ref = world.client.start(waiting, 1, start_at=HOUR)
    with pytest.raises(perdure.ReplyTimeoutError, match=f"{ref.id}' has not begun within 60"):
        ref.wait_for_start(60)
    ref.wait_for_start(3600)

    assert status(world, ref.id) == "Running"


def test_the_result_of_one_that_has_ended_is_there_at_once(world: Simulation) -> None:
    ref = world.client.start(at_once, 1, instance_id="w")
    ref.result(1)
    world.crash()

    assert world.client.orchestration("w").result(0) == 2
    with pytest.raises(perdure.InstanceNotFoundError):
        world.client.orchestration("nobody").result(1)
    with pytest.raises(perdure.InstanceNotFoundError):
        world.client.orchestration("nobody").wait_for_start(1)


def test_a_result_can_be_awaited() -> None:
    async def wait(client: perdure.Client) -> int:
        result: int = await client.start(at_once, 4)
        return result

    with app.open(":memory:") as client:
        assert asyncio.run(wait(client)) == 8


def test_a_custom_status_is_seen_at_once_and_kept_until_overwritten(world: Simulation) -> None:
    ref = world.client.start(staged, True)

    def told() -> object:
        world.settle()
        state = ref.status()
        assert state is not None
        return state.custom_status

    assert told() == ["first"]
    ref.raise_event("go")
    assert told() == ["first"]
    ref.raise_event("go")
    assert told() is None


# ---- queries -----------------------------------------------------------------------------


@pytest.fixture
def crowd(world: Simulation) -> Simulation:
    """``a0`` to ``a4`` run, started an hour apart; ``b`` has ended; ``p`` has a child."""
    for number in range(5):
        tags = {"even": str(number % 2 == 0), "number": str(number)}
        world.client.start(waiting, number, instance_id=f"a{number}", tags=tags)
        world.advance(HOUR)
    world.client.start(at_once, 1, instance_id="b").result(1)
    world.client.start(parent, instance_id="p")
    world.settle()
    return world


def test_a_query_filters_by_status_prefix_name_tag_parent_and_custom_status(
    crowd: Simulation,
) -> None:
    query = crowd.client.query

    assert ids(query(statuses=["Completed"])) == ["b"]
    assert ids(query(statuses=["Completed", "Failed"])) == ["b"]
    assert ids(query(prefix="a")) == ["a0", "a1", "a2", "a3", "a4"]
    assert ids(query(name="AT_ONCE")) == ["b"]
    assert ids(query(tags={"even": "True"})) == ["a0", "a2", "a4"]
    assert ids(query(tags={"even": "True", "number": "2"})) == ["a2"]
    assert [item.name for item in query(parent="p").items] == ["waiting"]
    assert ids(query(custom_status="number 3")) == ["a3"]
    assert ids(query(statuses=["Failed"])) == []


def test_a_query_filters_by_the_time_of_creation_both_ends_included(
    crowd: Simulation,
) -> None:
    made = {item.instance_id: item.created_at for item in crowd.client.query().items}

    page = crowd.client.query(created_from=made["a1"], created_to=made["a3"])

    assert ids(page) == ["a1", "a2", "a3"]


def test_pages_follow_each_other_by_their_token(crowd: Simulation) -> None:
    found: list[list[str]] = []
    token: str | None = ""
    while token is not None:
        page = crowd.client.query(prefix="a", after=token, limit=2)
        found.append(ids(page))
        token = page.next

    assert found == [["a0", "a1"], ["a2", "a3"], ["a4"]]


def test_inputs_are_read_only_when_they_are_asked_for(crowd: Simulation) -> None:
    without = crowd.client.query(prefix="a4").items[0]
    with_input = crowd.client.query(prefix="a4", fetch_input=True).items[0]

    assert (without.input, with_input.input) == (None, 4)


def test_counts_are_by_status(crowd: Simulation) -> None:
    assert crowd.client.count() == {"Running": 7, "Completed": 1}
    assert crowd.client.count(prefix="a") == {"Running": 5}
    assert crowd.client.count(name="at_once") == {"Completed": 1}


def test_the_status_tells_times_tags_output_and_version(crowd: Simulation) -> None:
    state = crowd.client.orchestration("b").status(fetch_input=True)

    assert state is not None
    assert (state.name, state.input, state.output) == ("at_once", 1, 2)
    assert state.created_at <= state.last_updated_at <= crowd.now
    assert (dict(state.tags), state.version, state.is_finished) == ({}, "", True)


# ---- restart and purge -------------------------------------------------------------------


def test_a_restart_begins_again_with_name_input_and_tags(world: Simulation) -> None:
    ref = world.client.start(waiting, 5, instance_id="w", tags={"a": "b"})
    with pytest.raises(perdure.InstanceAlreadyExistsError):
        ref.restart()
    ref.raise_event("go", 1)
    assert ref.result(1) == 6
    again = ref.restart()
    again.raise_event("go", 2)

    assert (again.id, again.result(1)) == ("w", 7)
    assert again.status().tags == {"a": "b"}  # type: ignore[union-attr]


def test_a_restart_under_a_new_id_leaves_the_old_one(world: Simulation) -> None:
    ref = world.client.start(waiting, 5, instance_id="w")
    world.settle()
    again = ref.restart(new_instance_id="w2")
    again.raise_event("go", 2)

    assert (again.id, again.result(1)) == ("w2", 7)
    assert status(world, "w") == "Running"
    with pytest.raises(perdure.InstanceNotFoundError):
        world.client.orchestration("nobody").restart()


def test_a_purge_by_filter_takes_finished_ones_only_and_counts_them(
    crowd: Simulation,
) -> None:
    middle = crowd.client.orchestration("a2").status().created_at  # type: ignore[union-attr]
    crowd.client.orchestration("a0").terminate()
    crowd.client.orchestration("a1").raise_event("go", -1)
    crowd.settle()

    assert crowd.client.purge_orchestrations(statuses=["Running"]).deleted == 0
    assert (
        crowd.client.purge_orchestrations(created_to=middle, statuses=["Failed"]).deleted == 1
    )
    assert crowd.client.purge_orchestrations(created_from=middle).deleted == 1  # b
    assert crowd.client.purge_orchestrations().deleted == 1  # a0
    assert crowd.client.count() == {"Running": 5}


def test_a_purge_may_have_a_time_and_tells_whether_it_was_enough(world: Simulation) -> None:
    for _ in range(100):
        world.client.start(waiting, 5).terminate()

    assert world.client.purge_orchestrations(timeout=0) == perdure.PurgeResult(0, False)
    assert world.client.purge_orchestrations(timeout=60) == perdure.PurgeResult(100, True)
    assert world.client.purge_orchestrations(timeout=0) == perdure.PurgeResult(0, True)


def test_a_query_may_leave_outputs_out(world: Simulation) -> None:
    world.client.start(waiting, 5).terminate("enough")

    assert [one.output for one in world.client.query().items] == ["enough"]
    assert [one.output for one in world.client.query(fetch_output=False).items] == [None]


def test_the_history_can_be_read_while_it_runs_and_after(world: Simulation) -> None:
    ref = world.client.start(waiting, 5, instance_id="w")
    world.settle()
    running = [type(event).__name__ for event in ref.history()]
    ref.raise_event("go", 2)
    ref.result(1)
    world.crash()
    after = list(world.client.orchestration("w").history())

    assert running == ["ExecutionStarted"]
    assert [event.event_type for event in after] == [
        "ExecutionStarted",
        "EventRaised",
        "ExecutionCompleted",
    ]
    assert all(event.time for event in after)
    with pytest.raises(perdure.InstanceNotFoundError):
        world.client.orchestration("nobody").history()


# ---- suspend, resume, terminate, cancel --------------------------------------------------


def test_a_suspended_one_keeps_its_reason_and_everything_that_comes(world: Simulation) -> None:
    ref = world.client.start(waiting, 5, instance_id="w")
    world.settle()
    ref.suspend("lunch")
    ref.suspend("other")
    ref.raise_event("go", 1)
    world.crash()
    ref = world.client.orchestration("w")
    state = ref.status()
    assert state is not None
    assert (state.runtime_status, state.reason) == ("Suspended", "lunch")
    ref.resume("back")

    assert ref.result(1) == 6


def test_one_that_runs_is_not_changed_by_resuming_it(world: Simulation) -> None:
    ref = world.client.start(waiting, 5)
    world.settle()
    ref.resume()

    assert [event.event_type for event in ref.history()] == ["ExecutionStarted"]


def test_a_suspended_one_can_be_terminated(world: Simulation) -> None:
    ref = world.client.start(waiting, 5)
    world.settle()
    ref.suspend()
    ref.terminate({"why": "enough"})

    state = ref.status()
    assert state is not None
    assert (state.runtime_status, state.output) == ("Terminated", {"why": "enough"})


def test_a_suspended_one_is_cancelled_once_it_is_resumed(world: Simulation) -> None:
    ref = world.client.start(cancelled_in)
    world.settle()
    ref.suspend()
    ref.cancel("enough")
    world.settle()
    assert status(world, ref.id) == "Suspended"
    ref.resume()

    assert ref.result(1) == "compensated: enough"


def test_one_that_has_not_begun_cannot_be_suspended(world: Simulation) -> None:
    ref = world.client.start(waiting, 5, start_at=HOUR)

    with pytest.raises(perdure.WrongStatusError, match="Pending"):
        ref.suspend()


@pytest.mark.parametrize(("end", "left"), [("terminate", "Terminated"), ("cancel", "Canceled")])
def test_one_that_has_not_begun_is_ended_and_never_begins(
    world: Simulation, end: str, left: str
) -> None:
    ref = world.client.start(waiting, 5, start_at=HOUR)
    getattr(ref, end)()
    world.advance(2 * HOUR)

    assert status(world, ref.id) == left
    assert world.client.node.store.waiting() == 0


@pytest.mark.parametrize("end", ["terminate", "cancel"])
def test_one_that_never_began_keeps_its_input(world: Simulation, end: str) -> None:
    ref = world.client.start(waiting, 5, start_at=HOUR)
    getattr(ref, end)()

    ended = ref.status(fetch_input=True)
    assert ended is not None
    assert ended.input == 5
    again = ref.restart()
    again.raise_event("go", 1)
    assert again.result(1) == 6


def test_terminating_again_is_no_error_and_changes_nothing(world: Simulation) -> None:
    ref = world.client.start(waiting, 5)
    ref.terminate("first")
    ref.terminate("second")

    assert ref.status().output == "first"  # type: ignore[union-attr]
    with pytest.raises(perdure.OrchestrationFailedError, match="Terminated"):
        ref.result(1)


@pytest.mark.parametrize("ask", ["terminate", "cancel", "suspend", "resume"])
def test_nothing_reaches_a_completed_one(world: Simulation, ask: str) -> None:
    ref = world.client.start(at_once, 1)
    ref.result(1)

    with pytest.raises(perdure.InstanceFinishedError):
        getattr(ref, ask)()
    with pytest.raises(perdure.InstanceNotFoundError):
        getattr(world.client.orchestration("nobody"), ask)()


def test_a_cancelled_one_may_end_with_a_result(world: Simulation) -> None:
    ref = world.client.start(cancelled_in)
    world.settle()
    ref.cancel("no need")

    assert ref.result(1) == "compensated: no need"
