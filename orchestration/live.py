"""The code of one active orchestration, and what follows from what it asks for."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

from perdure.actors.behavior import Forgets, Gate, Outcome, Step, Surroundings
from perdure.actors.directory import Resolve
from perdure.actors.logs import address_fields
from perdure.actors.messages import Message
from perdure.actors.tracing import Span, Tracer, trace_id
from perdure.errors import (
    CorruptionError,
    DecodingError,
    HistoryTooLongError,
    InstanceFinishedError,
    InstanceNotFoundError,
    NonDeterminismError,
    UnknownOrchestratorError,
)
from perdure.orchestration import effects, requests
from perdure.orchestration.answering import failure_for_parent
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    ContinueAsNew,
    Event,
    EventRaised,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    Happening,
    events_beyond,
    write_event,
)
from perdure.orchestration.programs import Programs
from perdure.orchestration.rewinding import without_rewound
from perdure.orchestration.spans import InstanceSpans
from perdure.orchestration.state import (
    COMPLETED,
    RUNNING,
    SUSPENDED,
    InstanceState,
    write_state,
)

logger = logging.getLogger("perdure")

HISTORY_WARNING = 10_000
HISTORY_EVENTS = 50_000
"""Events of one generation: the log warns at the one, the orchestration fails at the other."""


class CodeMissing(Exception):  # noqa: N818 - it is no error of a message
    """There is no code here that can go on with the instance: its message has to wait."""


class Turn:
    """What one message leads to."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.events: list[bytes] = []
        self.messages: list[Message] = []
        self.taken_back: list[int] = []
        self.forgets = Forgets.NOTHING
        self.touched = False
        self.to_come: deque[EventRaised] = deque()
        self.over = False

    def note(self, event: Event) -> None:
        """Add an event to the history."""
        event.time = self.now
        self.events.append(write_event(event))

    def outcome(self, result: bytes = b"null") -> Outcome:
        """All of it."""
        return Outcome(
            result,
            None,
            tuple(self.events),
            tuple(self.messages),
            self.touched or bool(self.events),
            tuple(self.taken_back),
            forgets=self.forgets,
            over=self.over,
        )


