"""What the engine asks of a store. Each method says what it promises and what it raises.

One object per partition has one writer. Reading methods see committed data only and may be
called from any thread; the writing ones are called by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

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


class Writer(Protocol):
    """The one place where anything becomes durable."""

    def commit(self, batch: Batch) -> int:
        """Write all of *batch* or nothing; when this returns it is on stable storage.

        Each state's expected version must be what the store holds; ``consumed`` ids leave the
        inbox (unknown ones are no error); a message that the batch both accepts and consumes is
        never written; ``suspect`` is remembered, replacing the last one. A stream may have
        several states, if each expects the version of the one before.

        Returns:
            The ``seq`` of the newest turn that was ever stored (0: there was none).

        Raises:
            RowRejectedError: a record cannot be stored. Nothing was written.
            VersionConflictError: a stream is not at its expected version. Nothing was written.
            OwnershipLostError: another process has taken the store over. Nothing was written.
            StoreUnavailableError: the disk failed; whether it was written is not known until
                :meth:`probe` returns.
            CorruptionError: the file is damaged; as above, and it will not get better.
        """
        ...

    def probe(self) -> int:
        """Find out whether the disk works again after a failed commit.

        Returns:
            The number of the last batch that is durable.

        Raises:
            StoreUnavailableError: it does not work yet.
        """
        ...

    def count_attempts(self, message_ids: Sequence[int]) -> None:
        """Note durably, before they run after a crash, that these waiting messages are in hand.

        A message alone is the suspect of the next crash: its attempts go up by one. Several are
        suspects together: the attempts of those that have none become -1, which counts as
        none and tells that they are no longer beyond suspicion; no single suspect is named.

        Raises:
            StoreError: as for :meth:`commit`; they must not run.
        """
        ...

    def set_attempts(self, message_ids: Sequence[int], attempts: int) -> None:
        """Note durably how many attempts these waiting messages have, instead of before.

        Raises:
            StoreError: as for :meth:`commit`.
        """
        ...

    def redrive(self, message_id: int, new_id: int) -> str | None:
        """Put a quarantined message back into the inbox under *new_id*, with no attempts.

        Returns:
            Its stream, or ``None`` when no such message is quarantined.

        Raises:
            RowRejectedError: a message waits under *new_id*. Nothing was changed.
            CorruptionError: the quarantined row is damaged. Nothing was changed.
        """
        ...

    def discard(self, message_id: int) -> bool:
        """Forget a quarantined message; false when there was none."""
        ...

    def purge_history(self, base: BaseRow, *, limit: int) -> int:
        """Drop up to *limit* of the oldest turns that end at or before ``base.version``, and
        keep *base* as the stream's beginning, in one transaction. Only as far as turns were
        dropped may be read as missing: the base is written first. An earlier base never
        replaces a later one.

        Returns:
            How many turns were dropped; fewer than *limit* means that it is done.

        Raises:
            VersionConflictError: the stream is not yet at ``base.version``.
        """
        ...

    def purge_outcomes(self, now_micros: int, *, limit: int) -> int:
        """Drop up to *limit* outcomes that have expired; returns how many."""
        ...

    def backup(self, path: str) -> None:
        """Copy the store to a new file while it is in use; any thread may call it. The copy
        is one moment between two commits and is marked as cleanly closed.

        Raises:
            StoreOpenError: *path* exists or cannot be written.
        """

    def close(self, *, clean: bool) -> None:
        """Let go of the store. *clean* marks that nothing was in hand."""


class Reader(Protocol):
    """What is committed, for activation, for people and for programs."""

    def load(self, streams: Sequence[str], now_micros: int) -> dict[str, LoadedActor]:
        """Load actors for activation; every asked stream is in the answer. A damaged row
        comes back with ``corrupt`` set and never fails the others.
        """
        ...

    def due(
        self, after: tuple[int, int], until_micros: int, *, limit: int
    ) -> list[tuple[int, int, str]]:
        """Waiting messages as (due, id, stream), in that order, beyond *after* and not due
        after *until_micros*, at most *limit*.
        """
        ...

    def messages(self, message_ids: Sequence[int]) -> list[MessageRow]:
        """Those waiting messages that can be read, damaged ones with ``corrupt`` set, found by
        their ids: a row whose stream is damaged is found in no other way.
        """
        ...

    def next_due(self, after_micros: int) -> int | None:
        """The earliest due time after *after_micros*, or ``None``."""
        ...

    def outcomes(self, request_ids: Sequence[str], now_micros: int) -> dict[str, OutcomeRow]:
        """The remembered outcomes of those of the requests that have one; a damaged one comes
        back with ``corrupt`` set.
        """
        ...

    def state(self, stream: str) -> StoredState | None:
        """An actor's present row, or ``None``.

        Raises:
            CorruptionError: its checksum does not fit.
        """
        ...

    def states(
        self,
        prefix: str,
        *,
        after: str = "",
        limit: int = 100,
        modified_from: int | None = None,
        modified_to: int | None = None,
    ) -> list[StoredState]:
        """Rows whose stream starts with *prefix*, in byte order of streams, beyond *after*;
        modified from *modified_from* to *modified_to*, both included. A damaged row comes back
        with ``corrupt`` set and hides none of the others.
        """
        ...

    def base(self, stream: str) -> BaseRow | None:
        """Where the stream's history begins, when older events were purged."""
        ...

    def turns(
        self, stream: str, *, after_version: int = 0, limit: int = 1000
    ) -> list[StoredTurn]:
        """The stream's turns that hold events beyond *after_version*, oldest first.

        Raises:
            CorruptionError: a turn's checksum does not fit.
        """
        ...

    def pasts(self, streams: Sequence[str], *, most_bytes: int) -> dict[str, list[StoredTurn]]:
        """All turns of several streams, oldest first, with one look; they should be short.

        Those are left out that are beyond *most_bytes* of events in all.

        Raises:
            CorruptionError: a turn's checksum does not fit.
        """
        ...

    def feed(self, after_seq: int, *, limit: int = 1000) -> list[StoredTurn]:
        """All turns beyond *after_seq* in the store's order. A page ends before a damaged turn.

        Raises:
            CorruptionError: the first of them is damaged.
        """
        ...

    def turn_times(self, after_seq: int, *, limit: int = 1000) -> list[tuple[int, str, int]]:
        """The same turns as (seq, stream, time), without reading what is in them: a damaged
        one is listed like the others.
        """
        ...

    def search(
        self, first: str, end: str | None, *, after: str, narrowing: Narrowing, limit: int
    ) -> tuple[list[StoredState], str | None]:
        """Rows of streams from *first* to before *end* that have what is wanted, in byte order
        beyond *after*, and behind what to go on; ``None``: there are no more. A search that
        finds little ends early, so there may be few, or none, and yet more to come.
        """
        ...

    def newest_states(
        self,
        prefix: str,
        before: tuple[int, str] | None = None,
        *,
        beside: str,
        narrowing: Narrowing,
        limit: int = 100,
    ) -> list[StoredState]:
        """Rows that have what is wanted, those that were written last first and of one time in
        byte order of their streams: of those behind (time, stream), or of all. Of streams that
        start with *prefix*, and not with *beside*.
        """
        ...

    def newest_turns(
        self,
        before_seq: int | None = None,
        *,
        limit: int = 100,
        between: tuple[str, str | None] | None = None,
    ) -> list[tuple[int, str]]:
        """Turns before *before_seq*, or all, as (seq, stream), the newest first, without what
        is in them. With *between* only of streams from the first to before the second, for
        the price of all turns that those have.
        """
        ...

    def count(self, prefix: str) -> int:
        """How many rows there are whose stream starts with *prefix*."""
        ...

    def tally(self, member: str, least: str, *, beside: str) -> list[Tally]:
        """The rows whose state is a JSON object, counted by the text of one *member* of it, and
        in each group the row with the smallest number *least*; without rows whose stream
        starts with *beside*. Checksums are not looked at; what is no JSON is left out.
        """
        ...

    def quarantined(self, *, after: int = 0, limit: int = 100) -> list[QuarantineRow]:
        """Messages set aside, in the order of their ids, beyond *after*."""
        ...

    def waiting(self, stream: str | None = None) -> int:
        """How many accepted messages wait, for one actor or in all."""
        ...

    def streams(self, *, after: str = "", limit: int = 1000) -> list[str]:
        """Every stream that has a row, a turn or a base, in byte order, beyond *after*."""
        ...

    def check(self) -> Iterable[Damage]:
        """Damage that needs no knowledge of what the bytes mean: checksums, versions with
        gaps, a state row that is not at its stream's last version, the file's own check.
        """
        ...


class Store(Writer, Reader, Protocol):
    """A whole store, opened by one process."""

    @property
    def opening(self) -> Opening:
        """What was found when it was opened."""
        ...

    @property
    def location(self) -> str:
        """The path of its file, or a name such as ``:memory:``."""
        ...

    @property
    def durability(self) -> str:
        """What an acknowledged commit survives: ``power``, ``process``, or ``nothing``."""
        ...
