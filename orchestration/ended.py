"""What an orchestration still does after its end: it is rewound, or purged."""

from __future__ import annotations

from collections.abc import Iterable

from perdure.actors.answers import NULL, Answer, failure_of
from perdure.actors.behavior import Forgets, Outcome
from perdure.actors.failures import describe_failure
from perdure.actors.messages import Message
from perdure.errors import CorruptionError, PerdureError, WrongStatusError
from perdure.orchestration import effects, requests
from perdure.orchestration.answering import happening_of
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    DECISIONS,
    EntityOperationCalled,
    Event,
    ExecutionCompleted,
    ExecutionRewound,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
)
from perdure.orchestration.live import HISTORY_EVENTS, LiveInstance, Turn
from perdure.orchestration.open_tasks import open_tasks
from perdure.orchestration.rewinding import last_end, without, without_rewound
from perdure.orchestration.state import FAILED, RUNNING, InstanceState

_WANTED: dict[type, str] = {
    TaskScheduled: "activity",
    SubOrchestrationInstanceCreated: "child",
    EntityOperationCalled: "entity",
}
"""Kinds of tasks whose answers a rewind may want; a lock is let go of at the end."""


class EndedInstance(LiveInstance):
    """An orchestration that has ended, and may have to go on."""

    _unanswered: dict[int, str] | None = None
    """The kinds of tasks whose answers a rewind may want, once one has come: a wide fan-out
    that failed gets thousands, and its history is not read for each of them."""

    def _note_end(self, end: ExecutionCompleted, turn: Turn) -> None:
        self._unanswered = None
        super()._note_end(end, turn)

    def _answer_late(self, message: Message, came: Answer, turn: Turn) -> Outcome | None:
        """Keep an answer that came after a failure, so that a rewind finds it.

        ``None``: nobody will ever want it.
        """
        state = self._state
        generation, task_id = effects.task_of(message.request_id)
        if state is None or state.status != FAILED or generation != state.generation:
            return None
        if self._unanswered is None:
            history = without_rewound(self._history(), state.begins)
            self._unanswered = {
                number: _WANTED[type(asked)]
                for number, asked in open_tasks(history).items()
                if type(asked) in _WANTED
            }
        kind = self._unanswered.pop(task_id, None)
        if kind is None:
            return None
        turn.note(happening_of(kind, task_id, message.caller, came))
        return turn.outcome()

    # ---- rewinding ------------------------------------------------------------------------

    def rewind(self, message: Message, turn: Turn) -> Outcome:
        """Go on from before a failure: what failed runs again, what succeeded is kept."""
        try:
            self._go_on_before_failure(requests.decode_reason(message.input).reason, turn)
        except PerdureError as error:
            if not message.caller:
                raise
            failure = failure_of(describe_failure(error))
            refusal = effects.answer(
                message.caller, message.request_id, self._address, NULL, failure
            )
            return Outcome(effects=(refusal,))
        return turn.outcome()

    def _go_on_before_failure(self, reason: str, turn: Turn) -> None:
        state = self._required()
        if state.status != FAILED:
            msg = (
                f"orchestration {self._address!r} is {state.status}; only a Failed one rewinds"
            )
            raise WrongStatusError(msg)
        history = self._history()
        if len(history) >= HISTORY_EVENTS:
            msg = f"the history of orchestration {self._address!r} is full; restart it instead"
            raise WrongStatusError(msg)
        end = last_end(history)
        execution, failed, dropped = without(
            without_rewound(history[: end + 1], state.begins), self._new_execution
        )
        if execution.section is not None:
            execution.close()
            msg = (
                f"orchestration {self._address!r} failed in a critical section, which is over: "
                "its locks are released, and a transaction is undone; restart it"
            )
            raise WrongStatusError(msg)
        late = [event for event in history[end + 1 :] if not isinstance(event, DECISIONS)]
        gone = {id(event) for event in (*failed, *dropped, *late)}
        again = [
            version
            for version, event in enumerate(history, state.begins + 1)
            if id(event) in gone
        ]
        turn.note(ExecutionRewound(reason=reason, again=again))
        self._forget_timer(state, turn)
        state.status, state.updated = RUNNING, turn.now
        state.output, state.failure = NULL, None
        if self._spans is not None and state.trace is not None:
            self._spans.begin(state, state.trace.parent)  # the first span was told
            state.trace.begun_micros = turn.now
        self._execution = execution
        self._do_again(history, failed, execution, turn)
        self._follow(execution, turn)
        for event in late:
            if execution.is_open:
                self._apply(event, turn)
            else:
                turn.note(event)  # it has failed again

    def _do_again(
        self,
        history: Iterable[Event],
        failed: Iterable[Event],
        execution: Execution,
        turn: Turn,
    ) -> None:
        """Ask again for what failed, and for the timers that the end took back."""
        generation = self._present().generation
        tasks = {event.id for event in failed if isinstance(event, TaskFailed)}
        children = {
            event.id for event in failed if isinstance(event, SubOrchestrationInstanceFailed)
        }
        for event in history:
            match event:
                case TaskScheduled() if event.id in tasks:
                    tasks.remove(event.id)
                case TimerCreated() if execution.timers.get(event.id) == event.message:
                    pass
                case SubOrchestrationInstanceCreated() if event.id in children:
                    children.remove(event.id)
                    reason = requests.Reason(f"{self._address} was rewound")
                    rewind = effects.send(
                        event.instance_id, requests.REWIND, reason, self._address
                    )
                    rewind.request_id = effects.task_request(generation, event.id)
                    turn.messages.append(rewind)
                    continue
                case _:
                    continue
            message = effects.message_for(event, self._address, generation)
            assert message is not None
            turn.messages.append(message)

    def purge(self, message: Message, turn: Turn) -> Outcome:
        """Be forgotten: by a client, or silently by a parent, or by itself after a time."""
        state = self._state
        if message.caller and not self._is_to_go(message, state):
            return Outcome()
        state = self._required()
        if not state.is_finished:
            msg = (
                f"orchestration {self._address!r} is {state.status}; only finished ones are "
                "purged: terminate it first"
            )
            raise WrongStatusError(msg)
        self._forget_timer(state, turn)
        if requests.decode_purge(message.input).recursive:
            for child in self._all_children():
                purge = effects.send(child, requests.PURGE, requests.Purge(), self._address)
                turn.messages.append(purge)
        self._state = None
        turn.forgets = Forgets.ALL
        return turn.outcome()

    def _is_to_go(self, message: Message, state: InstanceState | None) -> bool:
        if state is None or not state.is_finished:
            return False
        return message.request_id == str(state.timer) or message.caller == state.parent

    def _all_children(self) -> list[str]:
        try:
            history = self._history()
        except CorruptionError:
            return []  # what is damaged can be purged all the same
        return [
            event.instance_id
            for event in history
            if isinstance(event, SubOrchestrationInstanceCreated)
        ]
