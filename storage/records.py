"""The rows a store keeps, as values: bytes, versions and ids, with no idea of entities.

Times are integer microseconds since 1970 UTC. A *stream* is one actor's address
(``@counter@visits``); its versions count events from 1.
"""

from __future__ import annotations

import attrs


@attrs.define(eq=True)
class TurnRow:
    """Up to 100 messages of one actor, handled in a row: the events they left.

    ``events`` is a JSON array of ``count`` events, the versions ``first_version`` to
    ``first_version + count - 1`` of the stream.
    """

    stream: str
    first_version: int
    count: int
    events: bytes
    time_micros: int


@attrs.define(eq=True)
class StateRow:
    """An actor as it is now. ``expected_version`` is what the store must hold before the
    commit (0: nothing was ever there); ``state`` of ``None`` removes the row.
    """

    stream: str
    version: int
    state: bytes | None
    time_micros: int
    expected_version: int


@attrs.define(eq=True)
class MessageRow:
    """A message that was accepted and not consumed.

    ``due_micros`` of 0 means at once. ``attempts`` counts the times that it was noted
    as the only message in hand after a crash; -1 if it was, so far, only among several.
    ``corrupt``, when it is read, says why the row cannot be trusted.
    """

    id: int
    stream: str
    due_micros: int
    body: bytes
    attempts: int = 0
    corrupt: str | None = None


@attrs.define(eq=True)
class OutcomeRow:
    """The remembered outcome of a request whose id its sender chose.

    ``digest`` identifies what was asked, so that the same id for something else is an error.
    ``corrupt``, when it is read, says why the row cannot be trusted.
    """

    request_id: str
    digest: bytes
    outcome: bytes
    expires_micros: int
    corrupt: str | None = None


@attrs.define(eq=True)
class QuarantineRow:
    """A message that could not be processed, with the reason, set aside; of a row that is
    damaged the reason says so.
    """

    id: int
    stream: str
    body: bytes
    attempts: int
    reason: str
    time_micros: int


@attrs.frozen
class BaseRow:
    """The state of a stream at a version before which its history was purged."""

    stream: str
    version: int
    state: bytes | None
    time_micros: int


@attrs.define(eq=True)
class Batch:
    """Everything one commit writes, all or nothing.

    ``number`` grows by one with each batch a node writes; the store remembers the last one,
    so that after a failed commit its outcome can be asked for. ``erased`` streams lose all that
    the store had of them before: their turns, base and row; their versions begin again at 1.
    A stream in ``bases`` loses the turns that end at or before its new base.
    """

    number: int
    turns: list[TurnRow] = attrs.Factory(list[TurnRow])
    states: list[StateRow] = attrs.Factory(list[StateRow])
    accepted: list[MessageRow] = attrs.Factory(list[MessageRow])
    consumed: list[int] = attrs.Factory(list[int])
    outcomes: list[OutcomeRow] = attrs.Factory(list[OutcomeRow])
    quarantined: list[QuarantineRow] = attrs.Factory(list[QuarantineRow])
    erased: list[str] = attrs.Factory(list[str])
    bases: list[BaseRow] = attrs.Factory(list[BaseRow])
    suspect: int | None = None


@attrs.frozen
class LoadedActor:
    """What an activation needs: the actor's version and state, and its waiting messages.

    ``version`` goes on after a delete, when ``state`` is ``None``. ``messages`` are those with
    ``due_micros`` not after the asked time, in the order of their ids. ``corrupt`` says why the
    row cannot be trusted.
    """

    version: int
    state: bytes | None
    messages: tuple[MessageRow, ...] = ()
    corrupt: str | None = None


@attrs.frozen
class Opening:
    """What a store tells the node that opens it.

    ``incarnation`` grows by one with each opening. ``clean`` is false after a crash;
    ``suspect`` is then the id of the message that was run alone when it happened.
    ``last_batch`` is the number of the newest batch.
    """

    incarnation: int
    clean: bool
    suspect: int | None
    last_batch: int


@attrs.frozen
class StoredTurn:
    """A turn as read back: ``seq`` is its place in the order of the whole store."""

    seq: int
    stream: str
    first_version: int
    count: int
    events: bytes
    time_micros: int


@attrs.frozen
class StoredState:
    """An actor's row as read back; ``waiting`` counts its accepted messages.

    ``corrupt`` says why the row cannot be trusted, where many rows are read at once.
    """

    stream: str
    version: int
    state: bytes | None
    time_micros: int
    waiting: int = 0
    corrupt: str | None = None


@attrs.frozen(kw_only=True)
class Narrowing:
    """What rows have that a reader wants, so that a store reads him no others. Damaged rows may
    be left out, and so may be rows that are no JSON.

    Attributes:
        members: of their JSON, by name: each has one of these values, in capital or small
            letters of ASCII. At most two.
        number: the member that is from *least* to *most*; empty: none has to be.
        text: somewhere in their bytes, as it is; empty: anything.
    """

    members: tuple[tuple[str, tuple[str, ...]], ...] = ()
    number: str = ""
    least: int = 0
    most: int = 2**63 - 1
    text: bytes = b""


@attrs.frozen
class Tally:
    """How many rows say the same, and which of them has the smallest number.

    ``least`` is that number and ``stream`` its row; 0 and empty where none has such a number.
    """

    value: str
    count: int
    least: int
    stream: str


@attrs.frozen
class Damage:
    """One thing that verification found wrong: where, and what."""

    stream: str
    what: str
