"""What an orchestration does with a message: the behavior port for instances.

An instance is an actor like an entity; what differs is how it decides: its code goes on from
where it is. The code is alive while the actor is active; after an activation the history is
replayed, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from perdure.actors.answers import ANSWER, Answer, Failure, failure_of, read_answer
from perdure.actors.behavior import Gate, Outcome, Step, Surroundings
from perdure.actors.context import Resolve
from perdure.actors.failures import describe_failure
from perdure.actors.messages import Message
from perdure.errors import (
    InstanceAlreadyExistsError,
    InstanceFinishedError,
    InstanceNotFoundError,
    NonDeterminismError,
    PerdureError,
    UnknownOperationError,
    WrongStatusError,
)
from perdure.orchestration import effects, requests
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    NULL,
    ContinueAsNew,
    EntityLockGranted,
    EntityOperationCompleted,
    EntityOperationFailed,
    Event,
    EventRaised,
    ExecutionCancelRequested,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    Happening,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerFired,
    read_events,
    write_event,
)
from perdure.orchestration.programs import Programs
from perdure.orchestration.rewinding import lost_tasks, without, without_rewound
from perdure.orchestration.state import (
    CANCELED,
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    SUSPENDED,
    TERMINATED,
    InstanceState,
    read_state,
    write_state,
)

logger = logging.getLogger("perdure")


class OrchestrationBehavior:
    """All orchestrations, as the engine runs them."""

    def __init__(self, programs: Programs, resolve: Resolve) -> None:
        """Serve what *programs* knows; *resolve* finds kinds of entities."""
        self._programs = programs
        self._resolve = resolve

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings
    ) -> OrchestrationInstance:
        """Rebuild an instance from its row; its history is read when it is needed."""
        present = None if state is None else read_state(target, state)
        return OrchestrationInstance(
            self._programs, self._resolve, target, version, present, engine
        )


class _Turn:
    """What one message leads to."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.events: list[bytes] = []
        self.messages: list[Message] = []
        self.taken_back: list[int] = []

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
            bool(self.events),
            tuple(self.taken_back),
        )


