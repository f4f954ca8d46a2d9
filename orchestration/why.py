"""What an orchestration or an entity waits for, in words.

It is found in the store alone, so also beside a running node. With the code of the app it can
tell which events are waited for, and which attempt a timer is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import attrs

from perdure.actors.context import to_datetime
from perdure.actors.directory import Resolve
from perdure.actors.ids import EntityId, is_entity
from perdure.actors.locks import lock_of
from perdure.actors.messages import Message, from_row
from perdure.actors.quarantine import message_in, quarantined
from perdure.errors import CorruptionError, InstanceNotFoundError, PerdureError
from perdure.orchestration.effects import activity_address, task_request
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    EntityLockRequested,
    EntityOperationCalled,
    Event,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from perdure.orchestration.open_tasks import Asked, open_tasks
from perdure.orchestration.programs import Programs
from perdure.orchestration.reading import events_of, find_state
from perdure.orchestration.replaying import rehearsal
from perdure.orchestration.rewinding import without_rewound
from perdure.orchestration.state import PENDING, SUSPENDED, InstanceState
from perdure.storage.ports import Reader
from perdure.storage.records import QuarantineRow

_FAR = (1 << 62) - 1
"""Later than any message is due."""


@attrs.frozen
class Reason:
    """One thing that is waited for, or why nothing is.

    Attributes:
        kind: ``ended``, ``pending``, ``suspended``, ``stalled``, ``activity``, ``timer``,
            ``child``, ``operation``, ``lock``, ``event``, ``mail``, ``quarantine`` or
            ``nothing``.
        text: what, for people.
        about: the address of what it waits for, or the id of a quarantined message; else empty.
    """

    kind: str
    text: str
    about: str = ""


@attrs.frozen(eq=False)
class Investigation:
    """Looks into one store at one moment.

    Attributes:
        reader: of the store.
        now_micros: the moment, for how long something still takes.
        programs: the code of the app, if it is known.
        resolve: finds its kinds of entities.
    """

    reader: Reader
    now_micros: int
    programs: Programs | None = None
    resolve: Resolve | None = None

    def why(self, address: str) -> list[Reason]:
        """What an entity (``@kind@key``) or an orchestration (its id) waits for.

        Raises:
            InstanceNotFoundError: there is nothing of it in the store.
            InvalidIdError: it begins with @ and is no entity's address.
            CorruptionError: its row is damaged.
        """
        if is_entity(address):
            address = str(EntityId.parse(address))
        found = list(self._entity(address) if is_entity(address) else self._instance(address))
        found += self._set_aside(address)
        return found or [Reason("nothing", f"{address} waits for nothing")]

    # ---- entities -------------------------------------------------------------------------

    def _entity(self, address: str) -> Iterator[Reason]:
        row = self.reader.state(address)
        mail = mail_of(self.reader, address)
        if row is None and not mail and not self.reader.turns(address, limit=1):
            raise _nothing_of(address)
        lock = None if row is None else lock_of(row.state)
        if lock is not None:
            text = f"it is locked by {lock.holder}; others' messages wait until that lets it go"
            yield Reason("lock", text, lock.holder)
        yield from _of_mail(mail, self.now_micros)

    def _set_aside(self, address: str) -> Iterator[Reason]:
        for row in quarantined(self.reader):
            if row.stream == address:
                text = f"message {row.id} for it is in quarantine: {row.reason}"
                yield Reason("quarantine", text, str(row.id))

    # ---- orchestrations -------------------------------------------------------------------

    def _instance(self, instance_id: str) -> Iterator[Reason]:
        state = find_state(self.reader, instance_id)
        if state is None:
            mail = mail_of(self.reader, instance_id)
            if not mail:
                raise _nothing_of(instance_id)
            yield from _of_mail(mail, self.now_micros)
            return
        if state.is_finished:
            ended = _moment(state.updated)
            yield Reason("ended", f"it has ended: {state.status} at {ended}")
            return
        if state.stalled:
            yield Reason("stalled", f"it is stalled: {state.reason}")
            return
        if state.status == PENDING:
            yield from self._pending(instance_id, state)
            return
        if state.status == SUSPENDED:
            because = f": {state.reason}" if state.reason else ""
            yield Reason("suspended", f"it is suspended{because}; resume it")
        yield from self._open_tasks(instance_id, state)

    def _pending(self, instance_id: str, state: InstanceState) -> Iterator[Reason]:
        for message in mail_of(self.reader, instance_id):
            if message.id == state.timer:
                yield Reason("pending", f"it begins {self._at(message.due_micros)}")

    def _open_tasks(self, instance_id: str, state: InstanceState) -> Iterator[Reason]:
        history = history_of(self.reader, instance_id, state)
        told, events = self._by_code(instance_id, state, history)
        tasks = answerable(self.reader, instance_id, history)
        activities = {
            activity_address(task.name)
            for task in tasks.values()
            if isinstance(task, TaskScheduled)
        }
        asked = self._asked_by(instance_id, activities)
        for task_id, task in tasks.items():
            what = "" if told is None else told.get(task_id, "")
            request_id = task_request(state.generation, task_id)
            yield self._task(task, what, asked.get(request_id))
        for name in events:
            yield Reason("event", f"an event {name!r} that nobody has raised")
        if told is None:
            text = "perhaps an event: with --app its code tells which"
            yield Reason("event", text)

    def _by_code(
        self, instance_id: str, state: InstanceState, history: list[Event]
    ) -> tuple[dict[int, str] | None, list[str]]:
        """What the code itself waits for: tasks, and events by name."""
        if self.programs is None or self.resolve is None:
            return None, []
        execution: Execution | None = None
        try:
            execution = rehearsal(instance_id, state, self.programs, self.resolve)
            execution.replay(history)
            return execution.open_tasks(), execution.events.awaited()
        except PerdureError:  # other code: what the history tells must do
            return None, []
        finally:
            if execution is not None:
                execution.close()

    def _asked_by(
        self, instance_id: str, activities: set[str]
    ) -> dict[str, Message | QuarantineRow]:
        """What it asked of activities and is not done, by request: waiting or set aside."""
        found: dict[str, Message | QuarantineRow] = {}
        if activities:
            for row in quarantined(self.reader):
                message = message_in(row) if row.stream in activities else None
                if message is not None and message.caller == instance_id:
                    found[message.request_id] = row
        for address in activities:
            for message in mail_of(self.reader, address):
                if message.caller == instance_id:
                    found[message.request_id] = message
        return found

    def _task(self, event: Asked, what: str, asked: Message | QuarantineRow | None) -> Reason:
        match event:
            case TaskScheduled():
                return _activity(event, asked)
            case TimerCreated():
                until = self._at(event.fire_at)
                name = "a timer" if what in {"", "timer"} else what
                return Reason("timer", f"{name}, {until} (task {event.id})")
            case SubOrchestrationInstanceCreated():
                child = self._status_of(event.instance_id)
                text = f"child {event.instance_id} ({event.name}), which is {child}"
                return Reason("child", text, event.instance_id)
            case EntityOperationCalled():
                text = f"{event.operation} of {event.entity}{self._holder(event.entity)}"
                return Reason("operation", text, event.entity)
            case EntityLockRequested():
                text = f"the lock of {event.entity}{self._holder(event.entity)}"
                return Reason("lock", text, event.entity)

    def _status_of(self, instance_id: str) -> str:
        state = find_state(self.reader, instance_id)
        if state is None:
            return "not there yet, or purged"
        return "stalled" if state.stalled else state.status

    def _holder(self, address: str) -> str:
        row = self.reader.state(address)
        lock = None if row is None else lock_of(row.state)
        return "" if lock is None else f", which {lock.holder} has locked"

    def _at(self, micros: int) -> str:
        left = (micros - self.now_micros) / 1_000_000
        when = f"due since {_span(-left)}" if left <= 0 else f"in {_span(left)}"
        return f"at {_moment(micros)} ({when})"


def _activity(event: TaskScheduled, asked: Message | QuarantineRow | None) -> Reason:
    address = activity_address(event.name)
    if isinstance(asked, QuarantineRow):
        text = (
            f"activity {event.name}, whose message {asked.id} is in quarantine: "
            f"{asked.reason}; redrive or discard it"
        )
        return Reason("quarantine", text, str(asked.id))
    attempt = f"attempt {event.attempt}" if event.attempt > 1 else ""
    crashes = f"{asked.attempts} crashes" if asked is not None and asked.attempts > 0 else ""
    notes = (attempt, f"since {_moment(event.time)}", crashes)
    text = f"activity {event.name}, {', '.join(filter(None, notes))}"
    return Reason(
        "activity", text if asked is not None else f"{text}; its answer is here", address
    )


def mail_of(reader: Reader, address: str) -> list[Message]:
    """The messages that wait for an actor, also those for later; none that are damaged."""
    mail: list[Message] = []
    for row in reader.load([address], _FAR)[address].messages:
        with suppress(CorruptionError):  # it will be set aside
            mail.append(from_row(row))
    return mail


def history_of(reader: Reader, instance_id: str, state: InstanceState) -> list[Event]:
    """The present generation's events, as far as they count."""
    return without_rewound(list(events_of(reader, instance_id, state)), state.begins)


