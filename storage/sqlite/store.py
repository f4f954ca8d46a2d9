"""A store in one SQLite file: the writer, on top of the reader."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

import attrs

from perdure.errors import (
    CorruptionError,
    OwnershipLostError,
    StoreUnavailableError,
    VersionConflictError,
)
from perdure.storage.records import BaseRow, Batch, MessageRow, Opening
from perdure.storage.sqlite.batches import put_base, write_batch
from perdure.storage.sqlite.broken_logs import look_at_log, refuse_older_log
from perdure.storage.sqlite.connections import (
    ReaderPool,
    cannot_open,
    check_durability,
    check_path,
    connect_writer,
    create_private,
    refuse_other_files,
    shorter_wait,
)
from perdure.storage.sqlite.disks import check_disk, check_sqlite
from perdure.storage.sqlite.failures import DRIVER_ERRORS, is_full, translated
from perdure.storage.sqlite.files import StoreFiles
from perdure.storage.sqlite.owner import Owner
from perdure.storage.sqlite.reader import SqliteReader
from perdure.storage.sqlite.reserve import Reserve
from perdure.storage.sqlite.rows import Row, quarantined_of, to_json, values_of_messages
from perdure.storage.sqlite.schema import migrate
from perdure.storage.sqlite.statements import STATEMENTS, of_rows

logger = logging.getLogger("perdure")

_SMALL_STEP = 20
"""Turns purged at once when the disk is full."""

_EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"


@attrs.define(eq=False)
class SqliteStore(SqliteReader):
    """A :class:`~perdure.storage.ports.Store` in one file, owned by this process.

    Attributes:
        opening: what was found when it was opened.
        durability: ``power`` or ``process``.
        connection: the one connection that writes; nobody else may, and only between commits.
    """

    opening: Opening
    durability: str
    _owner: Owner
    connection: sqlite3.Connection
    _last_seq: int | None
    _files: StoreFiles
    _reserve: Reserve
    _lock: Lock = attrs.Factory(Lock)

    @classmethod
    def open(cls, path: str, *, durability: str = "power") -> SqliteStore:
        """Open the store at *path*, created when there is none, and become its owner.

        Args:
            path: the file; beside it are kept ``-wal``, ``-shm`` and ``.lock``.
            durability: ``power``: a commit survives the loss of power; ``process``: it
                survives the end of the process, and a power cut may lose the newest ones.

        Raises:
            StoreOwnedError: another process owns it.
            StoreVersionError: a newer perdure has written it.
            StoreOpenError: it cannot be opened; the message says why.
        """
        check_durability(durability)
        check_sqlite()
        real = check_path(path)
        check_disk(real)
        refuse_other_files(real)
        owner = Owner.acquire(real)
        try:
            create_private(real)
            breach = look_at_log(real)
            refuse_older_log(real)
            connection = connect_writer(real, durability)
        except BaseException:
            owner.release()
            raise
        try:
            if breach is not None:  # what is left behind it would look like damage next time
                connection.execute(_EMPTY_LOG)
            migrate(connection, real)
            opening, last_seq = _count_opening(connection, real)
        except BaseException as error:
            connection.close()
            owner.release()
            if isinstance(error, DRIVER_ERRORS):
                raise cannot_open(real, error) from error
            raise
        return cls(
            real,
            ReaderPool(real),
            opening,
            durability,
            owner,
            connection,
            last_seq,
            StoreFiles.of(real),
            Reserve.beside(real),
        )

    # ---- commits ------------------------------------------------------------------------

    def commit(self, batch: Batch) -> int:
        """See :meth:`perdure.storage.ports.Writer.commit`."""
        with self._writing():
            # Not known while it is written: a commit that fails may have been written.
            last_seq, self._last_seq = self._last_seq, None
            with self._transaction() as connection:
                if last_seq is None:
                    last_seq = _newest_seq(connection)
                seq = last_seq + len(batch.turns)
                meta = (batch.number, seq, batch.suspect, self.opening.incarnation)
                if connection.execute(STATEMENTS["put_batch"], meta).rowcount != 1:
                    raise self._lost()
                write_batch(connection, batch, last_seq=last_seq)
            self._last_seq = seq
            self._cut_log()
            return seq

    def probe(self) -> int:
        """See :meth:`perdure.storage.ports.Writer.probe`.

        The checkpoint empties the write-ahead log, so that nothing of a commit that failed
        can come back from it after a crash.
        """
        with self._writing():
            self._reconnect_if_broken()
            try:
                self._empty_log()
            except StoreUnavailableError as error:
                if not is_full(error) or not self._reserve.release():
                    raise
                logger.warning("the disk of %r is full: its reserve is used", self.location)
                self._empty_log()
            with self._claimed() as connection:
                last_batch: int = connection.execute(STATEMENTS["get_meta"]).fetchone()[3]
            self._require_room()
            return last_batch

    def _empty_log(self) -> None:
        with translated(self.location):
            (busy, _, _) = self.connection.execute(_EMPTY_LOG).fetchone()
        if busy:
            msg = f"store {self.location!r} is busy: its log cannot be emptied yet"
            raise StoreUnavailableError(msg)

    def _require_room(self) -> None:
        """After a full disk: what the reserve has freed is for purging, not for more."""
        reserve = self._reserve
        if not reserve.is_owed or reserve.make():
            return
        (pages,) = self.connection.execute("PRAGMA freelist_count").fetchone()
        (page_bytes,) = self.connection.execute("PRAGMA page_size").fetchone()
        if pages * page_bytes < reserve.size:
            mib = 2 * reserve.size >> 20
            msg = f"the disk of {self.location!r} is full: free {mib} MiB, or purge histories"
            raise StoreUnavailableError(msg)

    # ---- single messages ----------------------------------------------------------------

    def count_attempts(self, message_ids: Sequence[int]) -> None:
        """See :meth:`perdure.storage.ports.Writer.count_attempts`."""
        alone = message_ids[0] if len(message_ids) == 1 else None
        with self._writing(), self._claimed() as connection:
            if alone is not None:
                connection.execute(STATEMENTS["count_attempt"], {"message_id": alone})
            else:
                ids = {"message_ids": to_json(message_ids)}
                connection.execute(STATEMENTS["count_first_attempts"], ids)
            connection.execute(STATEMENTS["put_suspect"], {"message_id": alone})

    def set_attempts(self, message_ids: Sequence[int], attempts: int) -> None:
        """See :meth:`perdure.storage.ports.Writer.set_attempts`."""
        values = {"message_ids": to_json(message_ids), "attempts": attempts}
        with self._writing(), self._claimed() as connection:
            connection.execute(STATEMENTS["set_attempts"], values)

    def redrive(self, message_id: int, new_id: int) -> str | None:
        """See :meth:`perdure.storage.ports.Writer.redrive`."""
        asked = {"message_id": message_id}
        with self._writing(), self._claimed() as connection:
            found = connection.execute(STATEMENTS["quarantined_one"], asked).fetchone()
            if found is None:
                return None
            row = quarantined_of(found)
            again = values_of_messages([MessageRow(new_id, row.stream, 0, row.body)])
            connection.execute(of_rows("insert_messages", 1), again[0])
            connection.execute(STATEMENTS["discard"], asked)
            return row.stream

    def discard(self, message_id: int) -> bool:
        """See :meth:`perdure.storage.ports.Writer.discard`."""
        with self._writing(), self._claimed() as connection:
            asked = {"message_id": message_id}
            return connection.execute(STATEMENTS["discard"], asked).rowcount > 0

    # ---- retention ----------------------------------------------------------------------

    def purge_history(self, base: BaseRow, *, limit: int) -> int:
        """See :meth:`perdure.storage.ports.Writer.purge_history`.

        On a full disk it is done in small steps, each of which begins with an empty log.
        """
        try:
            return self._purge_history(base, limit)
        except StoreUnavailableError as error:
            if not is_full(error):
                raise
        dropped = 0
        while dropped < limit:
            with self._writing():
                self._empty_log()
            asked = min(_SMALL_STEP, limit - dropped)
            step = self._purge_history(base, asked)
            dropped += step
            if step < asked:
                break
        return dropped

    def _purge_history(self, base: BaseRow, limit: int) -> int:
        with self._writing(), self._claimed() as connection:
            asked = {"stream": base.stream}
            (held,) = connection.execute(STATEMENTS["held_version"], asked).fetchone()
            if base.version > held:
                msg = f"{base.stream} is at version {held}, before a base at {base.version}"
                raise VersionConflictError(msg)
            return put_base(connection, base, limit=limit)

    def purge_outcomes(self, now_micros: int, *, limit: int) -> int:
        """See :meth:`perdure.storage.ports.Writer.purge_outcomes`."""
        asked = {"now": now_micros, "limit": limit}
        with self._writing(), self._claimed() as connection:
            return connection.execute(STATEMENTS["purge_outcomes"], asked).rowcount

    def close(self, *, clean: bool) -> None:
        """See :meth:`perdure.storage.ports.Writer.close`."""
        if self._owner.is_forked:
            _left_to_the_parent.append(self.connection)
            return
        with self._lock:
            if self._owner.is_released:
                return
            # A disk that fails now leaves the store marked as not clean, which is safe.
            with suppress(sqlite3.Error, OwnershipLostError, StoreUnavailableError):
                if clean:
                    with self._claimed() as connection:
                        connection.execute(STATEMENTS["close_clean"])
            self._readers.close()
            with suppress(sqlite3.Error):
                self.connection.close()
            self._reserve.remove()
            self._owner.release()

    # ---- transactions -------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Generator[None, None, None]:
        # Asked before the lock is taken: in a forked child another thread may hold it for ever.
        self._owner.require()
        with self._lock:
            yield

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        self._owner.require()
        if not self._files.are_in_place():
            msg = f"store {self.location!r} was moved or deleted while it is open; put it back"
            raise StoreUnavailableError(msg)
        connection = self.connection
        try:
            with translated(self.location):
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def _claimed(self) -> Generator[sqlite3.Connection, None, None]:
        with self._transaction() as connection:
            asked = {"incarnation": self.opening.incarnation}
            if connection.execute(STATEMENTS["claim"], asked).rowcount != 1:
                raise self._lost()
            yield connection

    def _roll_back(self) -> None:
        # SQLite has rolled back by itself after some errors. A rollback that fails leaves the
        # transaction open; probe() then connects anew.
        if self.connection.in_transaction:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def _reconnect_if_broken(self) -> None:
        self._roll_back()
        if self.connection.in_transaction:
            self.connection.close()
            self.connection = connect_writer(self.location, self.durability)
            self._files = StoreFiles.of(self.location)

    def _cut_log(self) -> None:
        # Readers that overlap without a pause keep SQLite from starting its log anew, and it
        # would grow for ever. What fails here is tried again at the next multiple of the limit.
        if not self._files.log_is_too_long():
            return
        with suppress(sqlite3.Error), shorter_wait(self.connection):
            (busy, _, _) = self.connection.execute(_EMPTY_LOG).fetchone()
            if not busy:
                self._files.log_was_emptied()

    def _lost(self) -> OwnershipLostError:
        return OwnershipLostError(
            f"store {self.location!r} was opened by another process: this one stops writing"
        )


# Connections that a forked child was asked to close: closing them there could checkpoint, or
# remove the write-ahead log, under the parent.
_left_to_the_parent: list[sqlite3.Connection] = []


def _count_opening(connection: sqlite3.Connection, path: str) -> tuple[Opening, int]:
    """Mark the store as in use; returns what was found and the place of its newest turn."""
    connection.execute("BEGIN IMMEDIATE")
    row: Row = connection.execute(STATEMENTS["get_meta"]).fetchone() or ()
    if len(row) != 5 or not all(isinstance(value, int | None) for value in row):
        msg = f"store {path!r} is damaged: its one row of meta is {row!r}; restore a backup"
        raise CorruptionError(msg)
    incarnation, clean, suspect, last_batch, last_seq = row
    connection.execute(STATEMENTS["open_store"])
    connection.execute("COMMIT")
    return Opening(incarnation + 1, bool(clean), suspect, last_batch), last_seq


def _newest_seq(connection: sqlite3.Connection) -> int:
    seq: int = connection.execute(STATEMENTS["get_meta"]).fetchone()[4]
    return seq