class OrchestrationInstance:
    """One active orchestration."""

    def __init__(
        self,
        programs: Programs,
        resolve: Resolve,
        address: str,
        version: int,
        state: InstanceState | None,
        engine: Surroundings,
    ) -> None:
        self._programs = programs
        self._resolve = resolve
        self._address = address
        self._version = version
        self._state = state
        self._engine = engine
        self._execution: Execution | None = None
        self.gate: Gate | None = None
        if state is not None and state.status == RUNNING and not state.generation:
            self.gate = _only_renewal
        self._handlers: dict[str, Callable[[Message, _Turn], Outcome]] = {
            requests.START: self._start,
            requests.BEGIN: self._begin_pending,
            requests.RENEW: self._renew,
            requests.TIMER: self._fire,
            requests.RAISE_EVENT: self._raise_event,
            requests.TERMINATE: self._terminate,
            requests.CANCEL: self._cancel,
            requests.SUSPEND: self._suspend,
            requests.RESUME: self._resume,
            requests.REWIND: self._rewind,
            requests.PURGE: self._purge,
            ANSWER: self._answer,
        }

    # ---- the behavior port ----------------------------------------------------------------

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Make *message* ready to run.

        Raises:
            UnknownOperationError: no orchestration takes it.
        """
        handler = self._handlers.get(message.operation)
        if handler is None:
            msg = f"an orchestration has no operation {message.operation!r}"
            raise UnknownOperationError(msg)
        return Step(partial(self._handle, handler, message, now_micros))

    def _handle(
        self, handler: Callable[[Message, _Turn], Outcome], message: Message, now: int
    ) -> Outcome:
        try:
            outcome = handler(message, _Turn(now))
        except NonDeterminismError as error:
            return self._stall(str(error))
        except PerdureError as error:
            return Outcome(b"", describe_failure(error))
        self._version += len(outcome.events)
        return outcome

    def finish(self, step: Step, result: Any) -> Outcome:
        """The decision was made in the step."""
        outcome: Outcome = result
        return outcome

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """A bug of ours: nothing is decided until the actor is activated again."""
        logger.error("a bug in perdure: %s", self._address, exc_info=error)
        return self._stall(f"a bug in perdure: {error!r}; see the log")

    def _stall(self, reason: str) -> Outcome:
        logger.error("%s", reason)
        self.close()
        self.gate = _only_end
        if self._state is not None:
            self._state.stalled = True
            self._state.reason = reason
        return Outcome(touched=self._state is not None, put_back=True)

    def state(self) -> bytes | None:
        """The row."""
        return None if self._state is None else write_state(self._state)

    def close(self) -> None:
        """The code that is alive shall not act any more."""
        execution, self._execution = self._execution, None
        if execution is not None:
            execution.close()

    # ---- starting -------------------------------------------------------------------------

    def _start(self, message: Message, turn: _Turn) -> Outcome:
        start = requests.decode_start(message.input)
        state = self._state
        if state is not None and not state.is_finished:
            return self._exists(start, state, turn)
        try:
            self._programs.check(start.name, start.version)
        except PerdureError as error:
            return self._refuse_start(start, error, turn)
        self.close()
        self._state = InstanceState(
            name=start.name,
            status=PENDING,
            created=turn.now,
            updated=turn.now,
            version=start.version,
            parent=start.parent,
            parent_task=start.parent_task,
            tags=start.tags,
            begins=self._version,
        )
        if start.start_at > turn.now:
            begin = effects.send(self._address, requests.BEGIN, start, self._address)
            begin.due_micros = start.start_at
            begin.id = self._engine.fresh_id()
            self._state.timer = begin.id
            self._state.start = start
            turn.messages.append(begin)
            return Outcome(effects=tuple(turn.messages), touched=True)
        return self._begin(start, turn)

    def _exists(self, start: requests.Start, state: InstanceState, turn: _Turn) -> Outcome:
        if start.if_exists == "return":
            return self._take_events(start.events, state, turn)
        msg = (
            f"orchestration {self._address!r} exists and is {state.status}; choose another "
            "instance id, or use start_or_get"
        )
        return self._refuse_start(start, InstanceAlreadyExistsError(msg), turn)

    def _refuse_start(self, start: requests.Start, error: PerdureError, turn: _Turn) -> Outcome:
        failure = describe_failure(error)
        if not start.parent:
            return Outcome(b"", failure)
        turn.messages.append(
            effects.answer(
                start.parent, start.parent_task, self._address, NULL, failure_of(failure)
            )
        )
        return Outcome(effects=tuple(turn.messages))

    def _begin(self, start: requests.Start, turn: _Turn) -> Outcome:
        state = self._present()
        state.start = None
        state.timer = 0
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
        for event in start.events:
            self._apply(event, turn)
        return turn.outcome()

    def _take_events(
        self, events: list[EventRaised], state: InstanceState, turn: _Turn
    ) -> Outcome:
        if state.start is not None:  # it has not begun: it will find them then
            state.start.events.extend(events)
            return Outcome(touched=True)
        if self._live() is not None:
            for event in events:
                self._apply(event, turn)
        return turn.outcome()

    def _begin_pending(self, message: Message, turn: _Turn) -> Outcome:
        state = self._state
        if state is None or state.status != PENDING or state.timer != message.id:
            return Outcome()
        assert state.start is not None
        return self._begin(state.start, turn)

    def _renew(self, message: Message, turn: _Turn) -> Outcome:
        renewal = requests.decode_renew(message.input)
        self.gate = None
        self._run_generation(renewal.started, turn)
        for event in renewal.events:
            self._apply(event, turn)
        return turn.outcome()

    def _run_generation(self, started: ExecutionStarted, turn: _Turn) -> None:
        state = self._present()
        state.generation = started.generation
        state.begins = self._version
        state.status = RUNNING
        self._execution = self._new_execution()
        self._apply(started, turn)

    # ---- what happens ---------------------------------------------------------------------

    def _answer(self, message: Message, turn: _Turn) -> Outcome:
        came = read_answer(message)
        generation, task_id = effects.task_of(message.request_id)
        execution = None
        if self._state is not None and generation == self._state.generation:
            execution = self._live()
        kind = None if execution is None else execution.awaited_kind(task_id)
        if kind is None:
            return self._unwanted(message, came.result)
        return self._happen(_happening(kind, task_id, message.caller, came), turn)

    def _unwanted(self, message: Message, result: msgspec.Raw | None) -> Outcome:
        """An answer that nobody waits for any more; a lock that it grants is let go."""
        if result is not None and result != NULL and message.caller.startswith("@"):
            section = _locked_section(result)
            if section:
                release = effects.release_of(message.caller, section, self._address)
                return Outcome(effects=(release,))
        return Outcome()

    def _fire(self, message: Message, turn: _Turn) -> Outcome:
        generation, task_id = effects.task_of(message.request_id)
        if self._state is None or generation != self._state.generation:
            return Outcome()
        execution = self._live()
        if execution is None or execution.awaited_kind(task_id) != "timer":
            return Outcome()
        return self._happen(TimerFired(id=task_id), turn)

    def _raise_event(self, message: Message, turn: _Turn) -> Outcome:
        event = requests.decode_event(message.input)
        return self._take_events([event], self._require_alive(), turn)

    def _terminate(self, message: Message, turn: _Turn) -> Outcome:
        asked = requests.decode_terminate(message.input)
        state = self._required()
        if state.is_finished:
            if state.status == TERMINATED:
                return Outcome()
            raise self._finished(state)
        event = ExecutionTerminated(output=asked.output, recursive=asked.recursive)
        if state.stalled or state.status == PENDING or not state.generation:
            return self._end_without_code(event, turn)
        return self._happen(event, turn)

    def _end_without_code(self, event: ExecutionTerminated, turn: _Turn) -> Outcome:
        """Terminate one whose code cannot be asked, or has not begun."""
        state = self._present()
        if state.timer:
            turn.taken_back.append(state.timer)
            state.timer = 0
            state.start = None
        open_tasks = lost_tasks(self._history()) if state.generation else None
        turn.note(event)
        end = ExecutionCompleted(status=TERMINATED, result=event.output)
        turn.note(end)
        if open_tasks is not None:
            turn.taken_back.extend(open_tasks.timers)
            turn.messages.extend(
                effects.release_of(entity, section, self._address)
                for entity, section in open_tasks.locks
            )
            if event.recursive:
                self._end_children(open_tasks.children, event, turn)
        self.gate = None
        state.stalled = False
        self._note_end(end, turn)
        return turn.outcome()

    def _cancel(self, message: Message, turn: _Turn) -> Outcome:
        reason = requests.decode_reason(message.input).reason
        state = self._required()
        if state.is_finished:
            if state.status == CANCELED:
                return Outcome()
            raise self._finished(state)
        if state.status == PENDING:
            if state.timer:
                turn.taken_back.append(state.timer)
            state.timer, state.start = 0, None
            turn.note(ExecutionCancelRequested(reason=reason))
            end = ExecutionCompleted(status=CANCELED)
            turn.note(end)
            self._note_end(end, turn)
            return turn.outcome()
        return self._happen(ExecutionCancelRequested(reason=reason), turn)

    def _suspend(self, message: Message, turn: _Turn) -> Outcome:
        state = self._require_alive()
        if state.status == SUSPENDED:
            return Outcome()
        return self._happen(
            ExecutionSuspended(reason=requests.decode_reason(message.input).reason), turn
        )

    def _resume(self, message: Message, turn: _Turn) -> Outcome:
        state = self._require_alive()
        if state.status != SUSPENDED:
            return Outcome()
        return self._happen(
            ExecutionResumed(reason=requests.decode_reason(message.input).reason), turn
        )

    # ---- after the end --------------------------------------------------------------------

    def _rewind(self, message: Message, turn: _Turn) -> Outcome:
        """Go on from before a failure: what failed runs again, what succeeded is kept."""
        state = self._required()
        if state.status != FAILED:
            msg = (
                f"orchestration {self._address!r} is {state.status}; only a Failed one rewinds"
            )
            raise WrongStatusError(msg)
        history = self._history()
        before = without_rewound(history, state.begins)
        execution, failed = without(before, self._new_execution)
        dropped = [*failed, before[-1]]
        rewound = ExecutionRewound(
            reason=requests.decode_reason(message.input).reason,
            again=[
                state.begins + 1 + place
                for place, event in enumerate(history)
                if any(event is one for one in dropped)
            ],
        )
        turn.note(rewound)
        self._execution = execution
        state.status = RUNNING
        state.output = state.failure = None
        state.updated = turn.now
        for event in failed:
            self._do_again(event, history, turn)
        if execution.ended is not None:
            self._follow(execution, turn)
        return turn.outcome()

    def _do_again(self, failed: Event, history: Iterable[Event], turn: _Turn) -> None:
        for event in history:
            match event, failed:
                case TaskScheduled(), TaskFailed() if event.id == failed.id:
                    message = effects.message_for(
                        event, self._address, self._present().generation
                    )
                    assert message is not None
                    turn.messages.append(message)
                case (
                    SubOrchestrationInstanceCreated(),
                    SubOrchestrationInstanceFailed(),
                ) if event.id == failed.id:
                    reason = requests.Reason(f"{self._address} was rewound")
                    turn.messages.append(
                        effects.send(event.instance_id, requests.REWIND, reason, self._address)
                    )
                case _:
                    continue

    def _purge(self, message: Message, turn: _Turn) -> Outcome:
        state = self._required()
        if not state.is_finished:
            msg = (
                f"orchestration {self._address!r} is {state.status}; only finished ones are "
                "purged: terminate it first"
            )
            raise WrongStatusError(msg)
        self._state = None
        return Outcome(touched=True)

    # ---- the code -------------------------------------------------------------------------

    def _live(self) -> Execution | None:
        """The code at work: as it is, or replayed after an activation; ``None`` when ended.

        Raises:
            NonDeterminismError: it is not what it was.
        """
        state = self._state
        if state is None or state.is_finished or not state.generation:
            return None
        if self._execution is None:
            execution = self._new_execution()
            try:
                execution.replay(without_rewound(self._history(), state.begins))
            except BaseException:
                execution.close()
                raise
            self._execution = execution
            state.stalled = False
        return self._execution

    def _new_execution(self) -> Execution:
        program = self._programs.program(self._present(), self._resolve)
        return Execution(self._address, program, self._engine.fresh_id)

    def _history(self) -> list[Event]:
        """The present generation's events."""
        begins = self._present().begins
        events: list[Event] = []
        for turn in self._engine.past(self._address, begins):
            events.extend(read_events(turn.events)[max(0, begins + 1 - turn.first_version) :])
        return events

    def _happen(self, event: Happening, turn: _Turn) -> Outcome:
        if self._live() is None:
            return Outcome()
        self._apply(event, turn)
        return turn.outcome()

    def _apply(self, event: Happening, turn: _Turn) -> None:
        execution = self._execution
        if execution is None:
            return
        turn.note(event)
        execution.apply(event)
        state = self._present()
        state.updated = turn.now
        if isinstance(event, ExecutionTerminated) and event.recursive:
            self._end_children(execution.children.values(), event, turn)
        elif isinstance(event, ExecutionCancelRequested):
            self._pass_on_cancel(execution, event, turn)
        if isinstance(event, ExecutionSuspended | ExecutionResumed):
            state.status = SUSPENDED if execution.suspended else RUNNING
            state.reason = event.reason
        self._follow(execution, turn)

    def _follow(self, execution: Execution, turn: _Turn) -> None:
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
            self._note_end(ended, turn)
        elif isinstance(ended, ContinueAsNew):
            self._continue(execution, ended, turn)

    def _note_end(self, end: ExecutionCompleted, turn: _Turn) -> None:
        state = self._present()
        state.status = end.status
        state.output = None if end.failure is not None else end.result
        state.failure = end.failure
        state.updated = turn.now
        state.reason = ""
        if state.parent:
            turn.messages.append(
                effects.answer(
                    state.parent,
                    state.parent_task,
                    self._address,
                    end.result,
                    _failure_for_parent(self._address, end),
                )
            )
        self.close()

    def _continue(self, execution: Execution, ended: ContinueAsNew, turn: _Turn) -> None:
        started = execution.started
        assert started is not None
        state = self._present()
        events = execution.unread_events() if ended.save_events else []
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
        self.gate = _only_renewal
        self.close()

    # ---- whom else it concerns --------------------------------------------------------------

    def _end_children(
        self, children: Iterable[str], event: ExecutionTerminated, turn: _Turn
    ) -> None:
        for child in children:
            ended = requests.Terminate(event.output, event.recursive)
            turn.messages.append(effects.send(child, requests.TERMINATE, ended, self._address))

    def _pass_on_cancel(
        self, execution: Execution, event: ExecutionCancelRequested, turn: _Turn
    ) -> None:
        generation = self._present().generation
        for child in execution.children.values():
            reason = requests.Reason(event.reason)
            turn.messages.append(effects.send(child, requests.CANCEL, reason, self._address))
        for task_id, name in execution.activities.items():
            request_id = effects.task_request(generation, task_id)
            turn.messages.append(effects.cancel_activity(name, request_id, self._address))

    # ---- what is required -------------------------------------------------------------------

    def _present(self) -> InstanceState:
        state = self._state
        assert state is not None
        return state

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


