"""The entities of the simulated scenario: what happened to them can be checked exactly."""

from __future__ import annotations

from datetime import datetime, timedelta

from perdure.actors.entity import Entity, applies, event, field, readonly
from perdure.orchestration.app import App
from perdure.testing.crashing import SimulatedCrash

OPENING_BALANCE = 100


app = App("simulation")


@app.entity
class Ledger(Entity):
    """Keeps each note it was sent, in the order in which they were applied."""

    notes: list[tuple[str, int]] = field(factory=list[tuple[str, int]])
    echoes: int = 0
    early: int = 0

    def note(self, sender: str, number: int) -> int:
        """Keep a note."""
        self.notes.append((sender, number))
        return len(self.notes)

    def note_and_fail(self, sender: str, number: int) -> None:
        """Keep a note, which is undone."""
        self.notes.append((sender, number))
        self.context.entity(Ledger, "never").signal(Ledger.note, sender, number)
        msg = "planned"
        raise RuntimeError(msg)

    def pass_on(self, to: str, sender: str, number: int) -> None:
        """Have another ledger keep the note."""
        self.context.entity(Ledger, to).signal(Ledger.note, sender, number)

    def later(self, to: str, sender: str, number: int, seconds: float) -> None:
        """Have another ledger keep the note, in a while."""
        due = self.context.now + timedelta(seconds=seconds)
        ref = self.context.entity(Ledger, to).options(at=timedelta(seconds=seconds))
        ref.signal(Ledger.note_at, sender, number, due)

    def note_at(self, sender: str, number: int, due: datetime) -> None:
        """Keep a note, and whether it came early."""
        self.early += self.context.now < due
        self.notes.append((sender, number))

    async def note_slowly(self, sender: str, number: int) -> int:
        """Keep a note, in a coroutine."""
        self.notes.append((sender, number))
        return number

    def poison(self) -> None:
        """End the process."""
        raise SimulatedCrash

    def echo(self, times: int) -> None:
        """Signal oneself."""
        self.echoes += 1
        if times > 1:
            key = self.context.id.key
            self.context.entity(Ledger, key).signal(Ledger.echo, times - 1)

    @readonly
    def count(self) -> int:
        """How many notes there are."""
        return len(self.notes)


@app.entity
class Register(Entity):
    """A number; each call answers with what it found or left."""

    value: int = 0

    def add(self, amount: int) -> int:
        """Add to it."""
        self.value += amount
        return self.value

    def swap(self, expected: int, new: int) -> bool:
        """Set a new value when the old one is as expected."""
        if self.value != expected:
            return False
        self.value = new
        return True

    @readonly
    def read(self) -> int:
        """The value."""
        return self.value


@event(name="moved")
class Moved:
    """Money came, or went."""

    amount: int


@app.entity
class Account(Entity):
    """Holds money; its history is of domain events."""

    balance: int = OPENING_BALANCE

    def pay(self, to: str, amount: int) -> bool:
        """Send money to another account, if there is enough."""
        if amount > self.balance:
            return False
        self.record(Moved(-amount))
        self.context.entity(Account, to).signal(Account.receive, amount)
        return True

    def receive(self, amount: int) -> None:
        """Take money."""
        self.record(Moved(amount))

    @applies
    def when_moved(self, moved: Moved) -> None:
        """Change the balance."""
        self.balance += moved.amount
