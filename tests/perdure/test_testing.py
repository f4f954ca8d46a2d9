from __future__ import annotations

import asyncio

import pytest

from perdure.actors.entity import Entity, applies, event
from perdure.errors import InvalidInputError, UnknownOperationError
from perdure.testing import Sent, given


@event(name="deposited")
class Deposited:
    amount: int


@event(name="withdrawn")
class Withdrawn:
    amount: int


class OverdrawnError(ValueError):
    pass


class Account(Entity):
    balance: int = 0
    limit: int = 0

    def withdraw(self, amount: int) -> int:
        if amount > self.balance + self.limit:
            raise OverdrawnError
        self.record(Withdrawn(amount))
        self.context.entity("audit", "a").signal("note", amount)
        return self.balance

    def allow(self, limit: int) -> None:
        self.limit = limit

    async def slowly(self) -> str:
        await asyncio.sleep(3 * 24 * 3600)
        return "done"

    async def for_ever(self) -> None:
        await asyncio.Event().wait()

    @applies
    def when_deposited(self, event: Deposited) -> None:
        self.balance += event.amount

    @applies
    def when_withdrawn(self, event: Withdrawn) -> None:
        self.balance -= event.amount


def test_what_an_operation_did_is_checked() -> None:
    then = given(Account, Deposited(5)).when(Account.withdraw, 3)

    then.then_events(Withdrawn(3)).then_state(balance=2).then_result(2)
    then.then_state(Account(balance=2)).then_effects(Sent("@audit@a", "note", 3))


def test_a_past_can_be_a_state() -> None:
    given(Account, Account(balance=1, limit=5)).when(Account.withdraw, 3).then_state(balance=-2)


def test_a_story_goes_on() -> None:
    allowed = given(Account).when(Account.allow, 5)

    allowed.then_events().when(Account.withdraw, 5).then_state(balance=-5, limit=5)


def test_a_failure_is_checked_by_class_and_message() -> None:
    then = given(Account, Deposited(1)).when(Account.withdraw, 3)

    then.then_fails(ValueError).then_events().then_effects().then_state(Account(balance=1))


def test_an_async_operation_is_awaited_and_its_sleep_takes_no_time() -> None:
    given(Account).when(Account.slowly).then_result("done").then_state(None)


def test_an_async_operation_that_waits_for_nothing_is_told() -> None:
    given(Account).when(Account.for_ever).then_fails(RuntimeError, match="brings about")


def test_an_operation_that_is_none_fails_at_once_with_a_near_one() -> None:
    with pytest.raises(UnknownOperationError, match=r"'withdrew'; did you mean 'withdraw'\?"):
        given(Account).when("withdrew", 3)


def test_a_field_that_is_none_fails_with_those_there_are() -> None:
    then = given(Account, Deposited(5)).when(Account.withdraw, 3)

    with pytest.raises(AssertionError, match=r"did you mean 'balance'\? .* balance, limit"):
        then.then_state(ballance=2)
    with pytest.raises(AssertionError, match="there is no state"):
        given(Account).when(Account.slowly).then_state(balance=0)


def test_what_an_operation_did_can_be_read() -> None:
    story = given(Account, Deposited(5))

    did = repr(story.when(Account.withdraw, 3))
    assert did == (
        "<@account@test: returned 2, recorded [Withdrawn(amount=3)], "
        "sent [Sent(target='@audit@a', operation='note', input=3, at=None)]; "
        "state Account(balance=2, limit=0)>"
    )
    assert "OverdrawnError" in repr(story.when(Account.withdraw, 9))


def test_the_implicit_delete_leaves_no_state() -> None:
    given(Account, Deposited(1)).when("delete").then_state(None)


def test_wrong_arguments_are_an_error_of_the_test() -> None:
    with pytest.raises(InvalidInputError):
        given(Account).when("withdraw", "x")


def test_every_check_fails_with_what_was_and_what_should_be() -> None:
    then = given(Account, Deposited(5)).when(Account.withdraw, 3)

    with pytest.raises(AssertionError, match="result: expected 9, got 2"):
        then.then_result(9)
    with pytest.raises(AssertionError, match="recorded events: expected"):
        then.then_events(Withdrawn(4))
    with pytest.raises(AssertionError, match="field balance: expected 9, got 2"):
        then.then_state(balance=9)
    with pytest.raises(AssertionError, match="state: expected"):
        then.then_state(Account())
    with pytest.raises(AssertionError, match="effects: expected"):
        then.then_effects()
    with pytest.raises(AssertionError, match="succeeded with 2"):
        then.then_fails(ValueError)


def test_an_unexpected_failure_fails_every_check() -> None:
    then = given(Account).when(Account.withdraw, 3)

    with pytest.raises(AssertionError, match=r"the operation failed: .*OverdrawnError"):
        then.then_state(balance=0)
    with pytest.raises(AssertionError, match="not KeyError"):
        then.then_fails(KeyError)
    with pytest.raises(AssertionError, match="does not contain"):
        then.then_fails(ValueError, match="other")


def test_a_past_that_no_handler_applies_is_an_error_of_the_test() -> None:
    with pytest.raises(AssertionError, match=r"no @perdure\.applies handler"):
        given(Account, 5)
