"""A store in memory: for tests, for the simulator, and for ``App.open(":memory:")``.

What would be on a disk is in a :class:`MemoryDisk`, which outlives the store that writes it:
dropping the store without ``close`` and opening another on the same disk is a crash.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

import attrs

from perdure.errors import (
    NodeClosedError,
    OwnershipLostError,
    RowRejectedError,
    StoreOpenError,
    VersionConflictError,
)
from perdure.storage.memory_disk import MemoryDisk, check_batch, find_damage
from perdure.storage.prefixes import end_of_prefix
from perdure.storage.records import (
    BaseRow,
    Batch,
    Damage,
    LoadedActor,
    MessageRow,
    Narrowing,
    Opening,
    OutcomeRow,
    QuarantineRow,
    StoredState,
    StoredTurn,
    Tally,
)
from perdure.storage.searches import is_wanted
from perdure.storage.tallies import tallied


class Faults(Protocol):
    """What a simulator may do to a commit: either method may raise what it likes.

    A store's error raised before is a commit that failed and was not written, one raised
    after is a commit that failed and yet was written; anything else is a crash there.
    """

    def before_commit(self, batch: Batch) -> None:
        """Called when nothing is written yet."""

    def after_commit(self, batch: Batch) -> None:
        """Called when *batch* is durable and the caller does not know it yet."""


@attrs.define(eq=False)
class MemoryStore:
    """A :class:`~perdure.storage.ports.Store` over a :class:`MemoryDisk`."""

    opening: Opening
    location: str
    _disk: MemoryDisk
    _faults: Faults | None = None
    _closed: bool = False

    @property
    def durability(self) -> str:
        """See :meth:`perdure.storage.ports.Store.durability`."""
        return "nothing"

    @classmethod
    def open(
        cls,
        disk: MemoryDisk | None = None,
        *,
        faults: Faults | None = None,
        location: str = ":memory:",
    ) -> MemoryStore:
        """Open *disk* (a new one by default); a store that was open on it loses it."""
        disk = MemoryDisk() if disk is None else disk
        with disk.lock:
            disk.incarnation += 1
            opening = Opening(disk.incarnation, disk.clean, disk.suspect, disk.last_batch)
            disk.clean = False
        return cls(opening, location, disk, faults)

    # ---- writing ------------------------------------------------------------------------

    def commit(self, batch: Batch) -> int:
        """See :meth:`perdure.storage.ports.Writer.commit`."""
        if self._faults is not None:
            self._faults.before_commit(batch)
        with self._disk.lock:
            self._require_ownership()
            check_batch(self._disk, batch)
            self._disk.apply(batch)
            seq = self._disk.last_seq
        if self._faults is not None:
            self._faults.after_commit(batch)
        return seq

    def probe(self) -> int:
        """See :meth:`perdure.storage.ports.Writer.probe`; memory always works."""
        with self._disk.lock:
            self._require_ownership()
            return self._disk.last_batch

    def count_attempts(self, message_ids: Sequence[int]) -> None:
        """See :meth:`perdure.storage.ports.Writer.count_attempts`."""
        with self._disk.lock:
            self._require_ownership()
            alone = len(message_ids) == 1
            for message_id in message_ids:
                row = self._disk.inbox.get(message_id)
                if row is not None:
                    row.attempts = max(row.attempts, 0) + 1 if alone else row.attempts or -1
            self._disk.suspect = message_ids[0] if alone else None

    def set_attempts(self, message_ids: Sequence[int], attempts: int) -> None:
        """See :meth:`perdure.storage.ports.Writer.set_attempts`."""
        with self._disk.lock:
            self._require_ownership()
            for message_id in message_ids:
                row = self._disk.inbox.get(message_id)
                if row is not None:
                    row.attempts = attempts

    def redrive(self, message_id: int, new_id: int) -> str | None:
        """See :meth:`perdure.storage.ports.Writer.redrive`."""
        with self._disk.lock:
            self._require_ownership()
            row = self._disk.quarantine.get(message_id)
            if row is None:
                return None
            if new_id in self._disk.inbox:
                msg = f"message {new_id} is already waiting"
                raise RowRejectedError(msg)
            del self._disk.quarantine[message_id]
            self._disk.put_message(MessageRow(new_id, row.stream, 0, row.body))
            return row.stream

    def discard(self, message_id: int) -> bool:
        """See :meth:`perdure.storage.ports.Writer.discard`."""
        with self._disk.lock:
            self._require_ownership()
            return self._disk.quarantine.pop(message_id, None) is not None

    def purge_history(self, base: BaseRow, *, limit: int) -> int:
        """See :meth:`perdure.storage.ports.Writer.purge_history`."""
        with self._disk.lock:
            self._require_ownership()
            held = self._disk.held_version(base.stream)
            if base.version > held:
                msg = f"{base.stream} is at version {held}; before a base at {base.version}"
                raise VersionConflictError(msg)
            return self._disk.put_base(base, limit=limit)

    def purge_outcomes(self, now_micros: int, *, limit: int) -> int:
        """See :meth:`perdure.storage.ports.Writer.purge_outcomes`."""
        with self._disk.lock:
            self._require_ownership()
            rows = self._disk.outcomes
            expired = [key for key, row in rows.items() if row.expires_micros <= now_micros]
            for key in expired[:limit]:
                del rows[key]
            return len(expired[:limit])

    def backup(self, path: str) -> None:
        """Refused: there is no file to copy to one."""
        msg = f"cannot back up {self.location} to {path!r}: a store in memory has no file"
        raise StoreOpenError(msg)

    def close(self, *, clean: bool) -> None:
        """See :meth:`perdure.storage.ports.Writer.close`."""
        with self._disk.lock:
            owned = self._disk.incarnation == self.opening.incarnation
            if clean and owned and not self._closed:
                self._disk.clean = True
                self._disk.suspect = None
            self._closed = True

    # ---- reading ------------------------------------------------------------------------

    def load(self, streams: Sequence[str], now_micros: int) -> dict[str, LoadedActor]:
        """See :meth:`perdure.storage.ports.Reader.load`."""
        with self._disk.lock:
            self._require_open()
            return {stream: self._load_one(stream, now_micros) for stream in streams}

    def _load_one(self, stream: str, now_micros: int) -> LoadedActor:
        state = self._disk.states.get(stream)
        messages = sorted(self._disk.waiting.get(stream, {}).items())
        return LoadedActor(
            self._disk.held_version(stream),
            state.state if state else None,
            tuple(attrs.evolve(row) for _, row in messages if row.due_micros <= now_micros),
        )

    def due(
        self, after: tuple[int, int], until_micros: int, *, limit: int
    ) -> list[tuple[int, int, str]]:
        """See :meth:`perdure.storage.ports.Reader.due`."""
        with self._disk.lock:
            self._require_open()
            rows = self._disk.due
            start = bisect_left(rows, (after[0], after[1] + 1, ""))
            end = bisect_right(rows, until_micros, key=lambda row: row[0])
            return rows[start : min(end, start + limit)]

    def messages(self, message_ids: Sequence[int]) -> list[MessageRow]:
        """See :meth:`perdure.storage.ports.Reader.messages`."""
        with self._disk.lock:
            self._require_open()
            inbox = self._disk.inbox
            return [attrs.evolve(inbox[name]) for name in sorted(message_ids) if name in inbox]

    def next_due(self, after_micros: int) -> int | None:
        """See :meth:`perdure.storage.ports.Reader.next_due`."""
        with self._disk.lock:
            self._require_open()
            place = bisect_right(self._disk.due, after_micros, key=lambda row: row[0])
            return self._disk.due[place][0] if place < len(self._disk.due) else None

    def outcomes(self, request_ids: Sequence[str], now_micros: int) -> dict[str, OutcomeRow]:
        """See :meth:`perdure.storage.ports.Reader.outcomes`."""
        with self._disk.lock:
            self._require_open()
            found = {key: self._disk.outcomes.get(key) for key in request_ids}
            return {
                key: attrs.evolve(row)
                for key, row in found.items()
                if row is not None and row.expires_micros > now_micros
            }

    def state(self, stream: str) -> StoredState | None:
        """See :meth:`perdure.storage.ports.Reader.state`."""
        with self._disk.lock:
            self._require_open()
            return self._counted(self._disk.states.get(stream))

    def _counted(self, row: StoredState | None) -> StoredState | None:
        if row is None:
            return None
        return attrs.evolve(row, waiting=len(self._disk.waiting.get(row.stream, {})))

    def states(
        self,
        prefix: str,
        *,
        after: str = "",
        limit: int = 100,
        modified_from: int | None = None,
        modified_to: int | None = None,
    ) -> list[StoredState]:
        """See :meth:`perdure.storage.ports.Reader.states`."""
        with self._disk.lock:
            self._require_open()
            keys = self._streams_in_order()
            page: list[StoredState] = []
            end = end_of_prefix(prefix)
            place = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
            while place < len(keys) and len(page) < limit:
                if end is not None and keys[place] >= end:
                    break
                row = self._counted(self._disk.states[keys[place]])
                place += 1
                if row is not None and _is_between(row.time_micros, modified_from, modified_to):
                    page.append(row)
            return page

    def _streams_in_order(self) -> list[str]:
        if self._disk.sorted_states is None:
            self._disk.sorted_states = sorted(self._disk.states)
        return self._disk.sorted_states

    def base(self, stream: str) -> BaseRow | None:
        """See :meth:`perdure.storage.ports.Reader.base`."""
        with self._disk.lock:
            self._require_open()
            return self._disk.bases.get(stream)

    def turns(
        self, stream: str, *, after_version: int = 0, limit: int = 1000
    ) -> list[StoredTurn]:
        """See :meth:`perdure.storage.ports.Reader.turns`."""
        with self._disk.lock:
            self._require_open()
            turns = self._disk.by_stream.get(stream, [])
            start = bisect_right(
                turns, after_version, key=lambda turn: turn.first_version + turn.count - 1
            )
            return turns[start : start + limit]

    def pasts(self, streams: Sequence[str], *, most_bytes: int) -> dict[str, list[StoredTurn]]:
        """See :meth:`perdure.storage.ports.Reader.pasts`."""
        found: dict[str, list[StoredTurn]] = {}
        with self._disk.lock:
            self._require_open()
            for stream in dict.fromkeys(streams):
                turns = self._disk.by_stream.get(stream, [])
                most_bytes -= sum(len(turn.events) for turn in turns)
                if most_bytes < 0:
                    break
                if turns:
                    found[stream] = list(turns)
        return found

    def feed(self, after_seq: int, *, limit: int = 1000) -> list[StoredTurn]:
        """See :meth:`perdure.storage.ports.Reader.feed`."""
        with self._disk.lock:
            self._require_open()
            start = bisect_right(self._disk.turns, after_seq, key=lambda turn: turn.seq)
            return self._disk.turns[start : start + limit]

    def turn_times(self, after_seq: int, *, limit: int = 1000) -> list[tuple[int, str, int]]:
        """See :meth:`perdure.storage.ports.Reader.turn_times`."""
        page = self.feed(after_seq, limit=limit)
        return [(turn.seq, turn.stream, turn.time_micros) for turn in page]

    def search(
        self, first: str, end: str | None, *, after: str, narrowing: Narrowing, limit: int
    ) -> tuple[list[StoredState], str | None]:
        """See :meth:`perdure.storage.ports.Reader.search`."""
        with self._disk.lock:
            self._require_open()
            keys = self._streams_in_order()
            place = max(bisect_left(keys, first), bisect_right(keys, after) if after else 0)
            wanted = (
                attrs.evolve(self._disk.states[key])
                for key in keys[place : None if end is None else bisect_left(keys, end)]
                if is_wanted(self._disk.states[key].state, narrowing)
            )
            page = list(islice(wanted, limit))
        return page, page[-1].stream if len(page) == limit else None

    def newest_states(
        self,
        prefix: str,
        before: tuple[int, str] | None = None,
        *,
        beside: str,
        narrowing: Narrowing,
        limit: int = 100,
    ) -> list[StoredState]:
        """See :meth:`perdure.storage.ports.Reader.newest_states`."""
        with self._disk.lock:
            self._require_open()
            rows = [
                attrs.evolve(row)
                for row in self._disk.states.values()
                if row.stream.startswith(prefix) and not row.stream.startswith(beside)
                if is_wanted(row.state, narrowing)
            ]
        rows.sort(key=_newest_first)
        if before is None:
            return rows[:limit]
        behind = (-before[0], before[1])
        return [row for row in rows if _newest_first(row) > behind][:limit]

    def newest_turns(
        self,
        before_seq: int | None = None,
        *,
        limit: int = 100,
        between: tuple[str, str | None] | None = None,
    ) -> list[tuple[int, str]]:
        """See :meth:`perdure.storage.ports.Reader.newest_turns`."""
        first, end = between or ("", None)
        with self._disk.lock:
            self._require_open()
            turns = self._disk.turns
            place = len(turns)
            if before_seq is not None:
                place = bisect_left(turns, before_seq, key=lambda turn: turn.seq)
            found = (
                (turn.seq, turn.stream)
                for turn in map(turns.__getitem__, range(place - 1, -1, -1))
                if turn.stream >= first and (end is None or turn.stream < end)
            )
            return list(islice(found, limit))

    def count(self, prefix: str) -> int:
        """See :meth:`perdure.storage.ports.Reader.count`."""
        with self._disk.lock:
            self._require_open()
            return sum(stream.startswith(prefix) for stream in self._disk.states)

    def tally(self, member: str, least: str, *, beside: str) -> list[Tally]:
        """See :meth:`perdure.storage.ports.Reader.tally`."""
        with self._disk.lock:
            self._require_open()
            rows = list(self._disk.states.values())
        return tallied(
            (row for row in rows if not row.stream.startswith(beside)), member, least
        )

    def quarantined(self, *, after: int = 0, limit: int = 100) -> list[QuarantineRow]:
        """See :meth:`perdure.storage.ports.Reader.quarantined`."""
        with self._disk.lock:
            self._require_open()
            ids = sorted(key for key in self._disk.quarantine if key > after)
            return [attrs.evolve(self._disk.quarantine[key]) for key in ids[:limit]]

    def waiting(self, stream: str | None = None) -> int:
        """See :meth:`perdure.storage.ports.Reader.waiting`."""
        with self._disk.lock:
            self._require_open()
            if stream is None:
                return len(self._disk.inbox)
            return len(self._disk.waiting.get(stream, {}))

    def streams(self, *, after: str = "", limit: int = 1000) -> list[str]:
        """See :meth:`perdure.storage.ports.Reader.streams`."""
        with self._disk.lock:
            self._require_open()
            with_turns = {stream for stream, turns in self._disk.by_stream.items() if turns}
            known = with_turns | self._disk.states.keys() | self._disk.bases.keys()
            return sorted(stream for stream in known if stream > after)[:limit]

    def check(self) -> Iterable[Damage]:
        """See :meth:`perdure.storage.ports.Reader.check`."""
        with self._disk.lock:
            self._require_open()
            return find_damage(self._disk)

    # ---- being the owner ----------------------------------------------------------------

    def _require_open(self) -> None:
        if self._closed:
            msg = f"store {self.location} is closed: open it again"
            raise NodeClosedError(msg)

    def _require_ownership(self) -> None:
        self._require_open()
        if self._disk.incarnation != self.opening.incarnation:
            msg = f"store {self.location} was opened again: this handle has lost it"
            raise OwnershipLostError(msg)


def _newest_first(row: StoredState) -> tuple[int, str]:
    return -row.time_micros, row.stream


def _is_between(time_micros: int, first: int | None, last: int | None) -> bool:
    return (first is None or time_micros >= first) and (last is None or time_micros <= last)
