"""A scenario that is wrong: it shows how failures are told."""

from __future__ import annotations

from perdure.orchestration.client import EmbeddedClient
from perdure.testing import World, scenario
from tests.simulation.ledger import Ledger, app


def note(client: EmbeddedClient) -> None:
    """Keep a note."""
    client.entity(Ledger, "a").call(Ledger.note, "me", 1)


@scenario(app)
def forgetful(world: World) -> None:
    """Believes that a client which gives up has always had its way."""
    for _ in world.trouble():
        if world.under_way < 2:
            world.ask(note, repeats=False)
    world.calm()
    snapshot = world.client.entity(Ledger, "a").get()
    kept = 0 if snapshot is None else len(snapshot.state.notes)
    assert kept == len(world.asks), f"{kept} of {len(world.asks)}"
