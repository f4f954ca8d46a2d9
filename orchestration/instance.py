"""What an orchestration does with each message it gets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import msgspec

from perdure.actors.answers import ANSWER, NULL, failure_of, read_answer
from perdure.actors.behavior import Forgets, Outcome, Step
from perdure.actors.failures import describe_failure
from perdure.actors.logs import fields_of
from perdure.actors.messages import Message
from perdure.errors import (
    CorruptionError,
    InstanceAlreadyExistsError,
    MailboxFullError,
    PerdureError,
    UnknownOperationError,
    UnknownOrchestratorError,
    WrongStatusError,
)
from perdure.orchestration import effects, requests
from perdure.orchestration.answering import happening_of, locked_section
from perdure.orchestration.ended import EndedInstance
from perdure.orchestration.history import (
    Event,
    EventRaised,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from perdure.orchestration.live import ENDS, CodeMissing, Turn, only_end
from perdure.orchestration.open_tasks import open_tasks, releases
from perdure.orchestration.rewinding import without_rewound
from perdure.orchestration.state import (
    CANCELED,
    FAILED,
    PENDING,
    RUNNING,
    SUSPENDED,
    TERMINATED,
    InstanceState,
)

logger = logging.getLogger("perdure")

PENDING_EVENTS = 1_000
PENDING_BYTES = 2 << 20
"""What waits at most for an orchestration that is to begin later."""

Handler = Callable[["OrchestrationInstance", Message, Turn], Outcome]
"""What is done with one kind of message."""


class OrchestrationInstance(EndedInstance):
    """One active orchestration."""

    # ---- the behavior port ----------------------------------------------------------------

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Make *message* ready to run.

        Raises:
            UnknownOperationError: no orchestration takes it.
        """
        handler = self.handlers.get(message.operation)
        if handler is None:
            msg = f"an orchestration has no operation {message.operation!r}"
            raise UnknownOperationError(msg)
        return Step(partial(self._handle, handler, message, now_micros))

    def _handle(self, handler: Handler, message: Message, now: int) -> Outcome:
        # a process that was started with a clock that is behind does not turn times back
        now = max(now, self._updated())
        turn = Turn(now)
        try:
            turn.touched = message.operation not in ENDS and self._goes_on_again()
            outcome = handler(self, message, turn)
            outcome.touched |= turn.touched
        except CodeMissing as missing:
            outcome = self._without_code(missing, message, now)
        except PerdureError as error:
            if message.operation == requests.RAISE_EVENT and message.reply is None:
                self._engine.count("events_dropped")
            return Outcome(b"", describe_failure(error), touched=turn.touched)
        if outcome.put_back:
            return outcome
        if outcome.forgets is Forgets.ALL:
            self._version = 0
        self._version += len(outcome.events)
        return outcome

    def finish(self, step: Step, result: Any) -> Outcome:
        """The decision was made in the step."""
        outcome: Outcome = result
        return self.settled(outcome)

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """A bug of ours: nothing is decided until the actor is activated again."""
        fields = fields_of(step.message)
        logger.error("a bug in perdure: %s", self._address, exc_info=error, extra=fields)
        reason = f"a bug in perdure: {error!r}; see the log"
        return self.settled(self._stall(reason, step.message))

    def _without_code(self, missing: CodeMissing, message: Message, now: int) -> Outcome:
        """Wait for the code; or fail, where the app wants that of other versions."""
        state, cause = self._state, missing.__cause__
        if (
            state is None
            or not isinstance(cause, UnknownOrchestratorError)
            or not self._programs.must_fail(state.version)
        ):
            return self._stall(str(missing), message)
        turn = Turn(now)
        failure = failure_of(describe_failure(cause))
        self._end_without_code(ExecutionCompleted(status=FAILED, failure=failure), turn)
        return turn.outcome()

    def _stall(self, reason: str, message: Message) -> Outcome:
        """Decide nothing until the code fits; *message* waits for that, its sender does not."""
        if self.gate is not only_end:
            text = "orchestration %r is stalled: %s"
            logger.error(text, self._address, reason, extra=fields_of(message))
            self.close()
            self.gate = only_end
        state = self._state
        touched = state is not None and not state.is_finished
        if state is not None and touched:
            state.stalled = True
            state.reason = reason
        if message.reply is None or message.operation in ENDS:
            return Outcome(touched=touched, put_back=True)
        raised = [
            effects.send(self._address, requests.RAISE_EVENT, event, self._address)
            for event in requests.events_in(message)
        ]
        if raised:
            return Outcome(effects=tuple(raised), touched=touched)
        msg = (
            f"orchestration {self._address!r} is stalled, and can only be terminated, or go on "
            f"with code that fits: {reason}"
        )
        return Outcome(b"", describe_failure(WrongStatusError(msg)), touched=touched)

    # ---- starting -------------------------------------------------------------------------

    def _start(self, message: Message, turn: Turn) -> Outcome:
        start = requests.decode_start(message.input)
        state = self._state
        if state is not None and (not state.is_finished or start.if_exists == "keep"):
            return self._exists(start, state, turn)
        try:
            self._programs.check(start.name, start.version)
        except PerdureError as error:
            return self._refuse_start(start, error, turn)
        self.close()
        if state is not None:
            self._forget_timer(state, turn)
        turn.forgets, turn.touched = Forgets.PAST, True
        self._state = InstanceState(
            name=start.name,
            status=PENDING,
            created=turn.now,
            updated=turn.now,
            version=start.version,
            parent=start.parent,
            parent_task=start.parent_task,
            tags=start.tags,
            told=start.told,
            begins=self._version,
        )
        if self._spans is not None:
            self._spans.begin(self._state, message.trace)
        if start.start_at > turn.now:
            begin = effects.send(self._address, requests.BEGIN, None, self._address)
            begin.due_micros = start.start_at
            self._name_timer(begin)
            self._state.start = start
            turn.messages.append(begin)
            return turn.outcome()
        return self._begin(start, turn)

    def _exists(self, start: requests.Start, state: InstanceState, turn: Turn) -> Outcome:
        if start.if_exists != "error":
            if state.is_finished:
                self._tell(start.told, state, turn)
            elif start.told:
                state.told = [*state.told, *start.told]
                turn.touched = True
            return self._take_events(start.events, state, turn)
        msg = (
            f"orchestration {self._address!r} exists and is {state.status}; choose another "
            "instance id, or use start_or_get"
        )
        return self._refuse_start(start, InstanceAlreadyExistsError(msg), turn)

    def _refuse_start(self, start: requests.Start, error: PerdureError, turn: Turn) -> Outcome:
        described = describe_failure(error)
        turn.messages.extend(effects.refusals(start, self._address, failure_of(described)))
        if not turn.messages:
            return Outcome(b"", described)
        return Outcome(effects=tuple(turn.messages))

    def _begin(self, start: requests.Start, turn: Turn) -> Outcome:
        state = self._present()
        self._run_generation(
            ExecutionStarted(
                name=start.name,
                input=start.input,
                generation=f"{self._engine.fresh_id():x}",
                version=state.version,
                parent=start.parent,
                parent_task=start.parent_task,
                tags=start.tags,
            ),
            turn,
        )
        self._raise(start.events, turn)
        return turn.outcome()

    def _take_events(
        self, events: list[EventRaised], state: InstanceState, turn: Turn
    ) -> Outcome:
        if state.status == PENDING and state.start is not None:  # it will find them then
            self._require_room(state.start.events, events)
            state.start.events.extend(events)
            turn.touched = True
        elif self._live() is not None:
            self._raise(events, turn)
        return turn.outcome()

    def _require_room(self, held: list[EventRaised], events: list[EventRaised]) -> None:
        """Events of one that has not begun are in its row, which is written with each."""
        size = sum(len(event.data) for event in (*held, *events))
        if len(held) + len(events) > PENDING_EVENTS or size > PENDING_BYTES:
            msg = (
                f"orchestration {self._address!r} has not begun, and {len(held)} events wait "
                f"for it: {PENDING_EVENTS} of {PENDING_BYTES >> 20} MiB in all are the limit; "
                "raise more when it has begun"
            )
            raise MailboxFullError(msg)

    def _begin_pending(self, message: Message, turn: Turn) -> Outcome:
        state = self._state
        if state is None or state.status != PENDING or str(state.timer) != message.request_id:
            return Outcome()
        assert state.start is not None
        return self._begin(state.start, turn)

    def _renew(self, message: Message, turn: Turn) -> Outcome:
        renewal = requests.decode_renew(message.input)
        state = self._state
        if state is None or state.is_finished or state.generation:
            return Outcome()  # it was ended between two generations
        turn.forgets = Forgets.PAST
        self._run_generation(renewal.started, turn)
        self._raise(renewal.events, turn)
        return turn.outcome()

    def _run_generation(self, started: ExecutionStarted, turn: Turn) -> None:
        execution = self._awakened()
        self.gate = None
        state = self._present()
        state.start, state.timer = None, 0
        state.stalled, state.reason = False, ""
        state.generation = started.generation
        state.begins = self._version
        state.status = RUNNING
        if state.trace is not None:
            state.trace.begun_micros = turn.now
        self._execution = execution
        self._apply(started, turn)

    # ---- what happens ---------------------------------------------------------------------

    def _answer(self, message: Message, turn: Turn) -> Outcome:
        came = read_answer(message)
        generation, task_id = effects.task_of(message.request_id)
        execution = None
        if self._state is not None and generation == self._state.generation:
            execution = self._live()
        kind = None if execution is None else execution.awaited_kind(task_id)
        if kind is None:
            late = self._answer_late(message, came, turn)
            return self._unwanted(message, came.result) if late is None else late
        return self._happen(happening_of(kind, task_id, message.caller, came), turn)

    def _unwanted(self, message: Message, result: msgspec.Raw) -> Outcome:
        """An answer that nobody waits for any more; a lock that it grants is let go."""
        if result != NULL and message.caller.startswith("@"):
            section = locked_section(result)
            if section:
                release = effects.release_of(message.caller, section, self._address)
                return Outcome(effects=(release,))
        self._engine.count("answers_ignored")
        return Outcome()

    def _fire(self, message: Message, turn: Turn) -> Outcome:
        generation, task_id = effects.task_of(message.request_id)
        if self._state is None or generation != self._state.generation:
            return Outcome()
        execution = self._live()
        if execution is None or execution.awaited_kind(task_id) != "timer":
            return Outcome()
        return self._happen(TimerFired(id=task_id), turn)

    def _raise_event(self, message: Message, turn: Turn) -> Outcome:
        event = requests.decode_event(message.input)
        return self._take_events([event], self._require_alive(), turn)

    def _terminate(self, message: Message, turn: Turn) -> Outcome:
        asked = requests.decode_terminate(message.input)
        state = self._required()
        if state.is_finished:
            if state.status == TERMINATED:
                return Outcome()
            raise self._finished(state)
        event = ExecutionTerminated(output=asked.output, recursive=asked.recursive)
        if state.stalled or state.status == PENDING or not state.generation:
            turn.note(event)
            end = ExecutionCompleted(status=TERMINATED, result=event.output)
            self._end_without_code(end, turn, event if event.recursive else None)
            return turn.outcome()
        return self._happen(event, turn)

    def _end_without_code(
        self,
        end: ExecutionCompleted,
        turn: Turn,
        children_with: ExecutionTerminated | None = None,
    ) -> None:
        """End one whose code cannot be asked, or has not begun."""
        state = self._present()
        self._forget_timer(state, turn)
        history = self._readable_history() if state.generation else []
        tasks = open_tasks(history)
        turn.taken_back += [
            task.message for task in tasks.values() if isinstance(task, TimerCreated)
        ]
        for unlock in releases(history):
            turn.note(unlock)
            release = effects.message_for(unlock, self._address, state.generation)
            assert release is not None
            turn.messages.append(release)
        if children_with is not None:
            children = [
                task.instance_id
                for task in tasks.values()
                if isinstance(task, SubOrchestrationInstanceCreated)
            ]
            self._end_children(children, children_with, turn)
        activities = {
            number: task.name
            for number, task in tasks.items()
            if isinstance(task, TaskScheduled)
        }
        self._stop_activities(activities, "terminated", turn)
        turn.note(end)
        self._note_end(end, turn)

    def _readable_history(self) -> list[Event]:
        try:
            return without_rewound(self._history(), self._present().begins)
        except CorruptionError:
            return []  # what is damaged can be ended all the same

    def _cancel(self, message: Message, turn: Turn) -> Outcome:
        reason = requests.decode_reason(message.input).reason
        state = self._required()
        if state.is_finished:
            if state.status == CANCELED:
                return Outcome()
            raise self._finished(state)
        if state.status == PENDING:
            turn.note(ExecutionCancelRequested(reason=reason))
            self._end_without_code(ExecutionCompleted(status=CANCELED), turn)
            return turn.outcome()
        return self._happen(ExecutionCancelRequested(reason=reason), turn)

    def _suspend(self, message: Message, turn: Turn) -> Outcome:
        state = self._require_alive()
        if state.status == SUSPENDED:
            return Outcome()
        if state.status == PENDING:
            msg = (
                f"orchestration {self._address!r} is Pending; only one that has begun is "
                "suspended: wait for its start, or terminate it"
            )
            raise WrongStatusError(msg)
        return self._happen(
            ExecutionSuspended(reason=requests.decode_reason(message.input).reason), turn
        )

    def _resume(self, message: Message, turn: Turn) -> Outcome:
        state = self._require_alive()
        if state.status != SUSPENDED:
            return Outcome()
        return self._happen(
            ExecutionResumed(reason=requests.decode_reason(message.input).reason), turn
        )

    def _look(self, message: Message, turn: Turn) -> Outcome:
        return Outcome(b"null")

    handlers: ClassVar[dict[str, Handler]] = {
        requests.START: _start,
        requests.BEGIN: _begin_pending,
        requests.RENEW: _renew,
        requests.TIMER: _fire,
        requests.RAISE_EVENT: _raise_event,
        requests.TERMINATE: _terminate,
        requests.CANCEL: _cancel,
        requests.SUSPEND: _suspend,
        requests.RESUME: _resume,
        requests.REWIND: EndedInstance.rewind,
        requests.PURGE: EndedInstance.purge,
        requests.LOOK: _look,
        ANSWER: _answer,
    }