def answerable(reader: Reader, instance_id: str, history: list[Event]) -> dict[int, Asked]:
    """The tasks that *history* leaves open, without timers that were cancelled."""
    timers = {message.id for message in mail_of(reader, instance_id)}
    return {
        number: task
        for number, task in open_tasks(history).items()
        if not isinstance(task, TimerCreated) or task.message in timers
    }


def _of_mail(mail: list[Message], now_micros: int) -> Iterator[Reason]:
    due = [message for message in mail if message.due_micros <= now_micros]
    if due:
        first = due[0]
        sender = f" from {first.caller}" if first.caller else ""
        count = "1 message waits" if len(due) == 1 else f"{len(due)} messages wait"
        yield Reason("mail", f"{count} for it; the first is {first.operation}{sender}")
    later = [message for message in mail if message.due_micros > now_micros]
    if later:
        soonest = min(later, key=lambda message: message.due_micros)
        when = _moment(soonest.due_micros)
        count = "1 message is" if len(later) == 1 else f"{len(later)} messages are"
        yield Reason("mail", f"{count} for later; the first is {soonest.operation} at {when}")


def _moment(micros: int) -> str:
    return to_datetime(micros).isoformat(sep=" ", timespec="seconds")[:-6] + "Z"


def _span(seconds: float) -> str:
    """A duration in its two largest units: ``3 days 4 h``."""
    left = int(seconds)
    parts: list[str] = []
    for name, size in (("days", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {'day' if name == 'days' and count == 1 else name}")
    return " ".join(parts[:2]) or "less than 1 s"


def _nothing_of(address: str) -> InstanceNotFoundError:
    return InstanceNotFoundError(f"there is nothing of {address!r} in this store")
