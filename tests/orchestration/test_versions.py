"""Versions: several of one orchestrator side by side, which ones an app runs, and patches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate
from tests.orchestration.asking import send_event


async def first(ctx: perdure.OrchestrationContext) -> str:
    return f"first as {ctx.version}, {await ctx.wait_for_external_event('go')}"


async def second(ctx: perdure.OrchestrationContext) -> str:
    return f"second as {ctx.version}, {await ctx.wait_for_external_event('go')}"


def app_of(
    version: str, *, match: str = "none", mismatch: str = "leave_pending"
) -> perdure.App:
    """Both versions of ``work`` side by side, run as *match* says."""
    app = perdure.App(
        "versions", version=version, version_match=match, version_mismatch=mismatch
    )
    app.orchestrator(name="work", version="1.9")(first)
    app.orchestrator(name="work", version="1.10")(second)

    @app.orchestrator(name="parent")
    async def parent(ctx: perdure.OrchestrationContext, version: str) -> str:
        child = ctx.call_sub_orchestrator("work", version=version, instance_id="child")
        result: str = await child
        return result

    return app


def deploy(world: Simulation, app: perdure.App) -> None:
    """End the process and open the store with other code."""
    world.settle()
    world._app = app
    world.crash()
    world.settle()


def end_of(world: Simulation, instance_id: str) -> str:
    ref = world.client.orchestration(instance_id)
    ref.raise_event("go", "went")
    result: str = ref.result(1)
    return result


def status_of(world: Simulation, instance_id: str) -> perdure.OrchestrationState:
    state = world.client.orchestration(instance_id).status()
    assert state is not None
    return state


def test_versions_of_one_name_run_side_by_side() -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="old", version="1.9")
    world.client.start("work", instance_id="new", version="1.10")

    assert end_of(world, "old") == "first as 1.9, went"
    assert end_of(world, "new") == "second as 1.10, went"


def test_without_a_version_the_latest_is_started() -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="w")

    assert end_of(world, "w") == "second as 1.10, went"


def test_the_version_of_the_app_is_stamped_on_what_it_starts() -> None:
    world = simulate(app_of("1.9"))
    world.client.start("work", instance_id="w")

    assert status_of(world, "w").version == "1.9"
    assert end_of(world, "w") == "first as 1.9, went"


def test_a_version_given_at_the_start_goes_before_that_of_the_app() -> None:
    world = simulate(app_of("1.9"))
    world.client.start("work", instance_id="w", version="1.10")

    assert end_of(world, "w") == "second as 1.10, went"


def test_a_child_is_started_in_the_version_that_its_parent_names() -> None:
    world = simulate(app_of(""))
    ref = world.client.start("parent", "1.9")
    world.settle()
    end_of(world, "child")

    assert ref.result(1) == "first as 1.9, went"


def test_an_unknown_version_is_refused_before_anything_is_stored() -> None:
    world = simulate(app_of(""))

    with pytest.raises(perdure.UnknownOrchestratorError, match=r"'3'.*1\.10, 1\.9"):
        world.client.start("work", version="3")
    assert world.client.query().items == []


@pytest.mark.parametrize(
    ("match", "version", "runs"),
    [
        ("none", "1.9", True),
        ("none", "1.10", True),
        ("strict", "1.9", True),
        ("strict", "1.10", False),
        ("current_or_older", "1.9", True),
        ("current_or_older", "1.10", False),
    ],
)
def test_an_app_runs_the_versions_that_match_its_own(
    match: str, version: str, runs: bool
) -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="w", version=version)
    deploy(world, app_of("1.9", match=match))
    with pytest.raises(perdure.ReplyTimeoutError):
        world.client.orchestration("w").result(0)
    if runs:
        assert end_of(world, "w").endswith("went")
    else:
        with pytest.raises(perdure.UnknownOrchestratorError, match="does not match"):
            world.client.start("work", version=version)


def test_one_that_does_not_match_is_left_until_an_app_comes_that_does() -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="w", version="1.10")
    deploy(world, app_of("1.9", match="strict"))
    world.client.orchestration("w").raise_event("go", "went")  # it waits in the store

    with pytest.raises(perdure.WrongStatusError, match="stalled, and can only be terminated"):
        world.client.orchestration("w").suspend()
    state = status_of(world, "w")
    assert (state.runtime_status, state.is_stalled) == ("Running", True)
    assert "'1.10' does not match" in state.reason
    deploy(world, app_of("1.10", match="strict"))
    assert world.client.orchestration("w").result(1) == "second as 1.10, went"
    state = status_of(world, "w")
    assert (state.is_stalled, state.reason) == (False, "")


def test_a_timer_that_fires_while_none_matches_is_not_lost() -> None:
    def sleeper(version: str) -> perdure.App:
        app = perdure.App("sleeping", version=version, version_match="strict")

        @app.orchestrator(version="1")
        async def sleep(ctx: perdure.OrchestrationContext) -> str:
            await ctx.create_timer(timedelta(minutes=1))
            return "awake"

        return app

    world = simulate(sleeper("1"))
    world.client.start("sleep", instance_id="s")
    deploy(world, sleeper("2"))
    world.advance(minutes=2)
    assert status_of(world, "s").is_stalled
    deploy(world, sleeper("1"))

    assert world.client.orchestration("s").result(1) == "awake"


def test_a_scheduled_start_that_does_not_match_stays_pending() -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="w", version="1.10", start_at=timedelta(minutes=1))
    deploy(world, app_of("1.9", match="strict"))
    world.advance(minutes=2)
    state = status_of(world, "w")
    assert (state.runtime_status, state.is_stalled) == ("Pending", True)
    deploy(world, app_of("1.10", match="strict"))

    assert end_of(world, "w") == "second as 1.10, went"


def test_one_that_does_not_match_fails_where_the_app_says_so() -> None:
    world = simulate(app_of(""))
    world.client.start("parent", "1.10", instance_id="parent")
    deploy(world, app_of("1.9", match="current_or_older", mismatch="fail"))
    send_event(world, "child", "go", "went")
    world.settle()

    state = status_of(world, "child")
    assert state.runtime_status == "Failed"
    assert state.failure_details is not None
    assert state.failure_details.is_caused_by(perdure.UnknownOrchestratorError)
    parent = world.client.orchestration("parent")
    with pytest.raises(perdure.OrchestrationFailedError, match="does not match"):
        parent.result(1)


def test_one_that_is_left_can_be_terminated() -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="w", version="1.10")
    deploy(world, app_of("1.9", match="strict"))
    world.client.orchestration("w").terminate("gone")

    assert status_of(world, "w").runtime_status == "Terminated"


def test_one_whose_orchestrator_is_gone_is_left_until_it_is_back() -> None:
    world = simulate(app_of(""))
    world.client.start("work", instance_id="w")
    deploy(world, perdure.App("empty"))
    world.client.orchestration("w").raise_event("go", "went")
    assert "'work' is no orchestrator of this app" in status_of(world, "w").reason
    deploy(world, app_of(""))

    assert world.client.orchestration("w").result(1) == "second as 1.10, went"


@pytest.mark.parametrize("options", [{"version_match": "any"}, {"version_mismatch": "crash"}])
def test_a_strategy_that_is_none_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(perdure.DefinitionError, match="use one of"):
        perdure.App("wrong", **options)


def test_a_version_is_registered_once() -> None:
    app = app_of("")

    with pytest.raises(perdure.DefinitionError, match=r"version '1\.9'.*already"):
        app.orchestrator(name="WORK", version="1.9")(first)


# ---- patches -----------------------------------------------------------------------------


def patching(*, is_new: bool) -> perdure.App:
    app = perdure.App("patching")

    @app.activity
    def act(name: str) -> str:
        return name

    async def old(ctx: perdure.OrchestrationContext) -> list[str]:
        done = [await ctx.call_activity(act, "old")]
        await ctx.wait_for_external_event("go")
        return [*done, await ctx.call_activity(act, "end")]

    async def new(ctx: perdure.OrchestrationContext) -> list[str]:
        done: list[str] = []
        if ctx.patched("checks"):
            done.append(await ctx.call_activity(act, "check"))
        done.append(await ctx.call_activity(act, "old"))
        await ctx.wait_for_external_event("go")
        if ctx.patched("checks"):
            done.append(await ctx.call_activity(act, "check again"))
        return [*done, await ctx.call_activity(act, "end")]

    changing: Callable[..., object] = new if is_new else old
    app.orchestrator(name="changing")(changing)
    return app


def test_a_patch_is_taken_by_new_ones_and_left_by_those_that_had_passed_it() -> None:
    world = simulate(patching(is_new=False))
    world.client.start("changing", instance_id="old")
    deploy(world, patching(is_new=True))
    world.client.start("changing", instance_id="new")
    world.settle()
    world.crash()
    for name in ("old", "new"):
        world.client.orchestration(name).raise_event("go")

    assert world.client.orchestration("old").result(1) == ["old", "end"]
    expected = ["check", "old", "check again", "end"]
    assert world.client.orchestration("new").result(1) == expected
