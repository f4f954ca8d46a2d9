"""What waits for the disk: the records of turns, and the batch that a commit makes of them.

Pure: no threads, no clock. Records are kept in the order in which they were made, and a batch
always takes all of them, so a later record can never be durable without the earlier ones.
A message that was sent and consumed within one batch never reaches the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from perdure.actors.behavior import Outcome, Step
from perdure.actors.messages import Message, to_row
from perdure.storage.records import (
    BaseRow,
    Batch,
    OutcomeRow,
    QuarantineRow,
    StateRow,
    StoredTurn,
    TurnRow,
)

TURN_COST = 200
"""What one record weighs besides its bytes, for back-pressure."""


Answer = tuple[Any, Outcome | Exception, Message | None]
"""A reply, what it will be resolved with, and the call that it answers."""


class Record(msgspec.Struct, eq=False):
    """One thing that shall become durable: a turn, or the acceptance of messages.

    Attributes:
        cell: whose turn it was; ``None`` for acceptance.
        first_version: the version of the first of ``events``.
        events: encoded events, one version each.
        accepted: messages that begin to exist with this record.
        handled: messages of the turn, all of which end with it.
        consumed: ids of other messages that end with it.
        replies: who learns of it once it is durable, what, and of which call.
        outcomes: outcomes of requests to be remembered.
        quarantined: messages set aside.
        touched: the actor's state is to be written, although there may be no event.
        cut: the version at which the actor's history begins from now on; 0 for no change.
        erased_at: the version at which all that the actor was is dropped, if it is.
        over: the actor is passivated once it is durable.
        spans: what to tell of it once it is durable; ``None`` for nothing.
    """

    time_micros: int
    cell: Any = None
    first_version: int = 0
    events: list[bytes] = []
    accepted: list[Message] = []
    handled: list[Message] = []
    consumed: list[int] = []
    replies: list[Answer] = []
    outcomes: list[OutcomeRow] = []
    quarantined: list[QuarantineRow] = []
    touched: bool = False
    over: bool = False
    cut: int = 0
    erased_at: int | None = None
    spans: Any = None

    @property
    def expected_version(self) -> int:
        """Where the actor's stream was before this record."""
        return self.first_version - 1 if self.erased_at is None else self.erased_at

    def erase(self) -> None:
        """Drop all that the actor was, also what this record has of it."""
        self.erased_at = self.expected_version
        self.events.clear()
        self.first_version, self.cut, self.touched = 1, 0, True

    def ended(self) -> Iterator[int]:
        """The ids of the accepted messages that end with it."""
        for message in self.handled:
            if message.id:
                yield message.id
        yield from self.consumed

    def writes(self) -> bool:
        """Whether any of it goes to the store."""
        return bool(
            self.events
            or self.touched
            or self.accepted
            or self.consumed
            or self.outcomes
            or self.quarantined
        ) or any(message.id for message in self.handled)


class Pending(msgspec.Struct, eq=False):
    """The records that the next commit will take, in order."""

    number: int
    records: list[Record] = []
    weight: int = 0
    gated: list[Step] = []
    """Operations that start only when all of this is durable."""
    scheduled: list[Message] = []
    """Accepted messages that are due later."""
    batch: Batch | None = None
    """What the commit writes, once it was handed over."""

    def add(self, record: Record) -> None:
        """Queue *record*: from now on what it says may be acted on inside the partition."""
        self.records.append(record)
        self.weight += TURN_COST + sum(map(len, record.events))

    def __bool__(self) -> bool:
        return bool(self.records or self.gated)


def unwritten_turns(cell: Any, records: Iterable[Record]) -> tuple[list[StoredTurn], bool]:
    """What *cell* did that no commit has written yet, from all *records*, oldest first.

    Returns:
        The turns, and whether nothing that is written counts any more.
    """
    turns: list[StoredTurn] = []
    erased = False
    for record in records:
        if record.cell is not cell:
            continue
        if record.erased_at is not None:
            turns, erased = [], True
        if record.events:
            first, count = record.first_version, len(record.events)
            events = encode_events(record.events)
            turns.append(StoredTurn(0, cell.address, first, count, events, record.time_micros))
    return turns, erased


def encode_events(events: list[bytes]) -> bytes:
    """A JSON array of events that are encoded already."""
    return b"[" + b",".join(events) + b"]"


def batch_of(pending: Pending) -> Batch:
    """What a commit has to write so that every record of *pending* has happened."""
    batch = Batch(pending.number)
    accepted: dict[int, Message] = {}
    cells: dict[Any, int] = {}
    for record in pending.records:
        for message in record.accepted:
            accepted[message.id] = message
        for ended in record.ended():
            if accepted.pop(ended, None) is None:
                batch.consumed.append(ended)
        if record.events or record.touched:
            cells.setdefault(record.cell, record.expected_version)
            _add_history(batch, record)
        if record.outcomes:
            batch.outcomes.extend(record.outcomes)
        if record.quarantined:
            batch.quarantined.extend(record.quarantined)
    for cell, expected in cells.items():
        batch.states.append(
            StateRow(
                cell.address,
                cell.version,
                cell.instance.state(),
                pending.records[-1].time_micros,
                expected,
            )
        )
    batch.accepted.extend(map(to_row, accepted.values()))
    return batch


def _add_history(batch: Batch, record: Record) -> None:
    """What a turn adds to its actor's history, and what goes of that."""
    stream: str = record.cell.address
    if record.erased_at is not None:
        batch.erased.append(stream)
        batch.turns = [turn for turn in batch.turns if turn.stream != stream]
        batch.bases = [base for base in batch.bases if base.stream != stream]
    if record.events:
        batch.turns.append(
            TurnRow(
                stream,
                record.first_version,
                len(record.events),
                encode_events(record.events),
                record.time_micros,
            )
        )
    if record.cut:
        batch.bases.append(BaseRow(stream, record.cut, None, record.time_micros))


def is_empty(batch: Batch) -> bool:
    """Whether there is nothing to write: then nothing has to wait for the disk."""
    return not (
        batch.turns
        or batch.accepted
        or batch.consumed
        or batch.outcomes
        or batch.quarantined
        or batch.states
    )


class StoredOutcome(msgspec.Struct, array_like=True):
    """How a request's outcome is remembered: its result, or why it failed.

    ``waiting_at`` is set while there is none yet: the request waits for that actor.
    """

    result: msgspec.Raw
    failure: tuple[str, str, str | None] | None = None
    waiting_at: str | None = None
