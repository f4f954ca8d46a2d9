"""A stand-in for orchestrations: an actor that locks entities and works through a plan.

It sends the plan's messages one by one, each when the one before was answered, and keeps the
answers in its state.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.actors.app import EntityApp
from perdure.actors.behavior import Behavior, Outcome, Step, Surroundings
from perdure.actors.client import EntityClient
from perdure.actors.definition import EntityDefinition
from perdure.actors.directory import Directory
from perdure.actors.entity import Entity
from perdure.actors.ids import INSTANCES
from perdure.actors.locks import LockRequest, Release
from perdure.actors.messages import Message
from perdure.errors import OutcomeUnknownError, StoreUnavailableError

Asked = tuple[str, str, Any]
"""Whom, what operation, its input."""


class Plan(msgspec.Struct):
    """What a holder has still to do, and what came of the rest."""

    todo: list[Asked] = []
    waiting: bool = False
    answers: list[Any] = []


class Holder:
    """One holder."""

    gate = None

    def __init__(self, address: str, stored: bytes | None) -> None:
        self.address = address
        self.plan = Plan() if stored is None else msgspec.json.decode(stored, type=Plan)

    def prepare(self, message: Message, now_micros: int) -> Step:
        return Step(lambda: None, scope=message)

    def finish(self, step: Step, result: Any) -> Outcome:
        message: Message = step.scope
        plan = self.plan
        value = msgspec.json.decode(message.input)
        if message.operation == "run":
            plan.todo += value
        else:
            plan.waiting = False
            plan.answers.append(value.get("result", value.get("failure")))
        effects: list[Message] = []
        while plan.todo and not plan.waiting:
            target, operation, value = plan.todo.pop(0)
            plan.waiting = operation != "$unlock"
            effects.append(
                Message(
                    target=target,
                    operation=operation,
                    input=msgspec.json.encode(value),
                    form="" if value is None else "value",
                    caller=self.address,
                    answered=plan.waiting,
                    request_id=f"{self.address}-{len(plan.answers)}",
                )
            )
        return Outcome(effects=tuple(effects), touched=True)

    def fail(self, step: Step, error: BaseException) -> Outcome:
        raise AssertionError from error

    def state(self) -> bytes:
        return msgspec.json.encode(self.plan)

    def close(self) -> None:
        pass


class HolderBehavior:
    """Any address that is no entity's is a holder's."""

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings
    ) -> Holder:
        return Holder(target, state)


class AppWithHolders(EntityApp):
    """An app whose entities can be locked by :class:`Holder`."""

    def behaviors(
        self, opened: dict[str, EntityDefinition], directory: Directory
    ) -> dict[str, Behavior]:
        return {**super().behaviors(opened, directory), INSTANCES: HolderBehavior()}


app = AppWithHolders("holding")


@app.entity
class Purse(Entity):
    """Keeps coins, and who put them there."""

    coins: int = 0
    notes: str = ""

    def put(self, coins: int) -> int:
        self.coins += coins
        return self.coins

    def note(self, text: str) -> None:
        self.notes += text

    def fail(self, coins: int) -> None:
        self.coins += coins
        msg = "planned"
        raise ValueError(msg)

    def pay_fee(self, coins: int) -> None:
        self.coins -= coins
        self.context.entity(Purse, "fees").signal(Purse.put, coins)

    def lock_another(self) -> None:
        self.context.entity("purse", "b").signal("$lock", {"section": "s"})


def lock(target: str, section: str = "s", *, transaction: bool = False) -> Asked:
    return target, "$lock", msgspec.to_builtins(LockRequest(section, transaction))


def release(target: str, section: str = "s", *, undo: bool = False) -> Asked:
    return target, "$unlock", msgspec.to_builtins(Release(section, undo))


def run(client: EntityClient, holder: str, *plan: Asked) -> None:
    """Have a holder add *plan* to what it does; said again when it is not sure to know."""
    request_id = client.new_id()
    while True:
        message = Message(
            target=holder,
            operation="run",
            input=msgspec.json.encode(plan),
            form="value",
            request_id=request_id,
            chosen=True,
        )
        try:
            return client.send_signal(message)
        except (OutcomeUnknownError, StoreUnavailableError):
            client.node.world.pause(1.0)


def plan_of(client: EntityClient, holder: str) -> Plan:
    """How far a holder is."""
    row = client.node.store.state(holder)
    if row is None or row.state is None:
        return Plan()
    return msgspec.json.decode(row.state, type=Plan)
