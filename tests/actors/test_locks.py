"""What an entity's instance does with ``$lock`` and ``$unlock``, whatever its style."""

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
from perdure.actors.locks import lock_of, shown_state
from perdure.actors.messages import Message
from perdure.errors import (
    CorruptionError,
    DecodingError,
    QuarantinedError,
    UnknownOperationError,
)
from tests.actors.steps import NOW, handle, message_of

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


def coins_of(stored: bytes | None) -> Any:
    shown = shown_state(stored)
    state = None if shown is None else msgspec.json.decode(shown)
    return state["coins"] if isinstance(state, dict) else state


def admits(instance: Instance, caller: str) -> bool:
    message = Message(target="@it@a", operation="put", caller=caller)
    return instance.gate is None or instance.gate(message)


@STYLES
def test_a_lock_is_granted_and_lets_only_the_holder_in(style: Any) -> None:
    entity = active(style)
    assert admits(entity, "")

    outcome = lock(entity)

    assert msgspec.json.decode(outcome.result) == {"locked": "s"}
    assert (outcome.events, outcome.touched) == ((), True)
    assert admits(entity, HOLDER)
    assert not admits(entity, "")
    assert not admits(entity, "order-2")


@STYLES
def test_a_lock_outlives_passivation(style: Any) -> None:
    entity = active(style)
    put(entity, 3)
    lock(entity)

    entity = again(style, entity)

    assert not admits(entity, "order-2")
    assert put(entity, 4) == 7
    assert coins_of(entity.state()) == 7


@STYLES
def test_a_released_entity_is_stored_as_if_it_was_never_locked(style: Any) -> None:
    entity = active(style)
    put(entity, 3)
    before = entity.state()
    lock(entity)
    locked = entity.state()

    outcome = release(entity)

    assert locked is not None
    assert locked.startswith(b"#")
    assert (outcome.events, outcome.touched) == ((), True)
    assert entity.gate is None
    assert entity.state() == before


@STYLES
def test_a_locked_entity_without_a_state_keeps_only_the_lock(style: Any) -> None:
    entity = active(style)
    lock(entity)
    assert shown_state(entity.state()) is None
    entity = again(style, entity)

    release(entity)

    assert entity.state() is None


@STYLES
def test_a_lock_asked_for_again_is_granted_again_and_changes_nothing(style: Any) -> None:
    entity = active(style)
    lock(entity, transaction=True)
    put(entity, 2)
    stored = entity.state()

    outcome = lock(entity, transaction=True)

    assert msgspec.json.decode(outcome.result) == {"locked": "s"}
    assert not outcome.touched
    assert entity.state() == stored


def test_another_section_of_the_holder_is_refused() -> None:
    entity = active(Purse)
    lock(entity, "s")

    outcome = lock(entity, "t")

    assert "section 's' of order-1 has @it@a" in message_of(outcome)
    assert not admits(entity, "")
    assert not release(entity, "t").touched


@STYLES
def test_a_release_of_another_section_does_nothing(style: Any) -> None:
    entity = active(style)
    assert not release(entity).touched
    lock(entity)

    outcome = release(entity, "t")

    assert not outcome.touched
    assert not admits(entity, "")


@STYLES
@pytest.mark.parametrize("operation", ["$lock", "$unlock", "$anything"])
def test_a_client_cannot_name_the_engines_operations(style: Any, operation: str) -> None:
    with pytest.raises(UnknownOperationError):
        own(active(style), operation, locks.LockRequest("s"), caller="")


@STYLES
def test_another_name_with_a_dollar_is_unknown(style: Any) -> None:
    with pytest.raises(UnknownOperationError):
        own(active(style), "$answer", locks.LockRequest("s"))


@STYLES
def test_a_damaged_request_is_refused(style: Any) -> None:
    with pytest.raises(DecodingError):
        own(active(style), "$lock", {"no": "section"})


# ---- transactions -----------------------------------------------------------------------------


@STYLES
def test_a_transaction_shows_readers_the_state_from_before(style: Any) -> None:
    entity = active(style)
    put(entity, 1)
    lock(entity, transaction=True)

    outcome = handle(entity, "put", 5)

    assert outcome.result == b"6"
    assert (outcome.events, outcome.touched) == ((), True)
    assert coins_of(entity.state()) == 1


@STYLES
@pytest.mark.parametrize("passivated", [False, True])
def test_the_end_of_a_transaction_records_everything_in_order(
    style: Any, passivated: bool
) -> None:
    entity, free = active(style), active(style)
    put(entity, 1)
    put(free, 1)
    lock(entity, transaction=True)
    for coins in (2, 3):
        put(entity, coins)
        if passivated:
            entity = again(style, entity)
    expected = [handle(free, "put", coins).events[0] for coins in (2, 3)]

    outcome = release(entity)

    assert list(outcome.events) == expected
    assert entity.state() == free.state()
    assert put(entity, 1) == 7


@STYLES
@pytest.mark.parametrize("passivated", [False, True])
def test_an_undone_transaction_leaves_nothing(style: Any, passivated: bool) -> None:
    entity = active(style)
    put(entity, 1)
    before = entity.state()
    lock(entity, transaction=True)
    put(entity, 2)
    put(entity, 3)
    if passivated:
        entity = again(style, entity)

    outcome = release(entity, undo=True)

    assert (outcome.events, outcome.effects, outcome.touched) == ((), (), True)
    assert entity.state() == before
    assert put(entity, 1) == 2


