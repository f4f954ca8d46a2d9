"""What is committed, read in connections that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

import attrs

from perdure.errors import CorruptionError
from perdure.storage.prefixes import end_of_prefix
from perdure.storage.records import (
    BaseRow,
    Damage,
    LoadedActor,
    MessageRow,
    Narrowing,
    OutcomeRow,
    QuarantineRow,
    StoredState,
    StoredTurn,
    Tally,
)
from perdure.storage.sqlite.backup import copy_store
from perdure.storage.sqlite.broken_logs import find_losses
from perdure.storage.sqlite.connections import ReaderPool, check_existing, refuse_other_files
from perdure.storage.sqlite.failures import translated
from perdure.storage.sqlite.rows import (
    Row,
    base_of,
    listed_quarantined_of,
    listed_state_of,
    message_of,
    outcome_of,
    state_of,
    text_of,
    to_json,
    turn_of,
)
from perdure.storage.sqlite.schema import check_store, check_up_to_date
from perdure.storage.sqlite.statements import STATEMENTS
from perdure.storage.sqlite.verification import find_damage

Parameters = dict[str, int | str | bytes | None]

LOOKED_AT = 20_000
"""Rows that one search looks at, at most: some ten milliseconds of one reader."""


@attrs.define(eq=False)
class SqliteReader:
    """A :class:`~perdure.storage.ports.Reader` of a store's file.

    Any number of threads may use it, also beside the owner, in another process.
    """

    location: str
    _readers: ReaderPool

    @classmethod
    def view(cls, path: str) -> SqliteReader:
        """Read the store at *path*, whoever owns it.

        Raises:
            StoreOpenError: there is no store, or one that cannot be read.
        """
        real = check_existing(path)
        refuse_other_files(real)
        reader = cls(real, ReaderPool(real))
        with reader._reading() as connection:
            check_up_to_date(check_store(connection, real), real)
        return reader

    def close_readers(self) -> None:
        """Close the reading connections."""
        self._readers.close()

    @contextmanager
    def _reading(self) -> Generator[sqlite3.Connection, None, None]:
        with translated(self.location), self._readers.lend() as connection:
            yield connection

    def _rows(self, name: str, parameters: Parameters) -> list[Row]:
        with self._reading() as connection:
            return connection.execute(STATEMENTS[name], parameters).fetchall()

    # ---- activation ---------------------------------------------------------------------

    def load(self, streams: Sequence[str], now_micros: int) -> dict[str, LoadedActor]:
        """See :meth:`perdure.storage.ports.Reader.load`."""
        try:
            return self._load(streams, now_micros)
        except CorruptionError as error:
            if len(streams) == 1:
                return {streams[0]: LoadedActor(0, None, corrupt=str(error))}
        # One damaged page must not fail the others: load them one by one.
        loaded: dict[str, LoadedActor] = {}
        for stream in streams:
            loaded |= self.load([stream], now_micros)
        return loaded

    def _load(self, streams: Sequence[str], now_micros: int) -> dict[str, LoadedActor]:
        streams = list(dict.fromkeys(streams))
        asked: Parameters = {"streams": to_json(streams), "now": now_micros}
        with self._reading() as connection:
            connection.execute("BEGIN")
            states = connection.execute(STATEMENTS["load_states"], asked).fetchall()
            messages = connection.execute(STATEMENTS["load_messages"], asked).fetchall()
            good, corrupt = _sort_out(states)
            rest = [stream for stream in streams if stream not in good]
            versions: dict[str, int] = {}
            if rest:
                asked["streams"] = to_json(rest)
                versions = dict(connection.execute(STATEMENTS["load_versions"], asked))
        waiting: dict[str, list[MessageRow]] = {}
        for values in messages:
            row = message_of(values)
            waiting.setdefault(row.stream, []).append(row)
        return {
            stream: LoadedActor(
                good[stream].version if stream in good else versions[stream],
                good[stream].state if stream in good else None,
                tuple(waiting.get(stream, ())),
                corrupt.get(stream),
            )
            for stream in streams
        }

    # ---- timers, requests ---------------------------------------------------------------

    def due(
        self, after: tuple[int, int], until_micros: int, *, limit: int
    ) -> list[tuple[int, int, str]]:
        """See :meth:`perdure.storage.ports.Reader.due`."""
        rows = self._rows(
            "due", {"due": after[0], "id": after[1], "until": until_micros, "limit": limit}
        )
        return [(due, message_id, text_of(stream)) for due, message_id, stream in rows]

    def messages(self, message_ids: Sequence[int]) -> list[MessageRow]:
        """See :meth:`perdure.storage.ports.Reader.messages`."""
        try:
            rows = self._rows("messages", {"message_ids": to_json(message_ids)})
        except CorruptionError:
            if len(message_ids) <= 1:
                return []
            return [row for one in message_ids for row in self.messages([one])]
        return [message_of(row) for row in rows]

    def next_due(self, after_micros: int) -> int | None:
        """See :meth:`perdure.storage.ports.Reader.next_due`."""
        earliest: int | None = self._rows("next_due", {"after": after_micros})[0][0]
        return earliest

    def outcomes(self, request_ids: Sequence[str], now_micros: int) -> dict[str, OutcomeRow]:
        """See :meth:`perdure.storage.ports.Reader.outcomes`."""
        rows = self._rows("outcomes", {"request_ids": to_json(request_ids), "now": now_micros})
        return {row[0]: outcome_of(row) for row in rows}

    # ---- actors and their histories -----------------------------------------------------

    def state(self, stream: str) -> StoredState | None:
        """See :meth:`perdure.storage.ports.Reader.state`."""
        rows = self._rows("state", {"stream": stream})
        return state_of(rows[0]) if rows else None

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
        asked: Parameters = {
            "first": max(prefix, after),
            "end": end_of_prefix(prefix) or b"",
            "after": after,
            "modified_from": modified_from,
            "modified_to": modified_to,
            "limit": limit,
        }
        return [listed_state_of(row) for row in self._rows("states", asked)]

    def base(self, stream: str) -> BaseRow | None:
        """See :meth:`perdure.storage.ports.Reader.base`."""
        rows = self._rows("base", {"stream": stream})
        return base_of(rows[0]) if rows else None

    def turns(
        self, stream: str, *, after_version: int = 0, limit: int = 1000
    ) -> list[StoredTurn]:
        """See :meth:`perdure.storage.ports.Reader.turns`."""
        asked: Parameters = {"stream": stream, "after": after_version, "limit": limit}
        return [turn_of(row) for row in self._rows("turns", asked)]

    def pasts(self, streams: Sequence[str], *, most_bytes: int) -> dict[str, list[StoredTurn]]:
        """See :meth:`perdure.storage.ports.Reader.pasts`."""
        found: dict[str, list[StoredTurn]] = {}
        asked: Parameters = {"streams": to_json(list(dict.fromkeys(streams)))}
        with self._reading() as connection:
            for row in connection.execute(STATEMENTS["pasts"], asked):
                turn = turn_of(row)
                most_bytes -= len(turn.events)
                if most_bytes < 0:
                    found.pop(turn.stream, None)  # not all of it was read
                    break
                found.setdefault(turn.stream, []).append(turn)
        for turns in found.values():
            turns.sort(key=lambda turn: turn.first_version)
        return found

    def feed(self, after_seq: int, *, limit: int = 1000) -> list[StoredTurn]:
        """See :meth:`perdure.storage.ports.Reader.feed`."""
        page: list[StoredTurn] = []
        for row in self._rows("feed", {"after": after_seq, "limit": limit}):
            try:
                page.append(turn_of(row))
            except CorruptionError:
                if page:
                    break
                raise
        return page

    def turn_times(self, after_seq: int, *, limit: int = 1000) -> list[tuple[int, str, int]]:
        """See :meth:`perdure.storage.ports.Reader.turn_times`."""
        rows = self._rows("turn_times", {"after": after_seq, "limit": limit})
        return [(seq, stream, time) for seq, stream, time in rows]

    def search(
        self, first: str, end: str | None, *, after: str, narrowing: Narrowing, limit: int
    ) -> tuple[list[StoredState], str | None]:
        """See :meth:`perdure.storage.ports.Reader.search`."""
        asked: Parameters = {
            "first": max(first, after),
            "end": end or b"",
            "after": after,
            "looked_at": LOOKED_AT - 1,
            "limit": limit,
        }
        ends = self._rows("end_of_search", asked)
        last = ends[0][0] if ends else None
        rows = self._rows("search", asked | _wanted(narrowing) | {"last": last or b""})
        found = [listed_state_of(row) for row in rows]
        return found, found[-1].stream if len(found) == limit else last

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
        time_micros, stream = before or (2**63 - 1, "")
        asked: Parameters = {
            "first": beside,
            "end": end_of_prefix(beside) or b"",
            "prefix": prefix,
            "prefix_end": end_of_prefix(prefix) or b"",
            "time": time_micros,
            "after": stream,
            "limit": limit,
        }
        rows = self._rows("newest_states", asked | _wanted(narrowing))
        return [listed_state_of(row) for row in rows]

    def newest_turns(
        self,
        before_seq: int | None = None,
        *,
        limit: int = 100,
        between: tuple[str, str | None] | None = None,
    ) -> list[tuple[int, str]]:
        """See :meth:`perdure.storage.ports.Reader.newest_turns`."""
        asked: Parameters = {"before": before_seq, "limit": limit}
        if between is None:
            rows = self._rows("newest_turns", asked)
        else:
            asked |= {"first": between[0], "end": between[1] or b""}
            rows = self._rows("newest_turns_of", asked)
        return [(seq, text_of(stream)) for seq, stream in rows]

    def count(self, prefix: str) -> int:
        """See :meth:`perdure.storage.ports.Reader.count`."""
        asked: Parameters = {"first": prefix, "end": end_of_prefix(prefix) or b""}
        found: int = self._rows("count_rows", asked)[0][0]
        return found

    def tally(self, member: str, least: str, *, beside: str) -> list[Tally]:
        """See :meth:`perdure.storage.ports.Reader.tally`."""
        asked: Parameters = {
            "member": f"$.{member}",
            "least": f"$.{least}",
            "first": beside,
            "end": end_of_prefix(beside) or b"",
        }
        return [
            Tally(str(value), count, lowest or 0, text_of(stream) if lowest else "")
            for value, count, lowest, stream in self._rows("tally", asked)
        ]

    def newest_turn(self) -> int:
        """The ``seq`` of the newest turn; 0 when there never was one."""
        seq: int = self._rows("get_meta", {})[0][4]
        return seq

    def streams(self, *, after: str = "", limit: int = 1000) -> list[str]:
        """See :meth:`perdure.storage.ports.Reader.streams`."""
        return [stream for (stream,) in self._rows("streams", {"after": after, "limit": limit})]

    # ---- what waits and what was set aside ----------------------------------------------

    def quarantined(self, *, after: int = 0, limit: int = 100) -> list[QuarantineRow]:
        """See :meth:`perdure.storage.ports.Reader.quarantined`."""
        rows = self._rows("quarantined", {"after": after, "limit": limit})
        return [listed_quarantined_of(row) for row in rows]

    def waiting(self, stream: str | None = None) -> int:
        """See :meth:`perdure.storage.ports.Reader.waiting`."""
        name = "waiting" if stream is None else "waiting_of"
        count: int = self._rows(name, {} if stream is None else {"stream": stream})[0][0]
        return count

    def backup(self, path: str) -> None:
        """See :meth:`perdure.storage.ports.Writer.backup`.

        It reads one moment of the store in a connection of its own: commits go on, and
        another process may be making them.
        """
        with self._reading() as connection:
            copy_store(connection, path)

    def check(self) -> Iterator[Damage]:
        """See :meth:`perdure.storage.ports.Reader.check`."""
        yield from find_losses(self.location)
        yield from find_damage(self._reading)


def _wanted(narrowing: Narrowing) -> Parameters:
    """The conditions of a search, all of which may be nothing."""
    assert len(narrowing.members) <= 2
    (member, values), (other, other_values) = (*narrowing.members, ("", ()), ("", ()))[:2]
    return {
        "member": f"$.{member}" if member else None,
        "values": to_json(list(values)),
        "other": f"$.{other}" if other else None,
        "other_values": to_json(list(other_values)),
        "number": f"$.{narrowing.number}" if narrowing.number else None,
        "least": narrowing.least,
        "most": narrowing.most,
        "text": narrowing.text or None,
    }


def _sort_out(rows: list[Row]) -> tuple[dict[str, StoredState], dict[str, str]]:
    """The states by stream, and why the others cannot be trusted."""
    good: dict[str, StoredState] = {}
    corrupt: dict[str, str] = {}
    for row in rows:
        try:
            good[row[0]] = state_of((*row, 0))
        except CorruptionError as error:
            corrupt[row[0]] = str(error)
    return good, corrupt
