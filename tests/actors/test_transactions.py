"""What an entity holds back in a transaction, and what its end makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.actors import locks
from tests.actors.purses import (
    STYLES,
    Purse,
    Safe,
    active,
    again,
    coins_of,
    lock,
    purse,
    put,
    release,
)
from tests.actors.steps import NOW, handle, message_of


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
