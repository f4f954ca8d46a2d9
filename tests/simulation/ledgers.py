"""The scenario of entities: three senders, requests of all kinds, and what comes of them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import attrs

from perdure.orchestration.client import EmbeddedClient
from perdure.testing import Ask, World, scenario
from tests.simulation.ledger import OPENING_BALANCE, Account, Ledger, Register, app
from tests.simulation.linearizable import check_registers

LEDGERS = ["a", "b", "c"]
ACCOUNTS = ["x", "y", "z"]
REGISTERS = ["r", "s"]
DIRECT = ("note", "signal", "slow")
"""Requests whose notes are kept in the order in which they were sent."""
KEPT = (*DIRECT, "pass_on", "later")
"""Requests that leave exactly one note."""
FLOOD = 12
KINDS = [*KEPT, "fail", "pay", "echo", "count", "add", "add", "swap", "read"]


@attrs.define(eq=False)
class Sender:
    """One client thread: sends its next request when the last one has an outcome."""

    world: World
    name: str
    asks: list[tuple[str, Ask]] = attrs.Factory(list[tuple[str, Ask]])

    def go_on(self) -> None:
        """Send the next request, when it is time for it."""
        if self.asks and not self.asks[-1][1].outcome:
            return
        draw = self.world.random
        kind = draw.choice(KINDS)
        cls, key, operation, arguments, at = self._request(kind)
        signalled = kind == "signal"

        def send(client: EmbeddedClient) -> None:
            ref = client.entity(cls, key).options(at=at)
            if signalled:
                ref.signal(operation, *arguments)
            else:
                ref.call(operation, *arguments)

        name = f"{self.name} {len(self.asks)} {kind} {arguments}"
        ask = self.world.ask(send, name=name, repeats=draw.random() < 0.6)
        self.asks.append((kind, ask))

    def _request(self, kind: str) -> tuple[Any, str, str, tuple[Any, ...], timedelta | None]:
        draw, note = self.world.random, (self.name, len(self.asks))
        key, other = draw.choice(LEDGERS), draw.choice(LEDGERS)
        register = draw.choice(REGISTERS)
        match kind:
            case "pay":
                payment = (draw.choice(ACCOUNTS), draw.randint(1, 60))
                return Account, draw.choice(ACCOUNTS), "pay", payment, None
            case "add":
                return Register, register, "add", (draw.randint(1, 9),), None
            case "swap":
                expected = draw.randint(0, 20)
                return Register, register, "swap", (expected, draw.randint(1, 99)), None
            case "read":
                return Register, register, "read", (), None
            case "pass_on":
                return Ledger, key, kind, (other, *note), None
            case "later":
                seconds = draw.choice([0.0, 0.5, 20.0])
                return Ledger, key, kind, (other, *note, seconds), None
            case "echo":
                return Ledger, key, kind, (draw.randint(1, 4),), None
            case "count":
                return Ledger, key, kind, (), None
            case _:
                names = {"fail": "note_and_fail", "slow": "note_slowly"}
                return Ledger, key, names.get(kind, "note"), note, None


@scenario(app)
def ledgers(world: World) -> None:
    """Notes, payments and registers, from three senders."""
    senders = [Sender(world, f"s{number}") for number in range(3)]
    for _ in world.trouble():
        world.random.choice(senders).go_on()
        if world.happens("flood", 0.02):
            flood(world)
    world.calm()
    if world.random.random() < 0.2:
        poison(world)
    check(world, senders)


def flood(world: World) -> None:
    """More calls at once than a mailbox takes when limits are tight."""
    key = world.random.choice(REGISTERS)
    for _ in range(FLOOD):
        world.ask(partial(_add, key, world.random.randint(1, 1_000_000)))


def _add(key: str, amount: int, client: EmbeddedClient) -> None:
    client.entity(Register, key).call(Register.add, amount)


def poison(world: World) -> None:
    """A message that ends the process each time is set aside, and nothing else is."""
    key = world.random.choice(LEDGERS)
    world.ask(
        lambda client: (
            client.entity(Ledger, key).options(at=timedelta(seconds=1)).signal(Ledger.poison)
        )
    )
    world.advance(seconds=120)
    rows = list(world.client.quarantine())
    assert [b"poison" in row.body for row in rows] == [True], "the poison was not set aside"
    assert world.client.discard(rows[0].id)
    world.calm()


def state(world: World, cls: type[Any], key: str) -> Any:
    """The committed state of one entity, or a fresh one."""
    snapshot = world.client.entity(cls, key).get()
    return cls() if snapshot is None else snapshot.state


def check(world: World, senders: list[Sender]) -> None:
    """Everything that was promised holds."""
    books = {key: state(world, Ledger, key) for key in LEDGERS}
    notes = {key: book.notes for key, book in books.items()}
    for sender in senders:
        check_sender(world, sender, notes)
    early = [book.early for book in books.values()]
    set_back = world.swarm.happened["clock-back"]  # after they were due
    assert set_back or not any(early), f"timers that came early: {early}"
    total = sum(state(world, Account, key).balance for key in ACCOUNTS)
    assert total == OPENING_BALANCE * len(ACCOUNTS), f"money: {total}"
    assert world.client.entity(Ledger, "never").get() is None, "an undone effect was sent"
    assert world.client.node.store.waiting() == 0, "something waits for ever"
    check_registers(world, REGISTERS, [])


def check_sender(world: World, sender: Sender, notes: dict[str, list[tuple[str, int]]]) -> None:
    """What was acknowledged is there once, in order; what was refused is not."""
    seen = [number for kept in notes.values() for name, number in kept if name == sender.name]
    assert len(seen) == len(set(seen)), f"{sender.name}: applied twice: {sorted(seen)}"
    there = set(seen)
    for number, (kind, ask) in enumerate(sender.asks):
        if ask.outcome == "refused":
            undone = number not in there or world.redriven
            assert undone, f"{ask.name}: undone and yet there"
        if ask.outcome == "acknowledged" and kind in KEPT:
            assert number in there, f"{ask.name}: lost"
    for key, kept in notes.items():
        direct = [n for name, n in kept if name == sender.name and _is_direct(sender, n)]
        in_order = world.redriven or direct == sorted(direct)
        assert in_order, f"{sender.name}: out of order at {key}: {direct}"


def _is_direct(sender: Sender, number: int) -> bool:
    return sender.asks[number][0] in DIRECT
