from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perdure.actors.behavior import Instance, Outcome
from perdure.actors.definition import define_entity
from perdure.actors.entity_behavior import EntityBehavior
from perdure.actors.function_entity import FunctionContext
from perdure.actors.messages import Message

NOW = 1_700_000_000_000_000


def counter(ctx: FunctionContext) -> Any:
    state = ctx.get_state(lambda: 0)
    match ctx.operation_name:
        case "add":
            ctx.set_state(state + ctx.get_input(int))
            ctx.set_result(state)
        case "who":
            return [str(ctx.id), ctx.caller, ctx.request_id, ctx.now.timestamp()]
        case "reset":
            ctx.set_state(None)
        case "tell":
            ctx.entity("counter", "b").signal("add", 1)
        case "fail":
            ctx.set_state(99)
            raise ValueError
        case "bad":
            ctx.set_state(float("nan"))
        case "bad_result":
            ctx.set_state(99)
            ctx.set_result(object())
        case _:
            return ctx.get_input()


def activate(state: bytes | None = None) -> Instance:
    return EntityBehavior(define_entity(counter)).activate("@counter@a", 0, state)


def handle(instance: Instance, operation: str, data: bytes = b"", form: str = "") -> Outcome:
    message = Message(target="@counter@a", operation=operation, input=data, form=form)
    step = instance.prepare(message, NOW)
    try:
        return instance.finish(step, step.run())
    except Exception as error:
        return instance.fail(step, error)


def test_the_state_that_is_set_is_kept_and_the_result_answered() -> None:
    entity = activate(b"2")

    outcome = handle(entity, "add", b"3", "value")

    assert outcome.result == b"2"
    assert entity.state() == b"5"
    assert [msgspec.json.decode(data) for data in outcome.events] == [
        {"event": "changed", "operation": "add", "time": NOW, "changes": 5, "whole": True}
    ]


def test_what_the_function_returns_is_the_result_when_none_is_set() -> None:
    assert handle(activate(), "who").result == b'["@counter@a",null,"",1700000000.0]'
    assert handle(activate(), "echo", b'{"a":1}', "object").result == b'{"a":1}'
    assert handle(activate(), "echo").result == b"null"


def test_no_state_is_no_entity() -> None:
    entity = activate(b"2")

    outcome = handle(entity, "reset")

    assert [msgspec.json.decode(data)["event"] for data in outcome.events] == ["deleted"]
    assert entity.state() is None
    assert handle(entity, "reset").events == ()


def test_signals_are_effects() -> None:
    (effect,) = handle(activate(), "tell").effects

    assert (effect.target, effect.operation, effect.input) == ("@counter@b", "add", b"1")


@pytest.mark.parametrize("operation", ["fail", "bad", "bad_result", "add"])
def test_a_failure_leaves_the_state_as_it_was(operation: str) -> None:
    entity = activate(b"2")

    outcome = handle(entity, operation, b'"x"', "value")

    assert outcome.failure is not None
    assert outcome.events == ()
    assert entity.state() == b"2"
