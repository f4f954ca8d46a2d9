"""Entities of every style that keep coins, and steps to lock them, for the tests of locks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from perdure.actors import locks
from perdure.actors.behavior import Instance, Outcome
from perdure.actors.definition import define_entity
from perdure.actors.entity import Entity, applies, event, readonly
from perdure.actors.entity_behavior import EntityBehavior
from perdure.actors.function_entity import FunctionContext
from perdure.actors.locks import shown_state
from perdure.actors.messages import Message
from tests.actors.steps import NOW, handle

HOLDER = "order-1"


class Purse(Entity):
    """Keeps coins."""

    coins: int = 0

    def put(self, coins: int) -> int:
        self.coins += coins
        return self.coins

    def put_and_fail(self, coins: int) -> None:
        self.coins += coins
        self.context.entity(Purse, "b").signal(Purse.put, coins)
        msg = "planned"
        raise ValueError(msg)

    def give(self, coins: int, hours: int = 0) -> None:
        self.coins -= coins
        at = timedelta(hours=hours) if hours else None
        self.context.entity(Purse, "b").options(at=at).signal(Purse.put, coins)

    @readonly
    def count(self) -> int:
        return self.coins


@event
class Put:
    coins: int


class Safe(Entity):
    """Keeps coins and records each."""

    coins: int = 0

    def put(self, coins: int) -> int:
        self.record(Put(coins))
        return self.coins

    @applies
    def when_put(self, put: Put) -> None:
        self.coins += put.coins


def purse(ctx: FunctionContext) -> None:
    """Keep coins, as a function."""
    coins: int = ctx.get_state(int)
    match ctx.operation_name:
        case "put":
            ctx.set_state(coins + ctx.get_input(int))
            ctx.set_result(coins + ctx.get_input(int))
        case "delete":
            ctx.set_state(None)
        case _:
            ctx.set_result(coins)


STYLES = pytest.mark.parametrize("style", [Purse, Safe, purse])


def active(style: Any, stored: bytes | None = None) -> Instance:
    return EntityBehavior(define_entity(style)).activate("@it@a", 0, stored)


def again(style: Any, instance: Instance) -> Instance:
    """The same entity, passivated and activated."""
    return active(style, instance.state())


def own(instance: Instance, operation: str, request: Any, caller: str = HOLDER) -> Outcome:
    data = msgspec.json.encode(request)
    message = Message(target="@it@a", operation=operation, input=data, caller=caller)
    return instance.finish(instance.prepare(message, NOW), None)


def lock(instance: Instance, section: str = "s", *, transaction: bool = False) -> Outcome:
    return own(instance, "$lock", locks.LockRequest(section, transaction))


def release(instance: Instance, section: str = "s", *, undo: bool = False) -> Outcome:
    return own(instance, "$unlock", locks.Release(section, undo))


def put(instance: Instance, coins: int) -> Any:
    return msgspec.json.decode(handle(instance, "put", coins).result)


def coins_of(stored: bytes | None) -> int | None:
    shown = shown_state(stored)
    if shown is None:
        return None
    state = msgspec.json.decode(shown, type=dict[str, int] | int)
    return state if isinstance(state, int) else state["coins"]


def admits(instance: Instance, caller: str) -> bool:
    message = Message(target="@it@a", operation="put", caller=caller)
    return instance.gate is None or instance.gate(message)
