"""A simulated world: the real engine over a store in memory, senders, faults and checks.

Everything that happens follows from the seed. Faults come while ``troubled``; then they stop,
and all that was acknowledged must have happened exactly once, in order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs

from perdure.actors.messages import Chunk
from perdure.actors.replies import Reply
from perdure.actors.simulated import Chances, SimulatedRuntime
from perdure.errors import (
    OperationFailedError,
    OutcomeUnknownError,
    PerdureError,
    RowRejectedError,
    StoreUnavailableError,
)
from perdure.orchestration.client import Client
from perdure.orchestration.simulation import Simulation
from perdure.storage.records import Batch
from perdure.testing.crashing import SimulatedCrash
from tests.simulation.ledger import (
    OPENING_BALANCE,
    Account,
    Ledger,
    app,
)

LEDGERS = ["a", "b", "c"]
ACCOUNTS = ["x", "y", "z"]
DIRECT = ("note", "signal", "slow")
"""Requests whose notes are kept in the order in which they were sent."""
KEPT = (*DIRECT, "pass_on", "later")
"""Requests that leave exactly one note."""


@attrs.define(eq=False)
class DiskFaults:
    """What the disk does to commits, by the seed; nothing once ``calm``."""

    random: random.Random
    not_written: float = 0.0
    written_unknown: float = 0.0
    crash_before: float = 0.0
    crash_after: float = 0.0
    rejected: float = 0.0
    calm: bool = False

    def _happens(self, chance: float) -> bool:
        return bool(chance) and not self.calm and self.random.random() < chance

    def before_commit(self, batch: Batch) -> None:
        """Perhaps fail without anything written."""
        if self._happens(self.crash_before):
            raise SimulatedCrash
        if self._happens(self.not_written):
            msg = "simulated: not written"
            raise StoreUnavailableError(msg)
        if batch.turns and self._happens(self.rejected):
            msg = "simulated: rejected"
            raise RowRejectedError(msg)

    def after_commit(self, batch: Batch) -> None:
        """Perhaps fail although all is written."""
        if self._happens(self.crash_after):
            raise SimulatedCrash
        if self._happens(self.written_unknown):
            msg = "simulated: written, and the sync failed"
            raise StoreUnavailableError(msg)


@attrs.define(eq=False)
class Sender:
    """One client thread: sends its next request when the last one has an outcome.

    Attributes:
        acknowledged: numbers whose effect must be there exactly once.
        uncertain: numbers whose effect may be there once, or not.
        refused: numbers whose effect must not be there.
    """

    world: World
    name: str
    number: int = 0
    reply: Reply[Any] | None = None
    again: Callable[[str | None], Reply[Any]] | None = None
    request_id: str = ""
    chosen: bool = False
    kinds: dict[int, str] = attrs.Factory(dict[int, str])
    acknowledged: set[int] = attrs.Factory(set[int])
    uncertain: set[int] = attrs.Factory(set[int])
    refused: set[int] = attrs.Factory(set[int])

    def begin(self) -> None:
        """Send the next request."""
        world = self.world
        draw = world.random
        self.number += 1
        number = self.number
        self.chosen = draw.random() < 0.6
        key, other = draw.choice(LEDGERS), draw.choice(LEDGERS)
        request_id = f"{self.name}-{number}" if self.chosen else None
        kind = draw.choice(
            ["note", "signal", "fail", "pass_on", "later", "slow", "pay", "echo", "count"]
        )
        self.kinds[number] = kind
        arguments = (self.name, number)
        calls: dict[str, tuple[Any, str, tuple[Any, ...]]] = {
            "note": (Ledger, "note", arguments),
            "signal": (Ledger, "note", arguments),
            "fail": (Ledger, "note_and_fail", arguments),
            "pass_on": (Ledger, "pass_on", (other, *arguments)),
            "later": (Ledger, "later", (other, *arguments, draw.choice([0.0, 0.5, 20.0]))),
            "slow": (Ledger, "note_slowly", arguments),
            "pay": (Account, "pay", (draw.choice(ACCOUNTS), draw.randint(1, 60))),
            "echo": (Ledger, "echo", (draw.randint(1, 4),)),
            "count": (Ledger, "count", ()),
        }
        cls, operation, values = calls[kind]
        key = draw.choice(ACCOUNTS) if cls is Account else key
        signalled = kind == "signal"

        def send(request_id: str | None) -> Reply[Any]:
            return world.send(cls, key, operation, values, request_id, signalled)

        self.again = send
        self.reply = send(request_id)
        self.request_id = self.reply.request_id
        if self.chosen and draw.random() < world.duplicates:
            world.repeats.append((world.client, send(request_id)))

    def look(self) -> None:
        """Take note of the outcome, if there is one, and go on."""
        if self.reply is None:
            if self.world.quota > 0:
                self.world.quota -= 1
                self.begin()
            return
        if not self.reply.done:
            return
        reply, self.reply = self.reply, None
        try:
            reply.get(timeout=0)
        except OperationFailedError:
            self.refused.add(self.number)
        except OutcomeUnknownError:
            # any id is safe to repeat now, also one that the client made up
            self.chosen = self.chosen or self.world.random.random() < 0.7
            self.lost()
        except PerdureError:
            self.lost()
        else:
            self.acknowledged.add(self.number)

    def lost(self) -> None:
        """The request has no outcome; a chosen id makes it safe to ask again."""
        if self.chosen and self.again is not None:
            self.reply = self.again(self.request_id)
        else:
            self.uncertain.add(self.number)


def some(draw: random.Random, chance: float) -> float:
    """Up to that *chance*, or none at all: a seed has only some of the faults."""
    return chance * draw.random() if draw.random() < 0.5 else 0.0


class World:
    """One run of the scenario."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        draw = self.random

        self.faults = DiskFaults(
            random.Random(seed + 1),
            some(draw, 0.1),
            some(draw, 0.1),
            some(draw, 0.1),
            some(draw, 0.1),
            some(draw, 0.2),
        )
        self.chances = Chances(some(draw, 0.4), some(draw, 0.5), some(draw, 1.0))
        self.crash_anywhere = some(draw, 0.02)
        self.duplicates = some(draw, 1.0)
        self.quota = 40
        self.redriven = 0
        self.repeats: list[tuple[Client, Reply[Any]]] = []
        self.simulation = Simulation(
            app, seed=seed, faults=self.faults, chances=self.chances, patience=2_000
        )
        self.trace = self.simulation.trace
        self.senders = [Sender(self, f"s{i}") for i in range(3)]
        self.poisoned = draw.random() < 0.2

    @property
    def client(self) -> Client:
        """The present process's client."""
        return self.simulation.client

    @property
    def runtime(self) -> SimulatedRuntime:
        """The present process's world."""
        return self.simulation.runtime

    def send(
        self,
        cls: Any,
        key: str,
        operation: str,
        arguments: tuple[Any, ...],
        request_id: str | None,
        signalled: bool,
    ) -> Reply[Any]:
        """Send one request without waiting."""
        ref = self.client.entity(cls, key).options(request_id=request_id)
        if not signalled:
            reply: Reply[Any] = ref.call(getattr(cls, operation), *arguments)
            return reply
        message, _ = ref._message(getattr(cls, operation), arguments, {})
        reply = Reply(self.runtime, message.target, operation, message.request_id)
        self.client.node.submit(Chunk([message], reply))
        return reply

    def crash(self) -> None:
        """The process dies; another one opens the store."""
        self.simulation.crash()
        for sender in self.senders:
            if sender.reply is not None:
                sender.reply = None
                # an id that the dead process made up was known to nobody outside it
                sender.chosen = sender.request_id.startswith(sender.name)
                sender.lost()

    def run(self) -> None:
        """Trouble, then calm, until nothing is left to do."""
        for _ in range(4000):
            if not self._step() and self.quota <= 0 and not any(s.reply for s in self.senders):
                break
        self.faults.calm = True
        self.chances.lost_baton = self.chances.passivation = 0.0
        self.crash_anywhere = 0.0
        self.quota = 0
        self._calmly(5.0)  # the store works again
        if self.poisoned:
            ref = self.client.entity(Ledger, self.random.choice(LEDGERS))
            message, _ = ref.options(at=timedelta(seconds=1))._message(Ledger.poison, (), {})
            message.due_micros = self.runtime.now_micros() + 1_000_000
            reply: Reply[Any] = Reply(self.runtime, message.target, "poison", "")
            self.client.node.submit(Chunk([message], reply))
        for _ in range(200):
            self._calmly(1.0)
            for sender in self.senders:
                sender.look()
            if not any(sender.reply for sender in self.senders):
                break
        self._calmly(60.0)
        self._redrive()

    def _calmly(self, seconds: float) -> None:
        """Let time pass; only poison can still end the process."""
        for _ in range(10):
            try:
                self.runtime.advance(seconds)
            except SimulatedCrash:
                self.crash()
            else:
                return
        msg = "the poison was not set aside"
        raise AssertionError(msg)

    def _redrive(self) -> None:
        for row in list(self.client.quarantine()):
            blamed = "crashes" in row.reason or "simulated: rejected" in row.reason
            assert blamed, f"an innocent was quarantined: {row.reason}"
            if b"poison" in row.body:
                self.poisoned = False
                assert self.client.discard(row.id)
                continue
            self.redriven += 1
            assert self.client.redrive(row.id)
        self.runtime.advance(60.0)
        assert not self.poisoned, "the poison vanished"

    def _step(self) -> bool:
        try:
            if self.crash_anywhere and self.random.random() < self.crash_anywhere:
                self.crash()
            self.random.choice(self.senders).look()
            return self.runtime.step() or self.runtime.pass_time()
        except SimulatedCrash:
            self.crash()
            return True

    # ---- checks ---------------------------------------------------------------------------

    def state(self, cls: type[Any], key: str) -> Any:
        """The committed state of one entity, or a fresh one."""
        snapshot = self.client.entity(cls, key).get()
        return cls() if snapshot is None else snapshot.state

    def check(self) -> None:
        """Everything that was promised holds."""
        unfinished = [sender.name for sender in self.senders if sender.reply]
        assert not unfinished, f"never answered: {unfinished}"
        hanging = [r for client, r in self.repeats if client is self.client and not r.done]
        assert not hanging, f"repeats that were never answered: {hanging}"
        notes = {key: self.state(Ledger, key).notes for key in LEDGERS}
        for sender in self.senders:
            self._check_sender(sender, notes)
        total = sum(self.state(Account, key).balance for key in ACCOUNTS)
        assert total == OPENING_BALANCE * len(ACCOUNTS), f"money: {total}"
        assert self.client.entity(Ledger, "never").get() is None, "an undone effect was sent"
        assert not list(self.client.quarantine()), "a re-driven message failed again"
        assert not list(self.client.verify()), "the log does not give the state"
        assert self.disk_is_empty(), "something waits for ever"

    def disk_is_empty(self) -> bool:
        """Whether no accepted message waits."""
        return self.client.node.store.waiting() == 0

    def _check_sender(self, sender: Sender, notes: dict[str, list[tuple[str, int]]]) -> None:
        seen = [
            number for kept in notes.values() for name, number in kept if name == sender.name
        ]
        assert len(seen) == len(set(seen)), f"{sender.name}: applied twice: {sorted(seen)}"
        for number in sender.refused:
            undone = number not in seen or self.redriven
            assert undone, f"{sender.name}: undone and yet there: {number}"
        for number in sender.acknowledged:
            if sender.kinds[number] in KEPT:
                assert number in seen, f"{sender.name}: lost {number} {sender.kinds[number]}"
        for key, kept in notes.items():
            direct = [
                n for name, n in kept if name == sender.name and sender.kinds[n] in DIRECT
            ]
            in_order = self.redriven or direct == sorted(direct)
            assert in_order, f"{sender.name}: out of order at {key}: {direct}"
