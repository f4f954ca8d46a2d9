"""What a store in memory keeps, and what it refuses to keep.

A :class:`MemoryDisk` outlives the :class:`~perdure.storage.memory.MemoryStore` that writes it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

import attrs

from perdure.errors import RowRejectedError, VersionConflictError
from perdure.storage.continuity import find_gaps
from perdure.storage.records import (
    BaseRow,
    Batch,
    Damage,
    MessageRow,
    OutcomeRow,
    QuarantineRow,
    StateRow,
    StoredState,
    StoredTurn,
)

_INT64 = range(-(2**63), 2**63)


@attrs.define(eq=False)
class MemoryDisk:
    """The durable part. Every value in it is bytes, a number, a string or immutable."""

    incarnation: int = 0
    clean: bool = True
    suspect: int | None = None
    last_batch: int = 0
    last_seq: int = 0
    turns: list[StoredTurn] = attrs.Factory(list[StoredTurn])
    by_stream: dict[str, list[StoredTurn]] = attrs.Factory(dict[str, list[StoredTurn]])
    states: dict[str, StoredState] = attrs.Factory(dict[str, StoredState])
    inbox: dict[int, MessageRow] = attrs.Factory(dict[int, MessageRow])
    waiting: dict[str, dict[int, MessageRow]] = attrs.Factory(dict[str, dict[int, MessageRow]])
    due: list[tuple[int, int, str]] = attrs.Factory(list[tuple[int, int, str]])
    outcomes: dict[str, OutcomeRow] = attrs.Factory(dict[str, OutcomeRow])
    quarantine: dict[int, QuarantineRow] = attrs.Factory(dict[int, QuarantineRow])
    bases: dict[str, BaseRow] = attrs.Factory(dict[str, BaseRow])
    sorted_states: list[str] | None = None
    lock: Lock = attrs.Factory(Lock)

    def held_version(self, stream: str) -> int:
        """The version of *stream*, also when it has no row."""
        state = self.states.get(stream)
        if state is not None:
            return state.version
        turns = self.by_stream.get(stream)
        base = self.bases.get(stream)
        return max(
            turns[-1].first_version + turns[-1].count - 1 if turns else 0,
            base.version if base else 0,
        )

    def has_turn(self, stream: str, first_version: int) -> bool:
        """Whether a turn of *stream* begins at *first_version*."""
        turns = self.by_stream.get(stream, [])
        place = bisect_left(turns, first_version, key=_first_version)
        return place < len(turns) and turns[place].first_version == first_version

    def put_message(self, row: MessageRow) -> None:
        """Add a waiting message."""
        own = attrs.evolve(row)
        self.inbox[own.id] = own
        self.waiting.setdefault(own.stream, {})[own.id] = own
        insort(self.due, (own.due_micros, own.id, own.stream))

    def drop_message(self, message_id: int) -> None:
        """Remove a waiting message, if there is one."""
        row = self.inbox.pop(message_id, None)
        if row is None:
            return
        of_stream = self.waiting[row.stream]
        del of_stream[message_id]
        if not of_stream:
            del self.waiting[row.stream]
        del self.due[bisect_left(self.due, (row.due_micros, row.id, row.stream))]

    def put_state(self, row: StateRow) -> None:
        """Write or remove an actor's row."""
        known = row.stream in self.states
        if row.state is None:
            self.states.pop(row.stream, None)
        else:
            self.states[row.stream] = StoredState(
                row.stream, row.version, row.state, row.time_micros
            )
        if known != (row.stream in self.states):
            self.sorted_states = None

    def put_base(self, base: BaseRow, *, limit: int | None) -> int:
        """Begin a stream's history at *base*; returns how many turns before it were dropped."""
        present = self.bases.get(base.stream)
        if present is None or present.version <= base.version:
            self.bases[base.stream] = base
        turns = self.by_stream.get(base.stream, [])
        doomed = [t for t in turns if t.first_version + t.count - 1 <= base.version][:limit]
        if doomed:
            self.by_stream[base.stream] = turns[len(doomed) :]
            self.drop_turns(doomed)
        return len(doomed)

    def drop_turns(self, turns: Sequence[StoredTurn]) -> None:
        """Remove turns from the order of the store."""
        for turn in turns:
            del self.turns[bisect_left(self.turns, turn.seq, key=_seq)]

    def apply(self, batch: Batch) -> None:
        """Write a batch that was found to be good."""
        consumed = set(batch.consumed)
        for stream in batch.erased:
            self.drop_turns(self.by_stream.pop(stream, []))
            self.bases.pop(stream, None)
        for turn in batch.turns:
            self.last_seq += 1
            stored = StoredTurn(
                self.last_seq,
                turn.stream,
                turn.first_version,
                turn.count,
                turn.events,
                turn.time_micros,
            )
            self.turns.append(stored)
            insort(self.by_stream.setdefault(turn.stream, []), stored, key=_first_version)
        for state in batch.states:
            self.put_state(state)
        for base in batch.bases:
            self.put_base(base, limit=None)
        for message_id in batch.consumed:
            self.drop_message(message_id)
        for message in batch.accepted:
            if message.id not in consumed:
                self.put_message(message)
        for outcome in batch.outcomes:
            self.outcomes[outcome.request_id] = attrs.evolve(outcome)
        for row in batch.quarantined:
            self.quarantine[row.id] = attrs.evolve(row)
        self.last_batch = batch.number
        self.suspect = batch.suspect


