"""The app of the command line's tests."""

from __future__ import annotations

import threading

import perdure

app = perdure.App(name="shop")
empty = perdure.App(name="empty")
other = perdure.App(name="other")


@perdure.event
class Deposited:
    amount: int


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def deposit(self, amount: int) -> int:
        self.record(Deposited(amount))
        return self.balance

    @perdure.applies
    def when_deposited(self, event: Deposited) -> None:
        self.balance += event.amount


@app.entity
class Counter(perdure.Entity):
    value: int = 0
    notes: list[str] = perdure.field(factory=list[str])

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def note(self, text: str, times: int = 1) -> None:
        self.notes.extend([text] * times)

    def hang(self) -> None:
        threading.Event().wait()

    def nap(self) -> None:
        threading.Event().wait(0.2)

    def fail(self) -> None:
        msg = "it cannot be"
        raise ValueError(msg)


@other.entity(name="counter")
class Tally(perdure.Entity):
    """What another version of the app takes counters for."""

    value: str = ""


__all__ = ["Account", "Counter", "Deposited", "Tally", "app", "empty", "other"]