class LiveInstance:
    """An orchestration's row, and its code while that is alive."""

    def __init__(
        self,
        programs: Programs,
        resolve: Resolve,
        address: str,
        version: int,
        state: InstanceState | None,
        engine: Surroundings,
        tracer: Tracer | None = None,
    ) -> None:
        self._programs = programs
        self._resolve = resolve
        self._address = address
        self._version: int = version
        self._state: InstanceState | None = state
        self._stored = None if state is None else write_state(state)
        self._engine = engine
        self._execution: Execution | None = None
        self._spans = None if tracer is None else InstanceSpans(tracer, address)
        self.gate: Gate | None = None
        if state is not None and state.status == RUNNING and not state.generation:
            self.gate = only_renewal

    @property
    def orchestrator(self) -> str:
        """Its orchestrator's name; empty when there is none."""
        return "" if self._state is None else self._state.name

    @property
    def trace(self) -> str:
        """What all that it sends carries; empty when it is not traced."""
        trace = None if self._state is None else self._state.trace
        return "" if trace is None else trace.own

    def span_of(self, step: Step, outcome: Outcome) -> Span | None:
        """What to tell of a generation that has ended (asked only when there is a tracer)."""
        span = None if self._spans is None else self._spans.take()
        return span if outcome.failure is None else None

    def state(self) -> bytes | None:
        """The row as the last message left it: the next may be at work without the baton."""
        return self._stored

    def settled(self, outcome: Outcome) -> Outcome:
        """A message has been handled; with the baton again."""
        if outcome.touched or outcome.forgets is not Forgets.NOTHING:
            self._stored = None if self._state is None else write_state(self._state)
        return outcome

    def close(self) -> None:
        """The code that is alive shall not act any more."""
        execution, self._execution = self._execution, None
        if execution is not None:
            execution.close()

    # ---- the code -------------------------------------------------------------------------

    def _live(self) -> Execution | None:
        """The code at work: as it is, or replayed after an activation; ``None`` when ended.

        Raises:
            CodeMissing: it is not what it was, or not there.
        """
        state = self._state
        if state is None or state.is_finished:
            return None
        if self.gate is only_end:
            raise CodeMissing(state.reason)
        if not state.generation:
            return None
        if self._execution is None:
            execution = self._awakened()
            try:
                history = without_rewound(self._history(), state.begins)
                execution.replay(history)
            except (NonDeterminismError, DecodingError, CorruptionError) as error:
                execution.close()
                raise CodeMissing(str(error)) from error
            except BaseException:
                execution.close()
                raise
            self._execution = execution
            if self._spans is not None:
                for event in history:
                    self._spans.note(event)
            if state.stalled:
                state.stalled, state.reason = False, ""
        return self._execution

    def _goes_on_again(self) -> bool:
        """Whether it was stalled by other code, and goes on with today's.

        Asked before each message, since not every one needs the code, and whoever looks at the
        row takes what it says for the answer of the code that runs.
        """
        state = self._state
        if state is None or not state.stalled or self.gate is not None:
            return False
        with suppress(CodeMissing):  # what needs the code finds that out by itself
            self._live()
        return not state.stalled

    def _awakened(self) -> Execution:
        """A new execution for an instance that waits for one.

        Raises:
            CodeMissing: its code is not there.
        """
        try:
            return self._new_execution()
        except UnknownOrchestratorError as error:
            raise CodeMissing(str(error)) from error

    def _new_execution(self) -> Execution:
        program = self._programs.program(self._present(), self._resolve)
        execution = Execution(self._address, program, self._engine.fresh_id)
        execution.trace_id = trace_id(self.trace)
        return execution

    def _history(self) -> list[Event]:
        """The present generation's events."""
        begins = self._present().begins
        return list(events_beyond(self._engine.past(self._address, begins), begins))

    def _happen(self, event: Happening, turn: Turn) -> Outcome:
        if self._live() is None:
            return Outcome()
        self._apply(event, turn)
        return turn.outcome()

    def _apply(self, event: Happening, turn: Turn) -> None:
        execution = self._execution
        if execution is None:
            return
        turn.note(event)
        if self._spans is not None:
            self._spans.note(event)
        if isinstance(event, ExecutionTerminated):
            if event.recursive:
                self._end_children(execution.children.values(), event, turn)
            self._stop_activities(execution.activities, "terminated", turn)
        elif isinstance(event, ExecutionCancelRequested):
            self._cancel_children(execution.children.values(), event, turn)
            self._stop_activities(execution.activities, "cancelled", turn)
        execution.apply(event)  # after that there may be new ones, which clean up
        state = self._present()
        state.updated = turn.now
        if isinstance(event, ExecutionSuspended | ExecutionResumed):
            state.status = SUSPENDED if execution.suspended else RUNNING
            state.reason = event.reason
        if execution.ended is None:
            self._check_length(execution, turn)
        self._follow(execution, turn)

    def _raise(self, events: Iterable[EventRaised], turn: Turn) -> None:
        """Have events happen one after the other; a generation leaves the rest to the next."""
        turn.to_come.extend(events)
        while turn.to_come and self._execution is not None:
            self._apply(turn.to_come.popleft(), turn)
        turn.to_come.clear()

    def _check_length(self, execution: Execution, turn: Turn) -> None:
        """A history that became too long ends here, before it is too long to be replayed."""
        before = self._version + len(turn.events) - self._present().begins
        length = before + len(execution.decisions)
        if length >= HISTORY_EVENTS:
            msg = (
                f"the history of orchestration {self._address!r} would be {length} events "
                f"long, and {HISTORY_EVENTS} is the limit; have it begin a new one now and "
                "then by ctx.continue_as_new, or give parts of its work to children"
            )
            execution.stop(HistoryTooLongError(msg))
        elif before <= HISTORY_WARNING < length + 1:
            logger.warning(
                "the history of orchestration %r is %d events long, it fails at %d; use "
                "ctx.continue_as_new, or children",
                self._address,
                length,
                HISTORY_EVENTS,
                extra=address_fields(self._address),
            )

    def _follow(self, execution: Execution, turn: Turn) -> None:
        """Note what the code asked for, and send what follows from it."""
        state = self._present()
        if execution.custom_status is not None:
            state.custom_status = execution.custom_status
        turn.taken_back.extend(execution.taken_back)
        for decision in execution.decisions:
            turn.note(decision)
            message = effects.message_for(decision, self._address, state.generation)
            if message is not None:
                turn.messages.append(message)
        ended = execution.ended
        if isinstance(ended, ExecutionCompleted):
            if ended.status == COMPLETED:
                self._warn_of(execution.never_awaited())
            self._note_end(ended, turn)
        elif isinstance(ended, ContinueAsNew):
            self._continue(execution, ended, turn)

    def _warn_of(self, lost: list[str]) -> None:
        """Tell of tasks that nobody awaited: their results and failures are lost."""
        if lost:
            logger.warning(
                "orchestration %r has ended and never awaited %s; await each task, or "
                "perdure.when_all([…])",
                self._address,
                ", ".join(lost),
                extra=address_fields(self._address),
            )

    def _note_end(self, end: ExecutionCompleted, turn: Turn) -> None:
        state = self._present()
        state.status = end.status
        state.output = end.result
        state.failure = end.failure
        state.updated = turn.now
        state.stalled, state.reason = False, ""
        self.gate = None
        turn.over = True
        if state.parent:
            turn.messages.append(
                effects.answer(
                    state.parent,
                    state.parent_task,
                    self._address,
                    end.result,
                    failure_for_parent(self._address, end),
                )
            )
        if self._spans is not None:
            self._spans.end(state, turn.now, state.status)
        self._tell(state.told, state, turn)
        retention = self._programs.retention_micros(state)
        if retention:
            purge = effects.send(self._address, requests.PURGE, requests.Purge(), self._address)
            purge.due_micros = turn.now + retention
            self._name_timer(purge)
            turn.messages.append(purge)
        self.close()

    def _continue(self, execution: Execution, ended: ContinueAsNew, turn: Turn) -> None:
        started = execution.started
        assert started is not None
        state = self._present()
        events = [*execution.unread_events(), *turn.to_come] if ended.save_events else []
        following = ExecutionStarted(
            name=started.name,
            input=ended.input,
            generation=f"{self._engine.fresh_id():x}",
            version=started.version,
            parent=started.parent,
            parent_task=started.parent_task,
            tags=started.tags,
        )
        for event in events:
            event.time = 0
        renewal = requests.Renew(following, events)
        turn.messages.append(
            effects.send(self._address, requests.RENEW, renewal, self._address)
        )
        state.generation = ""
        if self._spans is not None:
            self._spans.renew(state, turn.now)
        self.gate = only_renewal
        self.close()

    def _name_timer(self, message: Message) -> None:
        """It comes back to this instance later, perhaps re-driven under another id."""
        self._present().timer = message.id = self._engine.fresh_id()
        message.request_id = str(message.id)

    def _forget_timer(self, state: InstanceState, turn: Turn) -> None:
        """Nothing begins, or is forgotten, later by itself any more."""
        if state.timer:
            turn.taken_back.append(state.timer)
        state.timer = 0

    # ---- whom else it concerns --------------------------------------------------------------

    def _tell(self, told: Iterable[requests.Notice], state: InstanceState, turn: Turn) -> None:
        """Signal how it has ended to whoever wanted to know, in the commit that ends it."""
        for notice in told:
            turn.messages.append(
                effects.notice(notice, self._address, state.status, state.output, state.failure)
            )

    def _end_children(
        self, children: Iterable[str], event: ExecutionTerminated, turn: Turn
    ) -> None:
        for child in children:
            ended = requests.Terminate(event.output, event.recursive)
            turn.messages.append(effects.send(child, requests.TERMINATE, ended, self._address))

    def _cancel_children(
        self, children: Iterable[str], event: ExecutionCancelRequested, turn: Turn
    ) -> None:
        for child in children:
            reason = requests.Reason(event.reason)
            turn.messages.append(effects.send(child, requests.CANCEL, reason, self._address))

    def _stop_activities(self, activities: Mapping[int, str], how: str, turn: Turn) -> None:
        """Tell what runs, or waits, that its result is not needed any more."""
        generation = self._present().generation
        for task_id, name in activities.items():
            request_id = effects.task_request(generation, task_id)
            reason = f"orchestration {self._address} was {how}"
            turn.messages.append(
                effects.cancel_activity(name, request_id, self._address, reason)
            )

    # ---- what is required -------------------------------------------------------------------

    def _present(self) -> InstanceState:
        state = self._state
        assert state is not None
        return state

    def _updated(self) -> int:
        return 0 if self._state is None else self._state.updated

    def _required(self) -> InstanceState:
        if self._state is None:
            msg = f"there is no orchestration {self._address!r}"
            raise InstanceNotFoundError(msg)
        return self._state

    def _require_alive(self) -> InstanceState:
        state = self._required()
        if state.is_finished:
            raise self._finished(state)
        return state

    def _finished(self, state: InstanceState) -> InstanceFinishedError:
        return InstanceFinishedError(
            f"orchestration {self._address!r} is {state.status}; nothing reaches it any more"
        )


ENDS = frozenset({requests.TERMINATE, requests.PURGE})
"""What needs no code."""


def only_end(message: Message) -> bool:
    """Without code that fits there is nothing else to do; clients are told so."""
    return message.operation in ENDS or message.reply is not None


def only_renewal(message: Message) -> bool:
    """Between two generations nothing else is taken."""
    return message.operation == requests.RENEW