def _seq(turn: StoredTurn) -> int:
    return turn.seq


def _first_version(turn: StoredTurn) -> int:
    return turn.first_version


def check_batch(disk: MemoryDisk, batch: Batch) -> None:
    """Refuse what cannot be written, before anything is."""
    for number in _numbers(batch):
        if number not in _INT64:
            msg = f"{number} does not fit in 64 bits"
            raise RowRejectedError(msg)
    for text in _texts(batch):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            msg = f"{text!r} cannot be stored: {error}"
            raise RowRejectedError(msg) from error
    _check_versions(disk, batch)
    consumed = set(batch.consumed)
    messages = [row.id for row in batch.accepted if row.id not in consumed]
    _check_new("message", "waiting", messages, disk.inbox)
    _check_new("message", "quarantined", [row.id for row in batch.quarantined], disk.quarantine)


def _check_versions(disk: MemoryDisk, batch: Batch) -> None:
    held: dict[str, int] = {}
    for state in batch.states:
        version = held.get(state.stream)
        version = disk.held_version(state.stream) if version is None else version
        if version != state.expected_version:
            msg = f"{state.stream} is at version {version}, not {state.expected_version}"
            raise VersionConflictError(msg)
        held[state.stream] = state.version
    begun: set[tuple[str, int]] = set()
    for turn in batch.turns:
        start = (turn.stream, turn.first_version)
        is_there = turn.stream not in batch.erased and disk.has_turn(*start)
        if start in begun or is_there:
            msg = f"{turn.stream} has a turn at version {turn.first_version} already"
            raise VersionConflictError(msg)
        begun.add(start)


def _check_new(
    what: str, where: str, ids: Sequence[int], present: Mapping[int, object]
) -> None:
    seen: set[int] = set()
    for row_id in ids:
        if row_id in present or row_id in seen:
            msg = f"{what} {row_id} is already {where}"
            raise RowRejectedError(msg)
        seen.add(row_id)


def _numbers(batch: Batch) -> Iterator[int]:
    for turn in batch.turns:
        yield from (turn.first_version, turn.count, turn.time_micros)
    for state in batch.states:
        yield from (state.version, state.time_micros)
    for message in batch.accepted:
        yield from (message.id, message.due_micros, message.attempts)
    for base in batch.bases:
        yield from (base.version, base.time_micros)
    for outcome in batch.outcomes:
        yield outcome.expires_micros
    for row in batch.quarantined:
        yield from (row.id, row.attempts, row.time_micros)


def _texts(batch: Batch) -> Iterator[str]:
    for turn in batch.turns:
        yield turn.stream
    for state in batch.states:
        yield state.stream
    for base in batch.bases:
        yield base.stream
    yield from batch.erased
    for message in batch.accepted:
        yield message.stream
    for outcome in batch.outcomes:
        yield outcome.request_id
    for quarantined in batch.quarantined:
        yield from (quarantined.stream, quarantined.reason)


def find_damage(disk: MemoryDisk) -> list[Damage]:
    """Streams whose versions do not hang together."""
    found: list[Damage] = []
    for stream in sorted(disk.by_stream.keys() | disk.states.keys() | disk.bases.keys()):
        base, state = disk.bases.get(stream), disk.states.get(stream)
        found += find_gaps(
            stream,
            base_version=base.version if base else 0,
            spans=[(turn.first_version, turn.count) for turn in disk.by_stream.get(stream, [])],
            state_version=state.version if state else None,
        )
    return found