@STYLES
def test_an_undone_transaction_of_one_that_never_was_leaves_none(style: Any) -> None:
    entity = active(style)
    lock(entity, transaction=True)
    put(entity, 2)

    release(entity, undo=True)

    assert entity.state() is None
    assert b'"whole":true' in handle(entity, "put", 1).events[0] or style is Safe


@pytest.mark.parametrize("style", [Purse, purse])
@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize("passivated", [False, True])
def test_a_delete_inside_a_transaction_is_held_back(
    style: Any, undo: bool, passivated: bool
) -> None:
    entity = active(style)
    put(entity, 4)
    lock(entity, transaction=True)
    handle(entity, "delete")
    assert coins_of(entity.state()) == 4
    if passivated:
        entity = again(style, entity)

    outcome = release(entity, undo=undo)

    assert len(outcome.events) == (0 if undo else 1)
    assert coins_of(entity.state()) == (4 if undo else None)


def test_what_is_sent_in_a_transaction_waits_for_its_end() -> None:
    entity = active(Purse)
    lock(entity, transaction=True)
    assert handle(entity, "give", {"coins": 1}).effects == ()
    assert handle(entity, "give", {"coins": 2, "hours": 1}).effects == ()
    entity = again(Purse, entity)

    outcome = release(entity)

    first, second = outcome.effects
    assert (first.target, first.operation, first.input) == ("@purse@b", "put", b"1")
    assert (first.caller, first.due_micros, first.id) == ("@it@a", 0, 0)
    assert (second.input, second.due_micros) == (b"2", NOW + 3_600_000_000)


def test_a_failure_in_a_transaction_undoes_only_itself() -> None:
    entity = active(Purse)
    lock(entity, transaction=True)
    put(entity, 1)

    outcome = handle(entity, "put_and_fail", 5)

    assert "planned" in message_of(outcome)
    assert handle(entity, "count").result == b"1"
    assert len(release(entity).events) == 1


@STYLES
def test_a_transaction_that_grows_too_large_fails_the_operation(
    style: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "OPERATION_ITEMS", 2)
    entity = active(style)
    lock(entity, transaction=True)
    put(entity, 1)
    put(entity, 2)

    outcome = handle(entity, "put", 4)

    assert "PayloadTooLargeError" in message_of(outcome)
    assert len(release(entity).events) == 2
    assert coins_of(entity.state()) == 3


def test_the_first_operation_of_a_transaction_may_be_too_large_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locks, "OPERATION_BYTES", 10)
    entity = active(Purse)
    put(entity, 7)
    lock(entity, transaction=True)

    assert "PayloadTooLargeError" in message_of(handle(entity, "put", 4))
    assert handle(entity, "count").result == b"7"


# ---- changed classes, damage --------------------------------------------------------------------


class Strict(Entity):
    """What became of the purse: its old states do not fit."""

    notes: str = ""


class Grown(Entity):
    """What became of the purse: with a field more."""

    coins: int = 0
    label: str = "mine"

    def put(self, coins: int) -> int:
        self.coins += coins
        return self.coins


@pytest.mark.parametrize("undo", [False, True])
def test_a_locked_entity_that_does_not_fit_its_class_can_be_released(undo: bool) -> None:
    entity = active(Purse)
    put(entity, 1)
    lock(entity, transaction=True)
    put(entity, 2)
    entity = active(Strict, entity.state())
    with pytest.raises(QuarantinedError, match="cannot be activated"):
        handle(entity, "put", 1)
    assert not admits(entity, "")
    assert not lock(entity).touched
    assert coins_of(entity.state()) == 1

    outcome = release(entity, undo=undo)

    assert len(outcome.events) == (0 if undo else 1)
    assert admits(entity, "")
    assert coins_of(entity.state()) == (1 if undo else 3)
    assert put(again(Purse, entity), 1) == (2 if undo else 4)


@pytest.mark.parametrize("transaction", [False, True])
def test_a_lock_leaves_the_stored_bytes_although_the_class_has_grown(transaction: bool) -> None:
    stored = b'{"coins":1}'
    entity = active(Grown, stored)

    lock(entity, transaction=transaction)
    assert shown_state(entity.state()) == stored
    assert release(again(Grown, entity)).events == ()

    release(entity)
    assert entity.state() == stored
    assert b'"whole":true' in handle(entity, "put", 1).events[0]


def test_an_undone_transaction_tells_all_of_the_state_again_after_the_class_has_grown() -> None:
    entity = active(Grown, b'{"coins":1}')
    lock(entity, transaction=True)
    put(entity, 1)

    release(entity, undo=True)

    assert entity.state() == b'{"coins":1}'
    assert b'"whole":true' in handle(entity, "put", 1).events[0]


def test_white_space_in_what_is_held_does_not_end_the_line() -> None:
    held = locks.Held(events=[msgspec.Raw(b'{"a":\n1}')])

    stored = locks.with_lock(locks.Lock("s", HOLDER, held), b"{}")

    assert shown_state(stored) == b"{}"
    found = lock_of(stored)
    assert found is not None
    assert found.held is not None
    assert bytes(found.held.events[0]) == b'{"a": 1}'


def test_a_damaged_lock_is_corruption() -> None:
    with pytest.raises(CorruptionError):
        active(Purse, b"#nonsense\n{}")
