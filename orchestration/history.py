"""The history of an orchestration: what happened to it, and what it asked for, in order.

An event is either something that happened (it resumes the orchestrator) or a decision (what the
orchestrator asked for). On replay the first kind is given to the code again, and what the code
then asks for is compared with the second kind. New fields need defaults; none is ever removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from perdure.actors.answers import NULL, Failure
from perdure.errors import CorruptionError
from perdure.storage.records import StoredTurn


class HistoryEvent(
    msgspec.Struct, tag_field="event", omit_defaults=True, kw_only=True, gc=False
):
    """What all events tell.

    Attributes:
        time: when it was handled, in microseconds since 1970 UTC.
    """

    time: int = 0

    @property
    def event_type(self) -> str:
        """The kind of event, by the field's name for it."""
        return type(self).__name__


class TaskEvent(HistoryEvent, kw_only=True):
    """An event of one task.

    Attributes:
        id: the task's number in its generation.
    """

    id: int


# ---- what happens to an orchestration ----------------------------------------------------


class ExecutionStarted(HistoryEvent, tag="ExecutionStarted", kw_only=True):
    """A generation begins.

    Attributes:
        name: of the orchestrator.
        input: what it was started with.
        generation: names this run; the seed of its random numbers.
        version: stamped at the start; empty for none.
        parent: the address of the orchestration that started it; empty for none.
        parent_task: the request to answer when it ends.
        tags: what its starter said of it.
    """

    name: str
    input: msgspec.Raw = NULL
    generation: str
    version: str = ""
    parent: str = ""
    parent_task: str = ""
    tags: dict[str, str] = {}


class TaskCompleted(TaskEvent, tag="TaskCompleted", kw_only=True):
    """An activity has a result."""

    result: msgspec.Raw = NULL


class TaskFailed(TaskEvent, tag="TaskFailed", kw_only=True):
    """An activity has failed."""

    failure: Failure


class SubOrchestrationInstanceCompleted(
    TaskEvent, tag="SubOrchestrationInstanceCompleted", kw_only=True
):
    """A child has completed."""

    result: msgspec.Raw = NULL


class SubOrchestrationInstanceFailed(
    TaskEvent, tag="SubOrchestrationInstanceFailed", kw_only=True
):
    """A child has failed, was terminated, cancelled, or could not be started."""

    failure: Failure


class TimerFired(TaskEvent, tag="TimerFired", kw_only=True):
    """A timer's time has come."""


class EventRaised(HistoryEvent, tag="EventRaised", kw_only=True):
    """An external event has arrived."""

    name: str
    data: msgspec.Raw = NULL


class EntityOperationCompleted(TaskEvent, tag="EntityOperationCompleted", kw_only=True):
    """An entity has answered a call."""

    result: msgspec.Raw = NULL


class EntityOperationFailed(TaskEvent, tag="EntityOperationFailed", kw_only=True):
    """An entity's operation has failed; its state is as before."""

    failure: Failure


class EntityLockGranted(TaskEvent, tag="EntityLockGranted", kw_only=True):
    """One more entity of a critical section is locked."""

    entity: str


class ExecutionTerminated(HistoryEvent, tag="ExecutionTerminated", kw_only=True):
    """Somebody has ended it at once."""

    output: msgspec.Raw = NULL
    recursive: bool = True


class ExecutionCancelRequested(HistoryEvent, tag="ExecutionCancelRequested", kw_only=True):
    """Somebody has asked it to end in its own way."""

    reason: str = ""


class ExecutionSuspended(HistoryEvent, tag="ExecutionSuspended", kw_only=True):
    """It takes note of nothing until it is resumed."""

    reason: str = ""


class ExecutionResumed(HistoryEvent, tag="ExecutionResumed", kw_only=True):
    """It goes on."""

    reason: str = ""


class ExecutionRewound(HistoryEvent, tag="ExecutionRewound", kw_only=True):
    """After a failure it goes on from before it.

    Attributes:
        again: the versions of the events before it that count no more.
    """

    reason: str = ""
    again: list[int] = []


class GenericEvent(HistoryEvent, tag="GenericEvent", kw_only=True):
    """Something that had no effect, and why."""

    data: str


# ---- what it decides ---------------------------------------------------------------------


class TaskScheduled(TaskEvent, tag="TaskScheduled", kw_only=True):
    """It calls an activity.

    Attributes:
        attempt: which one by its retry policy, from 1.
        first: the task of the first attempt; 0: this one.
    """

    name: str
    input: msgspec.Raw = NULL
    tags: dict[str, str] = {}
    attempt: int = 1
    first: int = 0


class SubOrchestrationInstanceCreated(
    TaskEvent, tag="SubOrchestrationInstanceCreated", kw_only=True
):
    """It starts a child."""

    name: str
    instance_id: str
    input: msgspec.Raw = NULL
    version: str = ""
    tags: dict[str, str] = {}


class TimerCreated(TaskEvent, tag="TimerCreated", kw_only=True):
    """It waits for a time.

    Attributes:
        fire_at: in microseconds since 1970 UTC.
        message: the id of the message that is due then.
    """

    fire_at: int
    message: int = 0


