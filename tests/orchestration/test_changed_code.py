"""Orchestrations whose code was changed while they were on their way."""

from __future__ import annotations

import msgspec
import pytest

import perdure
from perdure.actors.messages import Message
from perdure.orchestration import requests
from perdure.orchestration.history import EventRaised
from perdure.orchestration.simulation import Simulation, simulate


def double(number: int) -> int:
    return 2 * number


def send_event(world: Simulation, instance_id: str, data: int) -> perdure.Reply[None]:
    """Raise an event without waiting for its acceptance."""
    event = EventRaised(name="go", data=msgspec.Raw(str(data).encode()))
    message = Message(
        target=instance_id,
        operation=requests.RAISE_EVENT,
        input=requests.encode(event),
        form="value",
        request_id=world.client.new_id(),
    )
    return world.client.send_call(message, lambda _: None)


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
        with pytest.raises(perdure.ReplyTimeoutError):
            send_event(world, "w", 1).get(1)
        state = world.client.orchestration("w").status()
        assert state is not None
        assert state.is_stalled
        assert "double" in state.reason
        assert "treble" in state.reason
        assert world.client.orchestration("w").status().runtime_status == "Running"  # type: ignore[union-attr]

        world._app = app_with("double")  # pyright: ignore[reportPrivateUsage]
        world.crash()
        world.client.orchestration("w").raise_event("go", 40)

        assert world.client.orchestration("w").result(1) == 42
