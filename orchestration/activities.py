"""Activities: actors that do the outside work, an attempt for each message, several at once.

The message of an attempt stays in the store until the attempt has ended; its outcome is sent
back as an answer. An activity keeps no state of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from perdure.actors.behavior import Gate, Outcome, Step, Surroundings
from perdure.actors.failures import describe_failure
from perdure.actors.messages import Message
from perdure.errors import (
    ActivityTimeoutError,
    CancelledError,
    NotAllowedHereError,
    UnknownActivityError,
    UnknownOperationError,
)
from perdure.orchestration import effects
from perdure.orchestration.definitions import ActivityDefinition, Registry
from perdure.orchestration.processes import Processes

CANCEL = "$cancel"

_current: ContextVar[ActivityContext] = ContextVar("perdure_activity")


class ActivityContext:
    """What a running attempt knows of itself, and how it tells that it is alive.

    Attributes:
        instance_id: of the orchestration that asked for it.
        task_id: of its task there.
        attempt: from 1; higher when a crash cut off the ones before.
        idempotency_key: the same for all attempts of this task: give it to outside systems so
            that they do it once.
    """

    def __init__(
        self,
        message: Message,
        definition: ActivityDefinition,
        now_micros: int,
        client: Callable[[], Any],
    ) -> None:
        self.instance_id = message.caller
        self.orchestration_id = message.caller
        generation, self.task_id = effects.task_of(message.request_id)
        self.attempt = message.attempts + 1
        self.idempotency_key = f"{message.caller}:{generation}:{self.task_id}"
        self._client = client
        self._name = definition.name
        self._begun_micros = now_micros
        self._beats = 0
        self._seen_beats = 0
        self._seen_micros = now_micros
        self._progress: Any = None
        self._cancelled: str | None = None
        self._is_over = False

    @property
    def client(self) -> Any:
        """A client of the same store, to raise events or signal entities."""
        return self._client()

    @property
    def progress(self) -> Any:
        """What the last heartbeat told."""
        return self._progress

    @property
    def is_cancelled(self) -> bool:
        """Whether its result is not needed any more."""
        return self._cancelled is not None

    def heartbeat(self, progress: Any = None) -> None:
        """Tell that the attempt is alive, and how far it is.

        Raises:
            CancelledError: its result is not needed any more: stop.
        """
        self._progress = progress
        self._beats += 1
        self.raise_if_cancelled()

    def raise_if_cancelled(self) -> None:
        """Stop here when the result is not needed any more.

        Raises:
            CancelledError: it is not.
        """
        if self._cancelled is not None:
            raise CancelledError(self._cancelled)

    # ---- for the engine -------------------------------------------------------------------

    def cancel(self, reason: str) -> None:
        """Its result is not needed any more (engine only)."""
        self._cancelled = reason

    def look_again(self, definition: ActivityDefinition, now: int) -> int | None:
        """Whether it may go on; when to look next (engine only).

        Raises:
            ActivityTimeoutError: it took too long, or was silent for too long.
        """
        looks: list[int] = []
        if definition.timeout_micros:
            until = self._begun_micros + definition.timeout_micros
            self._check(until, now, f"took longer than {_text(definition.timeout_micros)}")
            looks.append(until)
        if definition.heartbeat_micros:
            if self._beats != self._seen_beats:
                self._seen_beats, self._seen_micros = self._beats, now
            until = self._seen_micros + definition.heartbeat_micros
            silent = _text(definition.heartbeat_micros)
            self._check(until, now, f"sent no heartbeat for {silent}")
            looks.append(until)
        return min(looks, default=None)

    def _check(self, until: int, now: int, what: str) -> None:
        if now >= until:
            self.cancel(what)
            msg = (
                f"activity {self._name} of {self.instance_id!r} {what}, attempt {self.attempt}"
            )
            raise ActivityTimeoutError(msg)


def _text(micros: int) -> str:
    return str(timedelta(microseconds=micros))


def activity_context() -> ActivityContext:
    """The context of the attempt that is running here.

    Raises:
        NotAllowedHereError: no activity is running here.
    """
    try:
        return _current.get()
    except LookupError:
        msg = "activity_context() works inside an activity only, and in no process pool"
        raise NotAllowedHereError(msg) from None


class ActivityBehavior:
    """All activities, as the engine runs them."""

    def __init__(
        self, registry: Registry, client: Callable[[], Any], processes: Processes
    ) -> None:
        """Serve what *registry* knows; *client* gives the store's client."""
        self._registry = registry
        self._client = client
        self._processes = processes

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings
    ) -> ActivityInstance:
        """The actor of one activity name.

        Raises:
            UnknownActivityError: no activity of that name is registered.
        """
        definition = self._registry.activities.get(target[2:])
        if definition is None:
            known = ", ".join(sorted(self._registry.activities)) or "none"
            msg = f"no activity {target[2:]!r} is registered; registered: {known}"
            raise UnknownActivityError(msg)
        return ActivityInstance(definition, self._client, self._processes)


