"""One generation of one orchestration: the code that runs, and what it waits for.

The rules, the same for a live step and a replayed one:

1. ``apply`` takes one event that happened, resumes the code as far as it goes, and leaves what
   the code asked for in ``decisions``.
2. A replay applies the events of the history again and compares the decisions with those that
   the history holds. The first that differs is a ``NonDeterminismError``.
3. Nothing here knows of messages, stores or threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from perdure.actors.answers import NULL, Failure, failure_of
from perdure.actors.failures import describe_failure
from perdure.errors import CancelledError, DecodingError, NotAllowedHereError, PerdureError
from perdure.orchestration.divergence import calling_line, divergence
from perdure.orchestration.external_events import Decode, ExternalEvents
from perdure.orchestration.guard import guarded, refuse
from perdure.orchestration.history import (
    DECISIONS,
    ContinueAsNew,
    Decision,
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityUnlockSent,
    Event,
    EventRaised,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    PatchMarked,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TimerCreated,
    TimerFired,
    fits,
)
from perdure.orchestration.programming import Open, Program
from perdure.orchestration.sections import Section
from perdure.orchestration.tasks import EventTask, Task


class Execution:
    """The state of one generation.

    Attributes:
        decisions: what the code asked for in the last ``apply``.
        taken_back: ids of timers' messages that are not needed any more, since ``apply``.
        ended: how the generation ended; ``None`` while it goes on.
        now: the time of the event in hand, microseconds since 1970 UTC.
        is_replaying: the code does again what it did before.
        custom_status: what the code says of itself, as JSON.
        suspended: it takes note of nothing.
        children: the instance ids of children that have not ended, by task.
        activities: the names of activities that have not ended, by task.
        timers: the message ids of timers that have not fired, by task.
        section: the critical section it is in, or asks for.
        events: external ones, and who waits for them.
        trace_id: of what it is traced under, for its log; empty for none.
    """

    def __init__(self, instance_id: str, program: Program, fresh_id: Callable[[], int]) -> None:
        self.instance_id = instance_id
        self.program = program
        self.fresh_id = fresh_id
        self.started: ExecutionStarted | None = None
        self.decisions: list[Decision] = []
        self.taken_back: list[int] = []
        self.ended: ExecutionCompleted | ContinueAsNew | None = None
        self.again: ContinueAsNew | None = None
        self.now = 0
        self.trace_id = ""
        self.is_replaying = False
        self.is_open = True
        self.custom_status: msgspec.Raw | None = None
        self.suspended = False
        self.children: dict[int, str] = {}
        self.activities: dict[int, str] = {}
        self.timers: dict[int, int] = {}
        self.section: Section | None = None
        self.marked: set[str] = set()
        self.patched: dict[str, bool] = {}
        self._unreadable: PerdureError | None = None
        self._last_task = 0
        self._waiting: dict[int, Open] = {}
        self.events = ExternalEvents()
        self._held: deque[Event] = deque()
        self._held_tasks: set[int] = set()
        self._sources: list[str] = []
        self._routine: Any = None
        self._is_generator = False
        self._awaited: Task[Any] | None = None

    # ---- what the context asks for --------------------------------------------------------

    def require_open(self) -> None:
        """Raise unless the code is active here."""
        if not self.is_open:
            msg = f"orchestration {self.instance_id!r} is not active here; its context is over"
            raise NotAllowedHereError(msg)

    def leave(self, section: Section, *, undo: bool) -> None:
        """Let go of a critical section's entities."""
        if not self.is_open or self.section is not section:
            return
        self.section = None
        self._waiting.pop(section.asked, None)
        for unlock in self._released(section, undo=undo):
            self.decide(unlock)

    def _released(self, section: Section, *, undo: bool) -> list[EntityUnlockSent]:
        """What lets go of a section; a lock may have been granted that is not looked at yet."""
        section.granted += any(
            isinstance(event, EntityLockGranted) and event.id == section.asked
            for event in self._held
        )
        return section.release(undo=undo)

    def next_task(self) -> int:
        """The next task's number."""
        self._last_task += 1
        return self._last_task

    def decide(self, decision: Decision) -> None:
        """Note what the code asks for."""
        if self.is_replaying:
            self._sources.append(calling_line())
        self.decisions.append(decision)

    def open(self, task_id: int, waiting: Open) -> None:
        """Wait for the answer to a task."""
        self._waiting[task_id] = waiting

    def wait_for(self, name: str, decode: Decode) -> EventTask[Any]:
        """The next external event of that name; it may have come already."""
        task, event = self.events.wait(name, decode)
        if event is not None:
            self._give(task, decode, event.data)
        return task

    def cancel_timer(self, task_id: int) -> None:
        """Forget a timer."""
        self._waiting.pop(task_id, None)
        if (message := self.timers.pop(task_id, None)) is not None:
            self.taken_back.append(message)

    def is_patched(self, patch: str) -> bool:
        """Whether code that was changed runs in its new form here."""
        known = self.patched.get(patch)
        if known is None:
            known = patch in self.marked or not self.is_replaying
            self.patched[patch] = known
            if known:
                self.decide(PatchMarked(id=patch))
        return known

    def unread_events(self) -> list[EventRaised]:
        """Events that nobody has waited for, in the order in which they came."""
        held = [event for event in self._held if isinstance(event, EventRaised)]
        return [*self.events.unread(), *held]

    # ---- what happens ---------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Take one event that happened, and resume the code as far as it goes."""
        self.decisions = []
        self._sources = []
        self.taken_back = []
        if event.time:
            self.now = event.time
        with guarded():
            self._happen(event)

    def _happen(self, event: Event) -> None:
        if isinstance(event, ExecutionTerminated):
            self._terminate(event)
        elif isinstance(event, ExecutionSuspended):
            self.suspended = True
        elif isinstance(event, ExecutionResumed):
            self.suspended = False
            self._held_tasks.clear()
            while self._held and self.ended is None:
                self._take(self._held.popleft())
                self._go_on()
        elif self.suspended:
            self._held.append(event)
            self._held_tasks.add(getattr(event, "id", 0))
        else:
            self._take(event)
            self._go_on()

    def _take(self, event: Event) -> None:
        if self.ended is not None:
            return
        match event:
            case ExecutionStarted():
                self._start(event)
            case TaskCompleted() | SubOrchestrationInstanceCompleted():
                self._complete(event.id, event.result)
            case EntityOperationCompleted():
                self._complete(event.id, event.result)
            case TaskFailed() | SubOrchestrationInstanceFailed() | EntityOperationFailed():
                self._fail(event.id, event.failure)
            case EntityLockGranted() | TimerFired():
                self._complete(event.id, NULL)
            case EventRaised():
                waiting = self.events.happen(event)
                if waiting is not None:
                    self._give(*waiting, event.data)
            case ExecutionCancelRequested():
                self._cancel(event)
            case _:
                return

    def _complete(self, task_id: int, result: msgspec.Raw) -> None:
        waiting = self._answered(task_id)
        if waiting is not None:
            self._give(waiting.task, waiting.decode, result)

    def _give(self, task: Task[Any], decode: Callable[[Any], Any], data: msgspec.Raw) -> None:
        """Complete *task*; what does not decode is its failure, and no divergence."""
        try:
            value = decode(data)
        except PerdureError as error:
            self._unreadable = error
            task.fail(error)
        else:
            task.complete(value)

    def _fail(self, task_id: int, failure: Failure) -> None:
        waiting = self._answered(task_id)
        if waiting is not None:
            waiting.task.fail(self.program.error_of(waiting.what, failure))

    def _answered(self, task_id: int) -> Open | None:
        waiting = self._waiting.pop(task_id, None)
        self.children.pop(task_id, None)
        self.activities.pop(task_id, None)
        self.timers.pop(task_id, None)
        if waiting is not None and waiting.section_entity and self.section is not None:
            self.section.calls.discard(waiting.section_entity)
        return waiting

    def awaited_kind(self, task_id: int) -> str | None:
        """The kind of a task that waits for its answer; ``None`` when it does not."""
        waiting = self._waiting.get(task_id)
        return None if waiting is None or task_id in self._held_tasks else waiting.kind

    def open_tasks(self) -> dict[int, str]:
        """What each task that is not answered is, by number."""
        return {number: self._waiting[number].what for number in sorted(self._waiting)}

    def never_awaited(self) -> list[str]:
        """What was asked for, is not answered, and nobody ever looked at the task."""
        return [
            waiting.what
            for waiting in self._waiting.values()
            if waiting.kind != "timer" and not waiting.task.was_awaited
        ]

    # ---- the code -------------------------------------------------------------------------

    def _start(self, event: ExecutionStarted) -> None:
        self.started = event
        try:
            made = self.program.start(self, event)
        except BaseException as error:
            if isinstance(error, DecodingError):
                self._unreadable = error
            self._end_badly(error)
            return
        if hasattr(made, "send"):
            self._routine = made
            self._is_generator = not hasattr(made, "cr_code")
            self._run(None)
        else:
            self._end_well(made)

    def _go_on(self) -> None:
        while self.ended is None and self._awaited is not None and self._awaited.is_complete:
            self._run(None)

    def _cancel(self, event: ExecutionCancelRequested) -> None:
        if self._routine is not None:
            if self._awaited is not None:
                self._awaited.interrupt()
            self._run(CancelledError(event.reason))

    def _run(self, error: BaseException | None) -> None:
        """Resume the code, until it awaits a task that is not complete, or ends."""
        while True:
            try:
                awaited = self._resume(error)
            except StopIteration as stop:
                self._end_well(stop.value)
                return
            except BaseException as raised:
                self._end_badly(raised)
                return
            if isinstance(awaited, Task):
                awaited.was_awaited = True
                self._awaited = awaited
                return
            error = refuse(awaited)

    def _resume(self, error: BaseException | None) -> Any:
        routine, task = self._routine, self._awaited
        if error is not None:
            return routine.throw(error)
        if task is None or not self._is_generator:
            return routine.send(None)
        if task.is_failed:
            return routine.throw(task.get_exception())
        return routine.send(task.get_result())

    # ---- the end --------------------------------------------------------------------------

    def _end_well(self, value: Any) -> None:
        if self.again is not None:
            self._end(self.again)
            return
        try:
            result = msgspec.Raw(self.program.encode_output(value))
        except BaseException as error:
            self._end_badly(error)
            return
        self._end(ExecutionCompleted(status="Completed", result=result))

    def _end_badly(self, error: BaseException) -> None:
        status = "Canceled" if isinstance(error, CancelledError) else "Failed"
        failure = failure_of(describe_failure(error))
        error.__traceback__ = None  # its frames hold this, and the turn
        self._end(ExecutionCompleted(status=status, failure=failure))

    def stop(self, error: BaseException) -> None:
        """End it with *error*; what the code asked for last does not count."""
        self.decisions = []
        self._end_badly(error)
        self.close()

    def _terminate(self, event: ExecutionTerminated) -> None:
        if self.ended is None:
            self._end(ExecutionCompleted(status="Terminated", result=event.output))
            self.close()
        self._held.clear()

    def _end(self, how: ExecutionCompleted | ContinueAsNew) -> None:
        section, self.section = self.section, None
        if section is not None:
            self.decisions.extend(self._released(section, undo=section.transaction))
        self.ended = how
        self.decisions.append(how)
        self.taken_back.extend(self.timers.values())
        self.timers.clear()
        self._awaited = None

    def close(self) -> None:
        """The code shall never act again: its context refuses all, and it is ended here."""
        self.is_open = False
        routine, self._routine = self._routine, None
        if routine is not None:
            with suppress(BaseException), guarded():
                routine.close()
        for waiting in self._waiting.values():
            waiting.task.forget()
        self._waiting.clear()
        self.events.forget()

    # ---- replay ---------------------------------------------------------------------------

    def replay(
        self,
        history: Iterable[Event],
        *,
        go_on: bool = False,
        before: Callable[[Event], None] | None = None,
    ) -> None:
        """Bring the code to where it was at the end of *history*.

        Args:
            history: the events of one generation.
            go_on: what the code asks for beyond them is new, and is left in ``decisions``.
            before: told each event right before the code takes it.

        Raises:
            NonDeterminismError: it asks for something else than it did.
            DecodingError: it does so since it cannot read what is recorded any more.
        """
        events = list(history)
        self.marked = {event.id for event in events if isinstance(event, PatchMarked)}
        self.is_replaying = True
        unmatched: deque[Decision] = deque()
        sources: deque[str] = deque()
        for place, event in enumerate(events):
            if isinstance(event, DECISIONS):
                if not unmatched or not fits(unmatched[0], event):
                    raise self._diverged(events, place, unmatched, sources)
                asked = unmatched.popleft()
                if sources:
                    sources.popleft()
                if isinstance(event, TimerCreated) and isinstance(asked, TimerCreated):
                    self._adopt_timer(event)
                continue
            if unmatched:
                raise self._diverged(events, place, unmatched, sources)
            if before is not None:
                before(event)
            self.apply(event)
            unmatched.extend(self.decisions)
            sources.extend(self._sources)
        if unmatched and not go_on:
            raise self._diverged(events, len(events), unmatched, sources)
        self.is_replaying = False
        self.decisions = list(unmatched)
        self.taken_back = []

    def _adopt_timer(self, event: TimerCreated) -> None:
        if event.id in self.timers:
            self.timers[event.id] = event.message

    def _diverged(
        self,
        events: list[Event],
        place: int,
        unmatched: Iterable[Decision],
        sources: Iterable[str],
    ) -> PerdureError:
        if self._unreadable is not None:
            msg = f"{self._unreadable}; it was recorded by {self.instance_id!r} with other code"
            return DecodingError(msg)
        return divergence(self.instance_id, events, place, unmatched, next(iter(sources), ""))
