"""Steps shared by the tests of entity instances: handle a message, look at what came of it."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.actors.behavior import Instance, Outcome
from perdure.actors.definition import define_entity
from perdure.actors.entity import Entity
from perdure.actors.entity_behavior import EntityBehavior
from perdure.actors.messages import Message

NOW = 1_700_000_000_000_000


def activate(cls: type[Entity], state: bytes | None = None) -> Instance:
    return EntityBehavior(define_entity(cls)).activate("@it@a", 0, state)


def handle(instance: Instance, operation: str, value: Any = None, **message: Any) -> Outcome:
    form = "" if value is None else "object" if isinstance(value, dict) else "value"
    data = msgspec.json.encode(value) if form else b""
    step = instance.prepare(
        Message(target="@it@a", operation=operation, input=data, form=form, **message), NOW
    )
    try:
        result = step.run()
    except Exception as error:
        return instance.fail(step, error)
    return instance.finish(step, result)


def events(outcome: Outcome) -> list[dict[str, Any]]:
    return [msgspec.json.decode(data) for data in outcome.events]


def message_of(outcome: Outcome) -> str:
    assert outcome.failure is not None
    assert outcome.events == ()
    assert outcome.effects == ()
    return f"{outcome.failure.error_type}: {outcome.failure.message}"


def state_of(instance: Instance) -> Any:
    data = instance.state()
    return None if data is None else msgspec.json.decode(data)
