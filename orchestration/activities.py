"""Activities: actors that do the outside work, an attempt for each message, several at once.

The message of an attempt stays in the store until the attempt has ended; its outcome is sent
back as an answer. Which attempts are at work, the engine knows: an activity's actor keeps no
state that has to outlive it, so it may be let go while its attempts go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from perdure.actors.behavior import Gate, Outcome, Step, Surroundings
from perdure.actors.failures import describe_failure
from perdure.actors.messages import Message
from perdure.actors.tracing import Span, Tracer
from perdure.errors import CancelledError, UnknownActivityError, UnknownOperationError
from perdure.orchestration import effects
from perdure.orchestration.activity_context import ActivityContext
from perdure.orchestration.definitions import ActivityDefinition
from perdure.orchestration.pace import Pace
from perdure.orchestration.processes import FailedElsewhere, Processes
from perdure.orchestration.registry import Registry, not_registered
from perdure.orchestration.spans import attempt_of

_reason = msgspec.json.Decoder(str).decode


class ActivityBehavior:
    """All activities, as the engine runs them."""

    def __init__(
        self,
        registry: Registry,
        client: Callable[[], Any],
        processes: Processes,
        now_micros: Callable[[], int],
        tracer: Tracer | None = None,
    ) -> None:
        """Serve what *registry* knows.

        Args:
            registry: the activities.
            client: gives the store's client.
            processes: for those in a process pool.
            now_micros: the node's clock, for any thread.
            tracer: what the attempts are told to.
        """
        self._registry = registry
        self.client = client
        self.processes = processes
        self.now_micros = now_micros
        self.tracer = tracer
        self._paces: dict[str, Pace] = {}

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings
    ) -> ActivityInstance:
        """The actor of one activity name.

        Raises:
            UnknownActivityError: no activity of that name is registered.
        """
        definition = self._registry.activities.get(target[2:])
        if definition is None:
            msg = not_registered(target[2:], "activity", self._registry.activities)
            raise UnknownActivityError(msg)
        pace = None
        if definition.rate is not None:
            pace = self._paces.setdefault(target, Pace(definition.rate))
        return ActivityInstance(self, target, definition, pace, engine)


class ActivityInstance:
    """The actor of one activity name."""

    def __init__(
        self,
        behavior: ActivityBehavior,
        address: str,
        definition: ActivityDefinition,
        pace: Pace | None,
        engine: Surroundings,
    ) -> None:
        self._behavior = behavior
        self._address = address
        self._definition = definition
        self._pace = pace
        self._engine = engine
        self._unwanted: dict[str, int] = {}
        self.trace = ""
        self.gate: Gate | None = None
        if definition.concurrency is not None or pace is not None:
            self.gate = self._lets_in

    # ---- what waits -----------------------------------------------------------------------

    def _lets_in(self, message: Message) -> bool:
        if message.operation == effects.CANCEL or message.request_id in self._unwanted:
            return True
        at_work = self._engine.at_work(self._address)
        most = self._definition.concurrency
        if most is not None and len(at_work) >= most:
            return False
        pace = self._pace
        if pace is None:
            return True
        now = self._behavior.now_micros()
        opens = pace.opens_micros(now, is_coming=pace.last_request in at_work)
        if opens > now:
            self._engine.ask_gate_again(self._address, opens)
        return opens <= now

    # ---- attempts -------------------------------------------------------------------------

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Make an attempt ready to run.

        Raises:
            DecodingError: the input does not fit; it can never be run by this code.
            UnknownOperationError: it is something else.
        """
        definition, behavior = self._definition, self._behavior
        if message.operation == effects.CANCEL:
            return Step(lambda: self._cancel(message))
        asked = effects.asked_of(message)
        if asked is None:
            msg = f"activity {definition.name} has no operation {message.operation!r}"
            raise UnknownOperationError(msg)
        if self._unwanted and self._is_unwanted(message):
            return Step(_refuse)
        given: list[Any] = []
        if definition.input is not None:
            given.append(definition.input.decode(asked.input))
        cut_off = max(0, message.attempts) + self._engine.may_have_run(message.id)
        context = ActivityContext(
            message,
            definition,
            attempt=asked.attempt + cut_off,
            first=asked.first,
            client=behavior.client,
            now_micros=behavior.now_micros,
            tracer=behavior.tracer,
        )
        if self._pace is not None:
            self._pace.let_through(message.request_id, context)
        looks = bool(definition.timeout_micros or definition.heartbeat_micros)
        return Step(
            self._call(context, asked, given),
            is_async=definition.is_async,
            scope=context,
            concurrent=True,
            look_again=(lambda now: context.look_again(definition, now)) if looks else None,
        )

    def _call(
        self, context: ActivityContext, asked: effects.Asked, given: list[Any]
    ) -> Callable[[], Any]:
        definition = self._definition
        function = definition.function
        if definition.pool == "process":
            processes = self._behavior.processes
            return lambda: processes.run(function, definition.name, asked.input, context)
        arguments = [context, *given] if definition.takes_context else given
        if definition.is_async:
            return lambda: _run_async(function, arguments, context)
        return lambda: _run(function, arguments, context)

    def _cancel(self, message: Message) -> None:
        """Stop an attempt; one that waits for its turn need not begin."""
        step = self._engine.at_work(self._address).get(message.request_id)
        if step is not None:
            step.scope.cancel(_reason(message.input))
        elif self.gate is not None:
            self._unwanted[message.request_id] = message.id

    def _is_unwanted(self, message: Message) -> bool:
        """Whether this attempt was cancelled while it waited.

        Those that wait are taken in order, and each was sent before it was cancelled: so what
        was cancelled before *message* was sent waits no more, and is forgotten.
        """
        unwanted = self._unwanted
        is_unwanted = unwanted.pop(message.request_id, None) is not None
        while unwanted:
            oldest = next(iter(unwanted))
            if unwanted[oldest] > message.id:
                break
            del unwanted[oldest]
        return is_unwanted

    def finish(self, step: Step, result: Any) -> Outcome:
        """The attempt's result, or why it cannot be stored."""
        if step.scope is None:
            return Outcome()
        if self._definition.pool == "process":
            return Outcome(result)
        try:
            return Outcome(self._definition.output.encode(result))
        except Exception as error:
            return Outcome(b"", describe_failure(error))

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Why the attempt failed."""
        if isinstance(error, FailedElsewhere):
            return Outcome(b"", error.details)
        return Outcome(b"", describe_failure(error))

    def span_of(self, step: Step, outcome: Outcome) -> Span | None:
        """What to tell of an attempt (asked only when there is a tracer)."""
        return None if step.scope is None else attempt_of(step.scope, outcome)

    def state(self) -> bytes | None:
        """Nothing is kept."""
        return None

    def close(self) -> None:
        """Attempts go on: they belong to the engine."""


def _refuse() -> NoReturn:
    msg = "it was cancelled before it began"
    raise CancelledError(msg)


def _run(function: Callable[..., Any], arguments: list[Any], context: ActivityContext) -> Any:
    context.begin()
    leave = context.enter()
    try:
        return function(*arguments)
    finally:
        leave()


async def _run_async(
    function: Callable[..., Any], arguments: list[Any], context: ActivityContext
) -> Any:
    context.begin()
    context.enter()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    context.when_cancelled(lambda: loop.call_soon_threadsafe(task.cancel))
    try:
        return await function(*arguments)
    except asyncio.CancelledError:
        context.raise_if_cancelled()
        raise
    finally:
        context.end()
