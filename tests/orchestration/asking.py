"""What clients ask of orchestrations without waiting for the answer."""

from __future__ import annotations

from typing import Any

import msgspec

import perdure
from perdure.actors.messages import Message
from perdure.orchestration import requests
from perdure.orchestration.history import EventRaised
from perdure.orchestration.simulation import Simulation


def send_event(
    world: Simulation, instance_id: str, name: str, data: Any = None
) -> perdure.Reply[None]:
    """Raise an event without waiting for its acceptance."""
    event = EventRaised(name=name, data=msgspec.Raw(msgspec.json.encode(data)))
    message = Message(
        target=instance_id,
        operation=requests.RAISE_EVENT,
        input=requests.encode(event),
        form="value",
        request_id=world.client.new_id(),
    )
    return world.client.send_call(message, lambda _: None)