def _only_renewal(message: Message) -> bool:
    """Between two generations nothing else is taken."""
    return message.operation == requests.RENEW


def _only_end(message: Message) -> bool:
    """Without code that fits there is nothing else to do."""
    return message.operation in {requests.TERMINATE, requests.PURGE}


def _happening(kind: str, task_id: int, caller: str, came: Answer) -> Happening:
    """The event that an answer to a task is."""
    result = NULL if came.result is None else came.result
    failure = came.failure
    if failure is not None:
        match kind:
            case "activity":
                return TaskFailed(id=task_id, failure=failure)
            case "child":
                return SubOrchestrationInstanceFailed(id=task_id, failure=failure)
            case _:
                return EntityOperationFailed(id=task_id, failure=failure)
    match kind:
        case "activity":
            return TaskCompleted(id=task_id, result=result)
        case "child":
            return SubOrchestrationInstanceCompleted(id=task_id, result=result)
        case "lock":
            return EntityLockGranted(id=task_id, entity=caller)
        case _:
            return EntityOperationCompleted(id=task_id, result=result)


class _Granted(msgspec.Struct):
    """What an entity answers to a request for its lock."""

    locked: str


_read_granted = msgspec.json.Decoder(_Granted).decode


def _locked_section(result: msgspec.Raw) -> str:
    """The section that a result grants a lock to; empty for other results."""
    try:
        return _read_granted(result).locked
    except msgspec.MsgspecError:
        return ""


def _failure_for_parent(address: str, end: ExecutionCompleted) -> Failure | None:
    if end.failure is not None or end.status == COMPLETED:
        return end.failure
    return Failure(
        "perdure.errors.OrchestrationFailedError", f"orchestration {address!r} is {end.status}"
    )