class ActivityInstance:
    """The actor of one activity name."""

    def __init__(
        self, definition: ActivityDefinition, client: Callable[[], Any], processes: Processes
    ) -> None:
        self._definition = definition
        self._client = client
        self._processes = processes
        self._running: dict[str, ActivityContext] = {}
        self.gate: Gate | None = None
        if definition.concurrency is not None:
            self.gate = self._has_room

    def _has_room(self, message: Message) -> bool:
        assert self._definition.concurrency is not None
        return message.operation == CANCEL or len(self._running) < self._definition.concurrency

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Make an attempt ready to run.

        Raises:
            DecodingError: the input does not fit; it can never be run by this code.
            UnknownOperationError: it is something else.
        """
        definition = self._definition
        if message.operation == CANCEL:
            return Step(lambda: self._cancel(message.request_id))
        if message.operation != effects.RUN:
            msg = f"activity {definition.name} has no operation {message.operation!r}"
            raise UnknownOperationError(msg)
        given: list[Any] = []
        if definition.input is not None:
            given.append(definition.input.decode(message.input))
        context = ActivityContext(message, definition, now_micros, self._client)
        self._running[message.request_id] = context
        looks = bool(definition.timeout_micros or definition.heartbeat_micros)
        return Step(
            self._call(definition, context, given),
            is_async=definition.is_async,
            scope=context,
            concurrent=True,
            look_again=(lambda now: context.look_again(definition, now)) if looks else None,
        )

    def _call(
        self, definition: ActivityDefinition, context: ActivityContext, given: list[Any]
    ) -> Callable[[], Any]:
        function = definition.function
        if definition.pool == "process":
            return lambda: self._processes.run(function, given)
        arguments = [context, *given] if definition.takes_context else given
        if definition.is_async:
            return lambda: _run_async(function, arguments, context)
        return lambda: _run(function, arguments, context)

    def _cancel(self, request_id: str) -> None:
        context = self._running.get(request_id)
        if context is not None:
            context.cancel("the orchestration was cancelled")

    def finish(self, step: Step, result: Any) -> Outcome:
        """The attempt's result, or why it cannot be stored."""
        if step.scope is None:
            return Outcome()
        self._running.pop(step.message.request_id, None)
        try:
            return Outcome(self._definition.output.encode(result))
        except Exception as error:
            return Outcome(b"", describe_failure(error))

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Why the attempt failed."""
        if step.scope is not None:
            self._running.pop(step.message.request_id, None)
        return Outcome(b"", describe_failure(error))

    def state(self) -> bytes | None:
        """Nothing is kept."""
        return None

    def close(self) -> None:
        """Attempts go on: they belong to the engine."""


def _run(function: Callable[..., Any], arguments: list[Any], context: ActivityContext) -> Any:
    token = _current.set(context)
    try:
        return function(*arguments)
    finally:
        _current.reset(token)


async def _run_async(
    function: Callable[..., Any], arguments: list[Any], context: ActivityContext
) -> Any:
    _current.set(context)
    return await function(*arguments)
