"""Seeded work on a store by itself: batches, purges and probes, which may be repeated."""

from __future__ import annotations

import random

import attrs

from perdure.storage.ports import Store
from perdure.storage.records import (
    BaseRow,
    Batch,
    MessageRow,
    OutcomeRow,
    QuarantineRow,
    StateRow,
    TurnRow,
)

STREAMS = tuple(f"@box@{name}" for name in "abcdefgh")


@attrs.frozen
class Probe:
    """Empty the log."""


@attrs.frozen
class Purge:
    """Drop what is old of one history."""

    base: BaseRow


@attrs.frozen
class Note:
    """Note how often a message was tried."""

    message_id: int
    attempts: int


Work = Batch | Probe | Purge | Note


@attrs.define
class Worker:
    """Draws work that fits what was drawn before."""

    chance: random.Random
    largest: int = 3_000
    number: int = 0
    versions: dict[str, int] = attrs.Factory(lambda: dict.fromkeys(STREAMS, 0))
    states: dict[str, bytes] = attrs.Factory(dict[str, bytes])
    waiting: list[int] = attrs.Factory(list[int])
    newest: int = 0

    def work(self, count: int) -> list[Work]:
        """So many pieces of work."""
        return [self._next() for _ in range(count)]

    def _next(self) -> Work:
        drawn = self.chance.random()
        if drawn < 0.04:
            return Probe()
        if drawn < 0.10 and (grown := [s for s in STREAMS if self.versions[s] > 3]):
            stream = self.chance.choice(grown)
            return Purge(BaseRow(stream, self.versions[stream] - 2, self.states[stream], 7))
        if drawn < 0.14 and self.waiting:
            return Note(self.chance.choice(self.waiting), self.chance.randrange(4))
        return self._batch()

    def _batch(self) -> Batch:
        chance = self.chance
        self.number += 1
        batch = Batch(self.number)
        for stream in chance.sample(STREAMS, chance.randint(1, 4)):
            before = self.versions[stream]
            count = chance.randint(1, 3)
            self.versions[stream] = before + count
            self.states[stream] = self._bytes()
            batch.turns.append(TurnRow(stream, before + 1, count, self._bytes(), self.number))
            batch.states.append(
                StateRow(stream, before + count, self.states[stream], self.number, before)
            )
        for _ in range(chance.randint(0, 3)):
            self.newest += 1
            due = chance.choice((0, 10 * self.newest))
            stream = chance.choice(STREAMS)
            batch.accepted.append(MessageRow(self.newest, stream, due, self._bytes()))
        self._take(batch)
        self.waiting += [row.id for row in batch.accepted]
        if chance.random() < 0.5:
            name = f"r{self.number}"
            batch.outcomes.append(OutcomeRow(name, b"what", self._bytes(), 10**15))
        return batch

    def _take(self, batch: Batch) -> None:
        chance = self.chance
        for _ in range(min(len(self.waiting), chance.randint(0, 3))):
            taken = self.waiting.pop(chance.randrange(len(self.waiting)))
            batch.consumed.append(taken)
            if chance.random() < 0.1:
                batch.quarantined.append(
                    QuarantineRow(taken, STREAMS[0], self._bytes(), 3, "why", self.number)
                )

    def _bytes(self) -> bytes:
        size = int(self.largest ** self.chance.random())
        return self.chance.randbytes(size)


def do(store: Store, work: Work) -> None:
    """Do one piece of work; it may be done again when it is not known whether it was."""
    match work:
        case Batch():
            store.commit(work)
        case Probe():
            store.probe()
        case Purge(base):
            store.purge_history(base, limit=100)
        case Note(message_id, attempts):
            store.set_attempts([message_id], attempts)