class EventSent(TaskEvent, tag="EventSent", kw_only=True):
    """It raises an event to another orchestration."""

    instance_id: str
    name: str
    data: msgspec.Raw = NULL


class EntityOperationCalled(TaskEvent, tag="EntityOperationCalled", kw_only=True):
    """It calls an entity."""

    entity: str
    operation: str
    input: msgspec.Raw = NULL
    form: str = ""


class EntityOperationSignaled(TaskEvent, tag="EntityOperationSignaled", kw_only=True):
    """It signals an entity; ``due`` is 0, or the time of a scheduled signal."""

    entity: str
    operation: str
    input: msgspec.Raw = NULL
    form: str = ""
    due: int = 0


class EntityLockRequested(TaskEvent, tag="EntityLockRequested", kw_only=True):
    """It wants the next entity of a critical section for itself."""

    entity: str
    section: str
    transaction: bool = False


class EntityUnlockSent(HistoryEvent, tag="EntityUnlockSent", kw_only=True):
    """It lets go of an entity; with ``undo`` what was done inside is undone."""

    entity: str
    section: str
    undo: bool = False


class PatchMarked(HistoryEvent, tag="PatchMarked", kw_only=True):
    """The changed code has run; see ``OrchestrationContext.patched``."""

    id: str


class ContinueAsNew(HistoryEvent, tag="ContinueAsNew", kw_only=True):
    """The generation ends; the next one begins with this input."""

    input: msgspec.Raw = NULL
    save_events: bool = True


class ExecutionCompleted(HistoryEvent, tag="ExecutionCompleted", kw_only=True):
    """It has ended: ``status`` is Completed, Failed, Terminated or Canceled."""

    status: str
    result: msgspec.Raw = NULL
    failure: Failure | None = None


Happening = (
    ExecutionStarted
    | TaskCompleted
    | TaskFailed
    | SubOrchestrationInstanceCompleted
    | SubOrchestrationInstanceFailed
    | TimerFired
    | EventRaised
    | EntityOperationCompleted
    | EntityOperationFailed
    | EntityLockGranted
    | ExecutionTerminated
    | ExecutionCancelRequested
    | ExecutionSuspended
    | ExecutionResumed
    | ExecutionRewound
    | GenericEvent
)
Decision = (
    TaskScheduled
    | SubOrchestrationInstanceCreated
    | TimerCreated
    | EventSent
    | EntityOperationCalled
    | EntityOperationSignaled
    | EntityLockRequested
    | EntityUnlockSent
    | PatchMarked
    | ContinueAsNew
    | ExecutionCompleted
)
Event = Happening | Decision

DECISIONS = (
    TaskScheduled,
    SubOrchestrationInstanceCreated,
    TimerCreated,
    EventSent,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityLockRequested,
    EntityUnlockSent,
    PatchMarked,
    ContinueAsNew,
    ExecutionCompleted,
)
"""The classes of ``Decision``, for ``isinstance``."""

write_event = msgspec.json.Encoder().encode
_read_events = msgspec.json.Decoder(list[Event]).decode


def read_events(turn: bytes) -> list[Event]:
    """The events of one stored turn.

    Raises:
        CorruptionError: they are not as this package wrote them.
    """
    try:
        return _read_events(turn)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"a stored history cannot be read: {error}; restore a backup, or purge it"
        raise CorruptionError(msg) from error


def events_beyond(turns: Iterable[StoredTurn], version: int) -> Iterator[Event]:
    """The events of a stream beyond a version, from the turns that hold them.

    Raises:
        CorruptionError: they are not as this package wrote them.
    """
    for turn in turns:
        yield from read_events(turn.events)[max(0, version + 1 - turn.first_version) :]


def describe(event: Event) -> str:
    """An event in one line, as errors show it."""
    words = [event.event_type]
    for attribute in ("name", "operation", "status"):
        words.append(getattr(event, attribute, ""))
    target = getattr(event, "entity", "") or getattr(event, "instance_id", "")
    if target and not isinstance(event, SubOrchestrationInstanceCreated):
        words.append(f"at {target}")
    if isinstance(event, PatchMarked):
        words.append(event.id)
    elif isinstance(event, TaskEvent):
        words.append(f"(task {event.id})")
    return " ".join(word for word in words if word)


def fits(asked: Decision, recorded: Event) -> bool:
    """Whether what the code asks for is what it asked for at first: the kind, the name, the
    target and the task. Inputs may differ.
    """
    if type(asked) is not type(recorded):
        return False
    what = _what_of(type(asked))
    return what is None or bool(what(asked) == what(recorded))


@cache
def _what_of(kind: type[HistoryEvent]) -> attrgetter[Any] | None:
    """What has to be the same in two decisions of one kind; ``None``: nothing but the kind."""
    names = {"name", "operation", "entity", "instance_id", "id"} & set(kind.__struct_fields__)
    if kind is SubOrchestrationInstanceCreated:
        names.discard("instance_id")
    return attrgetter(*sorted(names)) if names else None
