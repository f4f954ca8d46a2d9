"""What type checkers must make of entities; checked, never run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_type

from perdure.actors.context import EntityContext, SignalRef
from perdure.actors.entity import Entity, applies, ephemeral, event, field, readonly
from perdure.actors.function_entity import FunctionContext
from perdure.testing import Sent, Then, given


@event
class Plain:
    amount: int


@event(name="deposited", version=2)
class Deposited:
    amount: int
    note: str = ""

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        return data


class Account(Entity):
    balance: int = 0
    names: list[str] = field(factory=list[str])
    _secret: str = ""
    cache: dict[str, int] = ephemeral(factory=dict[str, int])
    opened: bool = ephemeral(default=False)

    def deposit(self, amount: int, note: str = "") -> int:
        self.record(Deposited(amount, note=note))
        other = self.context.entity(Account, "other")
        assert_type(self.context, EntityContext)
        assert_type(other, SignalRef[Account])
        other.signal(Account.deposit, 1, note="x")
        other.signal("deposit", 1)
        other.signal(Account.deposit, "1")  # type: ignore[call-overload]  # pyright: ignore
        other.options(at=timedelta(seconds=1)).signal(Account.total)
        self.context.entity("account", "b").signal("anything", a=1)
        return self.balance

    @readonly
    def total(self) -> int:
        return self.balance

    async def slowly(self, amount: int) -> str:
        return str(amount)

    @applies
    def _deposited(self, event: Deposited) -> None:
        self.balance += event.amount


class Savings(Account):
    interest: float = 0.0


def counter(ctx: FunctionContext) -> None:
    total = ctx.get_state(lambda: 0)
    assert_type(total, int)
    amount = ctx.get_input(int)
    assert_type(amount, int)
    ctx.set_state(total + amount)
    ctx.set_result(total)
    ctx.entity("counter", "b").signal("add", 1)


def constructing() -> None:
    account = Account(balance=3, names=["a"], _secret="s")
    assert_type(account.balance, int)
    assert_type(account.total(), int)
    assert_type(Savings(balance=1, interest=0.5).interest, float)
    Account(3)  # type: ignore[call-arg]  # pyright: ignore
    Account(balance="3")  # type: ignore[arg-type]  # pyright: ignore
    assert_type(Plain(3).amount, int)
    Plain("x")  # type: ignore[arg-type]  # pyright: ignore
    Plain(1).amount = 3  # type: ignore[misc]  # pyright: ignore


def testing() -> None:
    then = given(Account, Deposited(5)).when(Account.deposit, 3)
    assert_type(then, Then[Account, int])
    assert_type(given(Account).when(Account.slowly, 3), Then[Account, str])
    then.then_events(Deposited(3)).then_state(Account(balance=8)).then_result(8)
    then.then_state(balance=8).then_effects(Sent("@account@b", "deposit", 3))
    given(Account).when("deposit", 3).then_fails(ValueError, match="x")
    given(Account).when(Account.deposit, "3")  # type: ignore[call-overload]  # pyright: ignore
