"""What an orchestrator sees: its surroundings, and everything durable it can ask for."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar, overload

from perdure.actors.context import due_micros, to_datetime
from perdure.actors.directory import Resolve
from perdure.actors.ids import checked_name
from perdure.actors.logs import ContextLogger
from perdure.errors import InvalidInputError
from perdure.orchestration.definitions import decoder_for, encode_plain
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    ContinueAsNew,
    EventSent,
)
from perdure.orchestration.http_calls import HttpCalls
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.registry import Registry
from perdure.orchestration.tasks import EventTask, Task, TimerTask

E = TypeVar("E")
I = TypeVar("I")  # noqa: E741 - the input
P = ParamSpec("P")
R = TypeVar("R")

_MICROSECOND = timedelta(microseconds=1)


class OrchestrationContext(HttpCalls):
    """The first argument of an orchestrator.

    Everything an orchestrator does goes through it: it is replayed, so clocks, random numbers
    and I/O of its own would give other answers the next time.
    """

    def __init__(self, execution: Execution, registry: Registry, resolve: Resolve) -> None:
        super().__init__(execution, registry, resolve)
        self._uuids = 0

    # ---- who and when ---------------------------------------------------------------------

    @property
    def parent_instance_id(self) -> str | None:
        """The orchestration that started it, or ``None``."""
        return self._started.parent or None

    @property
    def version(self) -> str:
        """The version that was stamped at the start; empty for none."""
        return self._started.version

    @property
    def tags(self) -> Mapping[str, str]:
        """What its starter said of it."""
        return dict(self._started.tags)

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of what happened last, in UTC; the same on replay."""
        return to_datetime(self._execution.now)

    @property
    def is_replaying(self) -> bool:
        """Whether the code does again what it did before."""
        return self._execution.is_replaying

    def new_uuid(self) -> uuid.UUID:
        """A UUID that is the same on replay, and differs from all others."""
        self._uuids += 1
        name = f"{self.instance_id}:{self._started.generation}:{self._uuids}"
        return uuid.uuid5(uuid.NAMESPACE_OID, name)

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger ``perdure.orchestrator.NAME``, silent during replay; its records say in
        fields what they are about.
        """
        return self.create_replay_safe_logger(
            logging.getLogger(f"perdure.orchestrator.{self._started.name}")
        )

    def create_replay_safe_logger(
        self, logger: logging.Logger
    ) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that is silent during replay, with the fields of :attr:`logger`."""
        execution = self._execution
        fields: dict[str, str | int] = {
            "instance_id": execution.instance_id,
            "orchestrator": self._started.name,
        }
        if execution.trace_id:
            fields["trace_id"] = execution.trace_id
        return ContextLogger(logger, fields, lambda: execution.is_replaying)

    def set_custom_status(self, status: Any) -> None:
        """Tell something to those who ask for the status; kept until overwritten."""
        self._execution.require_open()
        self._execution.custom_status = encode_plain(status, "the custom status")

    def patched(self, patch: str) -> bool:
        """Whether to run the new form of code that was changed.

        True for executions that reach this for the first time since the change; false for
        those that had passed it before.
        """
        self._execution.require_open()
        return self._execution.is_patched(checked_name("patch id", patch))

    # ---- timers and events ----------------------------------------------------------------

    def create_timer(self, fire_at: datetime | timedelta) -> TimerTask:
        """A timer: durable, of any length, never early.

        Args:
            fire_at: a time (a naive one is in UTC), or a duration from
                ``current_utc_datetime``.

        Raises:
            InvalidInputError: a time after the year 9999.
        """
        self._execution.require_open()
        return self._timer(self._due(fire_at))

    def _due(self, fire_at: datetime | timedelta) -> int:
        due = due_micros(fire_at, self._execution.now)
        if not due:
            msg = f"a timer for {fire_at!r}: use a datetime, or a timedelta from now"
            raise InvalidInputError(msg)
        return due

    @overload
    def wait_for_external_event(
        self, name: str, data_type: type[R], *, timeout: timedelta | None = None
    ) -> EventTask[R]: ...
    @overload
    def wait_for_external_event(
        self, name: str, data_type: None = None, *, timeout: timedelta | None = None
    ) -> EventTask[Any]: ...
    def wait_for_external_event(
        self, name: str, data_type: Any = None, *, timeout: timedelta | None = None
    ) -> EventTask[Any]:
        """The next external event of that name; case does not matter.

        Events that came before are waiting here; each completes one wait, oldest first.

        Args:
            name: the event's name.
            data_type: how to read what it carries; plain JSON values unless given.
            timeout: after it the task fails with TimeoutError.
        """
        self._execution.require_open()
        checked_name("event name", name)
        execution = self._execution
        due = None if timeout is None else self._due(timeout)
        waiting = execution.wait_for(name, decoder_for(data_type, f"event {name}"))
        if due is None or waiting.is_complete:
            return waiting
        timer = self._timer(due)

        def give_up() -> None:
            waiting.cancel()
            timer.cancel()

        outer: EventTask[Any] = EventTask(give_up)

        def arrived(task: Task[Any]) -> None:
            timer.cancel()
            if task.is_failed:
                outer.fail(task.get_exception())
            else:
                outer.complete(task.get_result())

        def too_late(_: Task[Any]) -> None:
            waiting.cancel()
            outer.fail(TimeoutError(f"no event {name!r} within {timeout}"))

        waiting.follow(arrived)
        timer.follow(too_late)
        return outer

    def send_event(self, instance_id: str, event_name: str, data: Any = None) -> None:
        """Raise an event to another orchestration; dropped when it is finished or unknown."""
        self._execution.require_open()
        execution = self._execution
        execution.decide(
            EventSent(
                id=execution.next_task(),
                instance_id=checked_instance_id(instance_id),
                name=checked_name("event name", event_name),
                data=encode_plain(data, f"event {event_name}"),
            )
        )

    def continue_as_new(self, new_input: Any = None, *, save_events: bool = True) -> None:
        """Begin anew, with an empty history, when the orchestrator returns.

        Args:
            new_input: the input of the next generation.
            save_events: events that nobody has waited for are kept.
        """
        self._execution.require_open()
        name = self._started.name
        definition = self._registry.orchestrator(name, self._started.version)
        data = definition.encode_input(new_input)
        self._execution.again = ContinueAsNew(input=data, save_events=save_events)
