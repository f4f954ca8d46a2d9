"""Stored histories against the code of today: is each replayed as it happened?

Nothing is sent and nothing is stored. What a deploy would stall is found before it is deployed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import msgspec

from perdure.actors.directory import Resolve
from perdure.errors import (
    CorruptionError,
    HistoryTooLongError,
    InstanceNotFoundError,
    InvalidInputError,
    NonDeterminismError,
    PerdureError,
)
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    EntityUnlockSent,
    Event,
    ExecutionCompleted,
    ExecutionTerminated,
    read_events,
)
from perdure.orchestration.programs import Programs
from perdure.orchestration.reading import events_of, require_state
from perdure.orchestration.rewinding import last_end, without_rewound
from perdure.orchestration.state import InstanceState, read_state
from perdure.storage.ports import Reader
from perdure.storage.records import StoredState
from perdure.storage.sqlite import SqliteReader

PAGE = 500
_STORE = b"SQLite format 3\x00"
_ENTITIES = "@"
_BEYOND_ENTITIES = "@\U0010ffff"


class RecordedHistory(msgspec.Struct, kw_only=True):
    """The history of one orchestration by itself, as it is exported.

    Attributes:
        instance_id: whose.
        name: of the orchestrator.
        version: stamped at its start; empty for none.
        status: its runtime status when it was exported.
        begins: the version of the stream before the first event.
        events: of its present generation, oldest first.
    """

    instance_id: str
    name: str
    version: str = ""
    status: str
    begins: int = 0
    events: list[msgspec.Raw]


@attrs.frozen
class Replayed:
    """One history that was replayed.

    Attributes:
        instance_id: whose.
        name: of the orchestrator.
        version: stamped at its start; empty for none.
        status: its runtime status.
        events: how many events it has.
        error: why it cannot go on with this code; ``None``: it can. A
            :class:`~perdure.NonDeterminismError` holds both sequences of decisions.
    """

    instance_id: str
    name: str
    version: str
    status: str
    events: int
    error: PerdureError | None


def instance_rows(reader: Reader, prefix: str = "", after: str = "") -> Iterator[StoredState]:
    """The rows of all orchestrations, in byte order of their ids; damaged ones too."""
    while page := reader.states(prefix, after=after, limit=PAGE):
        for row in page:
            if not row.stream.startswith(_ENTITIES):
                yield row
        after = page[-1].stream
        if after.startswith(_ENTITIES):
            after = _BEYOND_ENTITIES


def replay_store(
    reader: Reader, programs: Programs, resolve: Resolve, *, prefix: str = ""
) -> Iterator[Replayed]:
    """Replay every orchestration of a store that has begun, running ones and finished ones.

    Args:
        reader: of the store.
        programs: the code of today.
        resolve: finds kinds of entities.
        prefix: only of ids that begin so.
    """
    for row in instance_rows(reader, prefix):
        if row.state is None or row.corrupt is not None:
            yield _unreadable(row.stream, CorruptionError(str(row.corrupt)))
            continue
        try:
            state = read_state(row.stream, row.state)
            events = list(events_of(reader, row.stream, state))
        except CorruptionError as error:
            yield _unreadable(row.stream, error)
            continue
        if state.generation:
            yield _replay(row.stream, state, events, programs, resolve)


def replay_recorded(
    recorded: RecordedHistory, programs: Programs, resolve: Resolve
) -> Replayed:
    """Replay an exported history.

    Raises:
        CorruptionError: it is not as this package wrote it.
    """
    state = InstanceState(
        name=recorded.name,
        version=recorded.version,
        status=recorded.status,
        begins=recorded.begins,
    )
    events = read_events(msgspec.json.encode(recorded.events))
    return _replay(recorded.instance_id, state, events, programs, resolve)


def replay_sources(
    sources: Iterable[Path], programs: Programs, resolve: Resolve
) -> Iterator[Replayed]:
    """Replay all that is in stores, in files of exported histories, and in folders of these.

    Raises:
        InvalidInputError: a source is none of them.
    """
    for source in sources:
        if source.is_dir():
            yield from replay_sources(sorted(source.glob("*.json")), programs, resolve)
        elif _is_store(source):
            reader = SqliteReader.view(str(source))
            try:
                yield from replay_store(reader, programs, resolve)
            finally:
                reader.close_readers()
        else:
            yield replay_recorded(_read(source), programs, resolve)


def _is_store(source: Path) -> bool:
    if not source.is_file():
        return False
    with source.open("rb") as file:
        return file.read(len(_STORE)) == _STORE


def _read(source: Path) -> RecordedHistory:
    try:
        return msgspec.json.decode(source.read_bytes(), type=RecordedHistory)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{str(source)!r} is neither a store nor an exported history: {error}"
        raise InvalidInputError(msg) from error


def export_history(reader: Reader, instance_id: str) -> RecordedHistory:
    """The history of one orchestration, to be replayed elsewhere.

    Raises:
        InstanceNotFoundError: there is none.
        CorruptionError: it is damaged.
    """
    state = require_state(reader, instance_id)
    return RecordedHistory(
        instance_id=instance_id,
        name=state.name,
        version=state.version,
        status=state.status,
        begins=state.begins,
        events=[
            msgspec.Raw(msgspec.json.encode(event))
            for event in events_of(reader, instance_id, state)
        ],
    )


def rehearsal(
    instance_id: str, state: InstanceState, programs: Programs, resolve: Resolve
) -> Execution:
    """Its code, which has not begun; nothing that it will ask for is sent.

    Raises:
        UnknownOrchestratorError: its code is not there.
    """
    program = programs.program(state, resolve)
    return Execution(instance_id, program, itertools.count(1).__next__)


def _unreadable(instance_id: str, error: PerdureError) -> Replayed:
    return Replayed(instance_id, "", "", "", 0, error)


def _replay(
    instance_id: str,
    state: InstanceState,
    events: Sequence[Event],
    programs: Programs,
    resolve: Resolve,
) -> Replayed:
    execution: Execution | None = None
    error: PerdureError | None = None
    try:
        execution = rehearsal(instance_id, state, programs, resolve)
        execution.replay(_decided(state, events))
    except PerdureError as raised:
        error = raised
    finally:
        if execution is not None:
            execution.close()
    return Replayed(instance_id, state.name, state.version, state.status, len(events), error)


def _decided(state: InstanceState, events: Sequence[Event]) -> list[Event]:
    """A history up to where its code has ended, or was ended by something else."""
    if state.is_finished:
        events = events[: last_end(events) + 1]
    counted = without_rewound(events, state.begins)
    for place, event in enumerate(counted):
        if isinstance(event, ExecutionTerminated):
            return counted[:place]
    if counted and _is_too_long(counted[-1]):
        counted.pop()
        while isinstance(counted[-1], EntityUnlockSent):
            counted.pop()
    return counted


def _is_too_long(event: Event) -> bool:
    return (
        isinstance(event, ExecutionCompleted)
        and event.failure is not None
        and event.failure.error_type.endswith(HistoryTooLongError.__name__)
    )


@attrs.define(eq=False)
class Debugged:
    """One stored history, to be replayed while somebody looks on."""

    _state: InstanceState
    _history: list[Event]
    _execution: Execution

    @classmethod
    def of(
        cls, reader: Reader, instance_id: str, programs: Programs, resolve: Resolve
    ) -> Debugged:
        """The history of an orchestration that has begun.

        Raises:
            InstanceNotFoundError: there is none, or it has not begun.
            UnknownOrchestratorError: its orchestrator is not registered.
            CorruptionError: it is damaged.
        """
        state = require_state(reader, instance_id)
        if not state.generation:
            msg = f"orchestration {instance_id!r} is {state.status}: it has no history yet"
            raise InstanceNotFoundError(msg)
        events = list(events_of(reader, instance_id, state))
        execution = rehearsal(instance_id, state, programs, resolve)
        return cls(state, _decided(state, events), execution)

    def run(self, before: Callable[[Event], None]) -> None:
        """Replay it; *before* is told each event right before the code takes it.

        Raises:
            NonDeterminismError: the code does not fit.
        """
        try:
            self._execution.replay(self._history, before=before)
        finally:
            self._execution.close()

    def standing(self) -> str:
        """Where the code stands at the end, in words."""
        if self._execution.ended is not None:
            return f"it has ended: {self._state.status}"
        tasks = list(self._execution.open_tasks().values())
        events = [f"event {name!r}" for name in self._execution.events.awaited()]
        return f"it waits for {', '.join(tasks + events) or 'nothing that can come'}"


def sequences(error: NonDeterminismError) -> Iterable[tuple[str, str]]:
    """What the history holds beside what the code asks for, decision by decision."""
    return itertools.zip_longest(error.recorded, error.asked, fillvalue="")
