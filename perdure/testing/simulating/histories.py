"""What every stored history must be like, and that its code decides the same again."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    DECISIONS,
    ContinueAsNew,
    Decision,
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityUnlockSent,
    Event,
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionStarted,
    PatchMarked,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    write_event,
)
from perdure.orchestration.rewinding import without_rewound
from perdure.orchestration.state import FAILED, InstanceState

ANSWERS: dict[type[Any], type[Any]] = {
    TaskCompleted: TaskScheduled,
    TaskFailed: TaskScheduled,
    SubOrchestrationInstanceCompleted: SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed: SubOrchestrationInstanceCreated,
    TimerFired: TimerCreated,
    EntityOperationCompleted: EntityOperationCalled,
    EntityLockGranted: EntityLockRequested,
}


def check_grammar(state: InstanceState, history: list[Event]) -> None:
    """Each completion has its scheduling, once; nothing comes after the end.

    Raises:
        AssertionError: it is not so.
    """
    times = [event.time for event in history]
    assert times == sorted(times), f"times go back: {times}"
    asked: dict[int, Event] = {}
    answered: set[int] = set()
    locked: dict[str, str] = {}
    end: Event | None = None
    for event in without_rewound(history, state.begins):
        name = event.event_type
        if isinstance(event, DECISIONS):
            assert end is None, f"{name} after the end"
        elif end is not None:
            late = state.status == FAILED and isinstance(event, tuple(ANSWERS))
            late = late or isinstance(event, EntityOperationFailed)
            assert late, f"{name} after {end.event_type}"
        match event:
            case ExecutionCompleted() | ContinueAsNew():
                end = event
                assert not locked, f"ended with locks: {locked}"
            case EntityLockGranted():
                request = asked[event.id]
                assert isinstance(request, EntityLockRequested)
                locked[event.entity] = request.section
            case EntityUnlockSent():
                assert locked.pop(event.entity) == event.section
            case _:
                pass
        if isinstance(event, DECISIONS) and isinstance(event, TaskEvent):
            assert event.id > max(asked, default=0), f"{name}: task {event.id} out of sequence"
            asked[event.id] = event
        elif isinstance(event, TaskEvent):
            before = asked.get(event.id)
            assert before is not None, f"{name}: nobody asked for task {event.id}"
            assert event.id not in answered, f"{name}: task {event.id} has two answers"
            answered.add(event.id)
            kind = ANSWERS.get(type(event), type(before))
            assert type(before) is kind, f"{name} answers {before.event_type}"
    ended = isinstance(end, ExecutionCompleted) and end.status == state.status
    assert ended == state.is_finished, f"{state.status}, and the history ends with {end}"


def check_replay(
    client: EmbeddedClient,
    instance: str,
    state: InstanceState,
    past: list[Event],
    *,
    one_release: bool,
) -> None:
    """The code asks for the same again, inputs too.

    Raises:
        AssertionError: it does not.
    """
    history = without_rewound(past, state.begins)
    if not history or not isinstance(history[0], ExecutionStarted):
        return  # ended before it began
    if not one_release and any(isinstance(event, ExecutionRewound) for event in past):
        return  # what is new after a rewind is new to the code that was deployed then
    inside: Any = client  # what it resolves is its own business, except here
    program = client.programs.program(state, inside._resolve)  # noqa: SLF001
    execution = Execution(instance, program, lambda: 0)
    execution.is_replaying = True
    execution.marked = {event.id for event in history if isinstance(event, PatchMarked)}
    asked: deque[Decision] = deque()
    for event in history:
        if isinstance(event, DECISIONS):
            assert asked, f"the code does not ask for {event}"
            again = asked.popleft()
            assert _timeless(again) == _timeless(event), f"{again} instead of {event}"
        else:
            assert not asked, f"the history has no {asked}"
            execution.apply(msgspec.json.decode(write_event(event), type=Event))
            asked.extend(execution.decisions)
    assert not asked, f"the history has no {asked}"
    execution.close()


def _timeless(event: Event) -> bytes:
    copy = msgspec.json.decode(write_event(event), type=Event)
    copy.time = 0
    if isinstance(copy, TimerCreated):
        copy.message = 0
    if isinstance(copy, ExecutionCompleted):
        copy.failure = None  # its stack trace tells of the replay
    return write_event(copy)
