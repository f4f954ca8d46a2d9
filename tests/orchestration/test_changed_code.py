"""Orchestrations whose code was changed while they were on their way."""

from __future__ import annotations

import pytest

import perdure
from perdure.orchestration.simulation import simulate


def double(number: int) -> int:
    return 2 * number


def test_code_that_does_something_else_is_stalled_and_goes_on_once_mended() -> None:
    def app_with(activity: str) -> perdure.App:
        changed = perdure.App("changing")
        changed.activity(double)
        changed.activity(name="treble")(double)

        @changed.orchestrator
        async def work(ctx: perdure.OrchestrationContext) -> int:
            first: int = await ctx.call_activity(activity, 1)
            return first + await ctx.wait_for_external_event("go", int)

        return changed

    with simulate(app_with("double")) as world:
        world.client.start("work", instance_id="w")
        world.settle()
        world._app = app_with("treble")  # pyright: ignore[reportPrivateUsage]
        world.crash()
        world.client.orchestration("w").raise_event("go", 40)
        world.client.signal_with_start("work", "go", 1, instance_id="w")
        state = world.client.orchestration("w").status()
        assert state is not None
        assert state.is_stalled
        assert "double" in state.reason
        assert "treble" in state.reason
        assert world.client.orchestration("w").status().runtime_status == "Running"  # type: ignore[union-attr]

        world._app = app_with("double")  # pyright: ignore[reportPrivateUsage]
        world.crash()  # what was raised meanwhile waits in the store, and wakes it

        assert world.client.orchestration("w").result(1) == 42


def test_the_log_names_the_orchestration_whose_code_is_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = perdure.App("changing")

    @before.orchestrator
    async def work(ctx: perdure.OrchestrationContext) -> int:
        return await ctx.wait_for_external_event("go", int)

    with simulate(before) as world:
        world.client.start(work, instance_id="w").wait_for_start(1)
        world._app = perdure.App("changed")  # pyright: ignore[reportPrivateUsage]
        world.crash()
        world.client.orchestration("w").raise_event("go", 40)
        world.settle()

    assert "orchestration 'w' is stalled: 'work' is no orchestrator" in caplog.text
