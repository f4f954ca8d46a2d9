"""What an entity's instance does with ``$lock`` and ``$unlock``, whatever its style."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perdure.actors import locks
from perdure.actors.entity import Entity
from perdure.actors.locks import lock_of, shown_state
from perdure.errors import (
    CorruptionError,
    DecodingError,
    QuarantinedError,
    UnknownOperationError,
)
from tests.actors.purses import (
    HOLDER,
    STYLES,
    Purse,
    active,
    admits,
    again,
    coins_of,
    lock,
    own,
    put,
    release,
)
from tests.actors.steps import handle, message_of


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
