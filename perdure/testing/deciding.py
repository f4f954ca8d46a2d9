"""Given, when, then: test an entity's decisions without a store, a thread or a clock.

```python
from perdure.testing import Sent, given

given(Account, Deposited(5)).when(Account.withdraw, 3).then_events(Withdrawn(3))
given(Account, Account(balance=1)).when(Account.withdraw, 3).then_fails(ValueError)
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import attrs
import msgspec

from perdure.actors.behavior import Instance, Outcome
from perdure.actors.context import to_datetime, to_micros
from perdure.actors.definition import EntityDefinition, define_entity
from perdure.actors.directory import Conditions, Directory, Target
from perdure.actors.entity import Entity
from perdure.actors.entity_behavior import EntityBehavior
from perdure.actors.entity_events import Recorded, read_event
from perdure.actors.history import read_state
from perdure.actors.ids import EntityId, is_entity, near_name
from perdure.actors.messages import Message
from perdure.actors.operations import encode_arguments, operation_name
from perdure.actors.state import EntityState, fresh_state, join_fields
from perdure.actors.virtual_loop import run_virtually
from perdure.errors import DecodingError, FailureDetails
from perdure.orchestration import requests
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.effects import send
from perdure.orchestration.registry import Registry
from perdure.orchestration.starting import instance_id_of

E = TypeVar("E", bound=Entity)
P = ParamSpec("P")
R = TypeVar("R")


_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@attrs.frozen
class Started:
    """An orchestration that an operation started.

    Attributes:
        orchestrator: its name.
        input: its input as plain JSON values.
        instance_id: its id; ``None`` for a random one.
        at: when it is due; ``None`` for at once.
    """

    orchestrator: str
    input: Any = None
    instance_id: str | None = None
    at: datetime | None = None


@attrs.frozen
class Sent:
    """A signal that an operation sent.

    Attributes:
        target: whom, ``@counter@visits``.
        operation: its name, lower case.
        input: the input as plain JSON values; ``None`` when there is none.
        at: when it is due; ``None`` for at once.
    """

    target: str
    operation: str
    input: Any = None
    at: datetime | None = None


def given(
    entity: type[E], *past: object, key: str = "test", now: datetime = _NOW, caller: str = ""
) -> Given[E]:
    """An entity with a past.

    Args:
        entity: its class.
        *past: domain events in order; or one object of the class, its state. None at all: it
            never was.
        key: its key.
        now: what ``self.context.now`` will be.
        caller: the address of who sends; empty for a client.
    """
    definition = define_entity(entity)
    target = str(EntityId(definition.kind, key))
    behavior = EntityBehavior(definition, Directory(_resolve, _start))
    instance = behavior.activate(target, len(past), _state_after(definition, past))
    return Given(_World(definition, target, instance, to_micros(now), caller))


def _state_after(definition: EntityDefinition, past: tuple[object, ...]) -> bytes | None:
    if not past:
        return None
    state = fresh_state(definition)
    for item in past:
        if isinstance(item, Entity):
            encoded = [f.codec.encode(getattr(item, f.name)) for f in definition.fields]
            state = EntityState(definition, item, encoded)
            continue
        spec = definition.events.get(type(item))
        if spec is None:
            msg = f"{definition.kind} has no @perdure.applies handler for {item!r}"
            raise AssertionError(msg)
        spec.apply(state.entity, item)
        state.keep(state.changes())
    return join_fields(definition.fields, state.encoded)


def _resolve(kind: Any) -> Target | None:
    """Any class will do in a test; names have no known operations."""
    return None if isinstance(kind, str) else define_entity(kind)


_RANDOM = "(random)"


def _start(
    orchestrator: Any,
    input: Any,
    instance_id: str | None,
    start_at: int,
    _version: str | None,
    _tags: Mapping[str, str] | None,
    _conditions: Conditions,
) -> Message:
    """Any orchestrator will do in a test."""
    registry = Registry()
    if not isinstance(orchestrator, str):
        registry.add_orchestrator(orchestrator, None, "", None)
        definition = registry.orchestrator(orchestrator)
        name, data = definition.name, definition.encode_input(input)
    else:
        name, data = orchestrator, encode_plain(input, "the input")
    start = requests.Start(name=name, input=data, start_at=start_at)
    return send(instance_id_of(instance_id, lambda: _RANDOM), requests.START, start, "")


@attrs.define(eq=False)
class _World:
    """The one entity under test."""

    definition: EntityDefinition
    target: str
    instance: Instance
    now_micros: int
    caller: str

    def handle(self, operation: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Ran:
        """Run one operation as the engine would."""
        name = operation_name(operation)
        spec = self.definition.operation(name)
        data, form = encode_arguments(spec, name, args, kwargs)
        message = Message(
            target=self.target, operation=name, input=data, form=form, caller=self.caller
        )
        try:
            step = self.instance.prepare(message, self.now_micros)
        except DecodingError as error:
            details = FailureDetails(error_type=type(error).__name__, message=str(error))
            return _Ran(Outcome(b"", details), error=error)
        try:
            value = step.run()
            if step.is_async:
                value = run_virtually(value, self.now_micros)
        except (Exception, asyncio.CancelledError) as error:
            return _Ran(self.instance.fail(step, error), error=error)
        return _Ran(self.instance.finish(step, value), value)


@attrs.define(eq=False)
class _Ran:
    """One operation that was run."""

    outcome: Outcome
    value: Any = None
    error: BaseException | None = None


@attrs.define(eq=False)
class Given(Generic[E]):
    """An entity that waits for the operation to test."""

    _world: _World

    @overload
    def when(
        self,
        operation: Callable[Concatenate[E, P], Awaitable[R]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Then[E, R]: ...
    @overload
    def when(
        self, operation: Callable[Concatenate[E, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Then[E, R]: ...
    @overload
    def when(self, operation: str, /, *args: object, **kwargs: object) -> Then[E, Any]: ...
    def when(self, operation: Any, /, *args: Any, **kwargs: Any) -> Then[E, Any]:
        """Run an operation.

        Args:
            operation: the method, as ``Account.withdraw``, or its name.
            *args: its arguments.
            **kwargs: its arguments by name.

        An ``async`` one runs by a clock of its own: what it sleeps takes no time.

        Raises:
            UnknownOperationError: there is no such operation; the message tells a near one.
            InvalidInputError: the arguments do not fit.
        """
        return Then(self._world, self._world.handle(operation, args, kwargs))


@attrs.define(eq=False)
class Then(Given[E], Generic[E, R]):
    """What an operation did. Every check returns the same, so that checks can be chained."""

    _ran: _Ran
    _failure_seen: bool = attrs.field(default=False, init=False)

    def __repr__(self) -> str:
        outcome = self._ran.outcome
        if outcome.failure is not None:
            did = f"failed with {outcome.failure.error_type}: {outcome.failure.message}"
        else:
            did = f"returned {self._ran.value!r}"
            if self._recorded():
                did += f", recorded {self._recorded()!r}"
            if outcome.effects:
                did += f", sent {self._sent()!r}"
        return f"<{self._world.target}: {did}; state {self._state()!r}>"

    def _recorded(self) -> list[object]:
        definition = self._world.definition
        stored = [read_event(data) for data in self._ran.outcome.events]
        return [
            definition.read_event(event.name, event.version, bytes(event.data))[1]
            for event in stored
            if isinstance(event, Recorded)
        ]

    def _state(self) -> Any:
        stored = self._world.instance.state()
        return None if stored is None else read_state(self._world.definition, stored)

    def _sent(self) -> list[Sent | Started]:
        return [_shown(effect) for effect in self._ran.outcome.effects]

    def _fail_if_failed(self) -> None:
        failure = self._ran.outcome.failure
        if failure is not None and not self._failure_seen:
            msg = f"the operation failed: {failure.error_type}: {failure.message}"
            raise AssertionError(msg) from self._ran.error

    def then_result(self, result: R) -> Then[E, R]:
        """Check what it returned."""
        self._fail_if_failed()
        _compare("result", self._ran.value, result)
        return self

    def then_events(self, *events: object) -> Then[E, R]:
        """Check the domain events it recorded, in order."""
        self._fail_if_failed()
        _compare("recorded events", self._recorded(), list(events))
        return self

    def then_state(self, state: E | None = None, /, **fields: object) -> Then[E, R]:
        """Check the state: all of it as an object of the class, or some fields by name.

        ``then_state(None)`` checks that there is none.
        """
        self._fail_if_failed()
        names = [field.name for field in self._world.definition.fields]
        for name in fields:
            if name not in names:
                near = near_name(name, names)
                msg = f"there is no field {name!r};{near} the fields are {', '.join(names)}"
                raise AssertionError(msg)
        actual = self._state()
        if not fields:
            _compare("state", actual, state)
        elif actual is None:
            msg = f"there is no state; expected the fields {fields!r}"
            raise AssertionError(msg)
        for name, value in fields.items():
            _compare(f"field {name}", getattr(actual, name, None), value)
        return self

    def then_effects(self, *effects: Sent | Started) -> Then[E, R]:
        """Check the signals it sent and the orchestrations it started, in order."""
        self._fail_if_failed()
        _compare("effects", self._sent(), list(effects))
        return self

    def then_fails(self, error: type[BaseException], match: str = "") -> Then[E, R]:
        """Check that it failed, and with what.

        Args:
            error: the class of the exception.
            match: a part of its message.
        """
        failure = self._ran.outcome.failure
        if failure is None:
            msg = f"the operation succeeded with {self._ran.value!r}; expected {error.__name__}"
            raise AssertionError(msg)
        raised = self._ran.error
        fits = (
            _is_named(error, failure.error_type)
            if raised is None
            else isinstance(raised, error)
        )
        if not fits:
            msg = f"failed with {failure.error_type}: {failure.message}; not {error.__name__}"
            raise AssertionError(msg) from raised
        if match not in failure.message:
            msg = f"the failure's message {failure.message!r} does not contain {match!r}"
            raise AssertionError(msg) from raised
        self._failure_seen = True
        return self


def _shown(effect: Message) -> Sent | Started:
    if not is_entity(effect.target):
        start = requests.decode_start(effect.input)
        return Started(
            start.name,
            msgspec.json.decode(start.input),
            None if effect.target == _RANDOM else effect.target,
            to_datetime(start.start_at) if start.start_at else None,
        )
    return Sent(
        effect.target,
        effect.operation,
        msgspec.json.decode(effect.input) if effect.form else None,
        to_datetime(effect.due_micros) if effect.due_micros else None,
    )


def _is_named(error: type[BaseException], name: str) -> bool:
    """True when a class or one of those derived from it has a name as failures store it."""
    short = name.rpartition(".")[2]
    return error.__name__ == short or any(_is_named(c, name) for c in error.__subclasses__())


def _compare(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        msg = f"{what}: expected {expected!r}, got {actual!r}"
        raise AssertionError(msg)
