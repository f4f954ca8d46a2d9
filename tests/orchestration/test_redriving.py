"""Calls that were set aside: those of a critical section that is over cannot be sent again."""

from __future__ import annotations

import pytest

import perdure
from perdure.actors.messages import Message
from perdure.orchestration.effects import task_request
from perdure.orchestration.history import EntityOperationCalled
from perdure.orchestration.reading import require_state
from perdure.orchestration.redriving import check_redrive
from perdure.orchestration.simulation import Simulation
from perdure.testing import simulate

app = perdure.App("redriving")
PURSE = "@purse@a"


@app.entity
class Purse(perdure.Entity):
    value: int = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value


@app.orchestrator
async def paying(ctx: perdure.OrchestrationContext, amount: int) -> int:
    """A call before a section, one inside, and one while it waits inside another."""
    purse = ctx.entity(Purse, "a")
    await purse.call(Purse.add, amount)
    async with ctx.transaction(purse):
        await purse.call(Purse.add, amount)
    async with ctx.lock_entities(purse):
        await purse.call(Purse.add, amount)
        await ctx.wait_for_external_event("go")
    return amount


def calls(world: Simulation) -> list[Message]:
    """The calls of the orchestration, as they would be if they were set aside."""
    paid = world.client.start(paying, 7, instance_id="paid")
    world.settle()
    state = require_state(world.client.node.store, "paid")
    return [
        Message(
            target=PURSE,
            operation="add",
            caller="paid",
            answered=True,
            request_id=task_request(state.generation, event.id),
        )
        for event in paid.history()
        if isinstance(event, EntityOperationCalled)
    ]


def test_a_call_of_a_section_that_is_over_is_refused_and_others_are_not() -> None:
    with simulate(app) as world:
        outside, undone, inside = calls(world)
        store = world.client.node.store

        check_redrive(store, outside)
        check_redrive(store, inside)
        with pytest.raises(perdure.WrongStatusError, match="in a critical section, which is"):
            check_redrive(store, undone)

        world.client.orchestration("paid").raise_event("go")
        world.settle()
        check_redrive(store, outside)
        with pytest.raises(perdure.WrongStatusError, match="by 'paid' in a critical section"):
            check_redrive(store, inside)


def test_a_call_whose_history_is_gone_is_refused() -> None:
    with simulate(app) as world:
        outside, *_ = calls(world)
        paid = world.client.orchestration("paid")
        paid.raise_event("go")
        paid.result(10)
        paid.purge()

        with pytest.raises(perdure.WrongStatusError, match="whose history is gone"):
            check_redrive(world.client.node.store, outside)


def test_what_clients_and_entities_sent_is_never_refused() -> None:
    with simulate(app) as world:
        for caller in ("", "@purse@b"):
            message = Message(target=PURSE, operation="add", caller=caller, answered=True)
            check_redrive(world.client.node.store, message)
