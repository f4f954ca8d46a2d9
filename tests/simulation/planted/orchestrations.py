"""Mistakes planted in orchestrations on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.actors.attempts import Attempts
from perdure.actors.behavior import Outcome
from perdure.actors.locks import Lockable, Release
from perdure.actors.messages import Message
from perdure.orchestration import effects, execution
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    Decision,
    Event,
    EventRaised,
    ExecutionCompleted,
    TimerCreated,
)
from perdure.orchestration.instance import OrchestrationInstance
from perdure.orchestration.live import LiveInstance, Turn
from perdure.orchestration.sections import Section
from perdure.orchestration.state import write_state
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.records import Batch


def events_are_lost_between_generations(patch: pytest.MonkeyPatch) -> None:
    def unread_events(self: Execution) -> list[EventRaised]:
        return []

    patch.setattr(Execution, "unread_events", unread_events)


def a_generation_forgets_what_comes_with_it(patch: pytest.MonkeyPatch) -> None:
    def raise_them(self: LiveInstance, events: list[EventRaised], turn: Turn) -> None:
        for event in events:
            self._apply(event, turn)

    patch.setattr(LiveInstance, "_raise", raise_them)


def locks_outlive_a_termination(patch: pytest.MonkeyPatch) -> None:
    original = Execution._terminate

    def terminate(self: Execution, event: Any) -> None:
        self.section = None
        original(self, event)

    patch.setattr(Execution, "_terminate", terminate)


def a_late_lock_is_kept(patch: pytest.MonkeyPatch) -> None:
    def unwanted(self: OrchestrationInstance, message: Message, result: Any) -> Outcome:
        return Outcome()

    patch.setattr(OrchestrationInstance, "_unwanted", unwanted)


def answers_of_old_generations_are_taken(patch: pytest.MonkeyPatch) -> None:
    original = OrchestrationInstance._answer

    def answer(self: OrchestrationInstance, message: Message, turn: Turn) -> Outcome:
        if self._state is not None:
            _, task_id = effects.task_of(message.request_id)
            message.request_id = f"{self._state.generation}:{task_id}"
        return original(self, message, turn)

    patch.setitem(OrchestrationInstance.handlers, "$answer", answer)


def a_second_answer_is_taken(patch: pytest.MonkeyPatch) -> None:
    def awaited_kind(self: Execution, task_id: int) -> str | None:
        waiting = self._waiting.get(task_id)
        return "activity" if waiting is None else waiting.kind

    patch.setattr(Execution, "awaited_kind", awaited_kind)


def a_replay_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    def diverged(*_: Any) -> Exception:
        return RuntimeError("not compared")

    def fits(asked: Decision, recorded: Event) -> bool:
        return True

    original = Execution.replay

    def replay(self: Execution, history: Any, *, go_on: bool = False) -> None:
        try:
            original(self, history, go_on=go_on)
        except RuntimeError:
            self.is_replaying = False
            self.decisions, self.taken_back = [], []

    patch.setattr(execution, "fits", fits)
    patch.setattr(Execution, "_diverged", diverged)
    patch.setattr(Execution, "replay", replay)


def timers_are_not_sent(patch: pytest.MonkeyPatch) -> None:
    original = effects.message_for

    def message_for(decision: Decision, sender: str, generation: str) -> Message | None:
        if isinstance(decision, TimerCreated) and decision.id % 2:
            return None
        return original(decision, sender, generation)

    patch.setattr(effects, "message_for", message_for)


def timers_outlive_the_end(patch: pytest.MonkeyPatch) -> None:
    original = Execution._end

    def end(self: Execution, how: Any) -> None:
        self.timers.clear()
        original(self, how)

    patch.setattr(Execution, "_end", end)


def transactions_are_never_undone(patch: pytest.MonkeyPatch) -> None:
    original = Lockable._released

    def released(self: Lockable, asked: Release) -> Outcome:
        asked.undo = False
        return original(self, asked)

    patch.setattr(Lockable, "_released", released)


def a_termination_does_not_undo(patch: pytest.MonkeyPatch) -> None:
    original = Section.release

    def release(self: Section, *, undo: bool) -> list[Any]:
        return original(self, undo=False)

    patch.setattr(Section, "release", release)


def an_answer_is_lost_when_a_commit_fails(patch: pytest.MonkeyPatch) -> None:
    def end_again(self: Attempts) -> None:
        """Forget what ended."""

    patch.setattr(Attempts, "end_again", end_again)


def an_attempt_that_has_ended_runs_again(patch: pytest.MonkeyPatch) -> None:
    original = MemoryDisk.apply

    def apply(self: MemoryDisk, batch: Batch) -> None:
        attempts = [i for i in batch.consumed if _is_attempt(self, i)]
        batch.consumed = [i for i in batch.consumed if i not in attempts]
        original(self, batch)

    patch.setattr(MemoryDisk, "apply", apply)


def _is_attempt(disk: MemoryDisk, message_id: int) -> bool:
    row = disk.inbox.get(message_id)
    return row is not None and row.stream.startswith("@@")


def a_parent_is_not_told(patch: pytest.MonkeyPatch) -> None:
    original = LiveInstance._note_end

    def note_end(self: LiveInstance, end: ExecutionCompleted, turn: Turn) -> None:
        if end.status == "Failed":
            self._present().parent = ""
        original(self, end, turn)

    patch.setattr(LiveInstance, "_note_end", note_end)


def suspended_ones_forget(patch: pytest.MonkeyPatch) -> None:
    original = Execution.apply

    def apply(self: Execution, event: Event) -> None:
        original(self, event)
        if self.suspended and isinstance(event, EventRaised):
            self._held.clear()

    patch.setattr(Execution, "apply", apply)


def rows_are_written_while_code_runs(patch: pytest.MonkeyPatch) -> None:
    def state(self: LiveInstance) -> bytes | None:
        return None if self._state is None else write_state(self._state)

    patch.setattr(LiveInstance, "state", state)
