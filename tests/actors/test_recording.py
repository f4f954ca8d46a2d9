from __future__ import annotations

from typing import Any

import pytest

from perdure.actors.entity import Entity, applies, event, field, readonly
from perdure.errors import DefinitionError
from tests.actors.steps import activate, events, handle, message_of, state_of


@event(name="deposited")
class Deposited:
    amount: int


@event(name="noted")
class Noted:
    words: list[str]


class Account(Entity):
    balance: int = 0
    words: list[str] = field(factory=list[str])

    def deposit(self, *, amount: int) -> int:
        self.record(Deposited(amount))
        return self.balance

    def deposit_twice(self, amount: int) -> None:
        self.record(Deposited(amount))
        self.record(Deposited(amount))

    def change_before(self) -> None:
        self.balance = 50
        self.record(Deposited(1))

    def change_after(self) -> None:
        self.record(Deposited(1))
        self.balance = 50

    def change_and_hide(self) -> None:
        try:
            self.change_before()
        except DefinitionError:
            self.balance = 0

    def change_only(self) -> None:
        self.balance = 77

    def note(self, words: list[str]) -> None:
        self.record(Noted(words))
        words.append("mine")

    def fail(self) -> None:
        self.record(Deposited(1))
        raise KeyError

    def unknown(self) -> None:
        self.record(3)

    @readonly
    def sneak(self) -> None:
        self.record(Deposited(0))

    @applies
    def when_deposited(self, event: Deposited) -> None:
        if event.amount < 0:
            msg = "negative"
            raise ValueError(msg)
        self.balance += event.amount

    @applies
    def when_noted(self, event: Noted) -> None:
        self.words = event.words


def test_a_result_and_the_state_do_not_share_objects() -> None:
    account = activate(Account)

    handle(account, "note", ["a"])

    assert state_of(account)["words"] == ["a"]


def test_a_recorded_event_is_applied_at_once_and_stored_with_its_name() -> None:
    account = activate(Account)

    first = handle(account, "deposit", {"amount": 5})
    second = handle(account, "deposit", {"amount": 2})

    assert [first.result, second.result] == [b"5", b"7"]
    stored = events(first)[0]
    assert stored["event"] == "recorded"
    assert (stored["name"], stored["version"], stored["data"]) == (
        "deposited",
        1,
        {"amount": 5},
    )
    assert stored["base"] == {"balance": 0, "words": []}
    assert "base" not in events(second)[0]
    assert state_of(account) == {"balance": 7, "words": []}


def test_each_recorded_event_is_a_version() -> None:
    assert len(handle(activate(Account), "deposit_twice", 1).events) == 2


@pytest.mark.parametrize("operation", ["change_before", "change_after", "change_and_hide"])
def test_an_operation_that_records_may_not_change_fields_itself(operation: str) -> None:
    account = activate(Account)
    handle(account, "deposit", {"amount": 5})

    outcome = handle(account, operation)

    assert "records events and also changes balance itself" in message_of(outcome)
    assert state_of(account)["balance"] == 5


def test_an_operation_that_records_nothing_may_change_fields() -> None:
    assert events(handle(activate(Account), "change_only"))[0]["event"] == "changed"


@pytest.mark.parametrize(
    ("operation", "value", "says"),
    [
        ("fail", None, "KeyError"),
        ("unknown", None, "account has no handler for int"),
        ("deposit", {"amount": -1}, "ValueError: negative"),
        ("sneak", None, "ReadonlyViolationError"),
    ],
)
def test_a_failure_undoes_recorded_events(operation: str, value: Any, says: str) -> None:
    account = activate(Account)
    handle(account, "deposit", {"amount": 5})

    outcome = handle(account, operation, value)

    assert says in message_of(outcome)
    assert state_of(account)["balance"] == 5
    assert handle(account, "deposit", {"amount": 1}).result == b"6"
