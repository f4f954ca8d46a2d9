"""What an operation sees of the world: its entity's id, the time, and whom it can signal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar, overload

from perdure.actors.directory import (
    UNCONDITIONAL,
    Conditions,
    Directory,
    Starter,
    Starts,
    Target,
)
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.logs import ContextLogger, fields_of
from perdure.actors.messages import Message
from perdure.actors.operations import OperationSpec, encode_arguments, operation_name
from perdure.errors import InvalidInputError, NotAllowedHereError, PayloadTooLargeError

E = TypeVar("E")
P = ParamSpec("P")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode_operation(
    target: Target | None, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str, bytes, str, OperationSpec | None]:
    """An operation's name, its input, the form of that, and what is known of it.

    Raises:
        InvalidInputError: the arguments do not fit.
        UnknownOperationError: there is no such operation.
    """
    name = operation_name(operation)
    spec = None if target is None else target.operation(name)
    data, form = encode_arguments(spec, name, args, kwargs)
    return name, data, form, spec


OPERATION_ITEMS = 10_000
OPERATION_BYTES = 16 * 1024 * 1024
"""What one operation may send and record: so many signals and events, so many bytes."""

_FAR_MICROS = 253_402_300_800_000_000
"""The year 10,000, which datetimes do not reach."""


def due_micros(at: datetime | timedelta | None, now_micros: int) -> int:
    """When a message for the moment *at* is due; 0 for at once.

    Args:
        at: a time (a naive one is in UTC), or a duration from now.
        now_micros: now.

    Raises:
        InvalidInputError: a time after the year 9999.
    """
    if at is None:
        return 0
    given: object = at
    if not isinstance(given, datetime | timedelta):
        msg = (
            f"at={at!r} is of type {type(at).__name__}; use a datetime, or a timedelta from now"
        )
        raise InvalidInputError(msg)
    due = now_micros + at // _MICROSECOND if isinstance(at, timedelta) else to_micros(at)
    if due >= _FAR_MICROS:
        msg = f"at={at!r} is after the year 9999"
        raise InvalidInputError(msg)
    return max(due, 1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC of a datetime; a naive one is in UTC.

    Raises:
        InvalidInputError: it is no datetime.
    """
    given: object = moment
    if not isinstance(given, datetime):
        msg = f"{moment!r} is of type {type(moment).__name__}; use a datetime"
        raise InvalidInputError(msg)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def to_datetime(micros: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


class OperationScope:
    """One run of one operation: what it asked for so far.

    Attributes:
        message: what is being handled.
        now_micros: the time for all of the operation.
        effects: the messages to send when it commits.
        is_open: false once the operation has ended.
    """

    __slots__ = (
        "directory",
        "effects",
        "is_open",
        "message",
        "now_micros",
        "sent_bytes",
    )

    def __init__(self, message: Message, now_micros: int, directory: Directory) -> None:
        self.message = message
        self.now_micros = now_micros
        self.directory = directory
        self.effects: list[Message] | None = None
        self.is_open = True
        self.sent_bytes = 0

    def close(self) -> None:
        """The operation has ended: who kept its context can do nothing with it any more."""
        self.is_open = False

    def send(self, message: Message) -> None:
        """Add an effect.

        Raises:
            NotAllowedHereError: the operation has ended.
            PayloadTooLargeError: it sends too much.
        """
        if not self.is_open:
            msg = "the operation that this context belongs to has ended; signal inside it"
            raise NotAllowedHereError(msg)
        if self.effects is None:
            self.effects = []
        self.count_in(len(self.effects), len(message.input))
        self.effects.append(message)

    def count_in(self, items: int, size: int) -> None:
        """Add up what the operation sends and records.

        Raises:
            PayloadTooLargeError: one operation does too much.
        """
        self.sent_bytes += size
        if items >= OPERATION_ITEMS or self.sent_bytes > OPERATION_BYTES:
            msg = (
                f"{self.message.operation} sends or records more than {OPERATION_ITEMS} items "
                f"or {OPERATION_BYTES} bytes; do it in parts, by signals to the entity itself"
            )
            raise PayloadTooLargeError(msg)

    def record(self, event: object) -> None:
        """Record a domain event; overridden where there are handlers."""
        msg = f"{type(event).__qualname__} cannot be recorded here"
        raise NotAllowedHereError(msg)


class SignalRef(Generic[E]):
    """Another entity as an operation sees it: it can be signalled, and not waited for."""

    __slots__ = ("_address", "_due_micros", "_scope", "_target")

    def __init__(
        self, address: str, scope: OperationScope, target: Target | None, due_micros: int = 0
    ) -> None:
        self._address = address
        self._scope = scope
        self._target = target
        self._due_micros = due_micros

    @property
    def id(self) -> EntityId:
        """Whom."""
        return EntityId.of_address(self._address)

    def __repr__(self) -> str:
        return f"<SignalRef {self._address}>"

    def options(self, *, at: datetime | timedelta | None = None) -> SignalRef[E]:
        """The same entity, to be signalled not before *at* (a duration counts from now).

        Raises:
            InvalidInputError: a time after the year 9999.
        """
        due = due_micros(at, self._scope.now_micros)
        return SignalRef(self._address, self._scope, self._target, due)

    @overload
    def signal(
        self,
        operation: Callable[Concatenate[E, P], object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None: ...
    @overload
    def signal(self, operation: str, /, *args: object, **kwargs: object) -> None: ...
    def signal(self, operation: Any, /, *args: Any, **kwargs: Any) -> None:
        """Send a one-way message when this operation commits.

        Args:
            operation: the method, as ``Counter.add``, or its name.
            *args: its arguments.
            **kwargs: its arguments by name.

        Raises:
            InvalidInputError: the arguments do not fit.
            UnknownOperationError: there is no such operation.
            NotAllowedHereError: the operation that asked has ended.
        """
        name, data, form, _ = encode_operation(self._target, operation, args, kwargs)
        self._scope.send(
            Message(
                target=self._address,
                operation=name,
                input=data,
                form=form,
                caller=self._scope.message.target,
                due_micros=self._due_micros,
            )
        )

    def call(self, operation: Any, /, *args: object, **kwargs: object) -> NoReturn:
        """There is none: an operation waits for nobody.

        Raises:
            NotAllowedHereError: always; it says how to signal instead.
        """
        name = operation_name(operation)
        example = (
            f"self.context.entity({self.id.kind!r}, {self.id.key!r}).signal({name!r}, ...)"
        )
        msg = (
            f"{self.id} {name}: an operation cannot call another entity, as two that wait for "
            f"each other would wait for ever; send a signal instead: {example}; what it has to "
            "answer it sends back as a signal of its own"
        )
        raise NotAllowedHereError(msg)


class ConditionalStarts(Starts):
    """Starts orchestrations from an operation, under conditions."""

    __slots__ = ("_conditions", "_scope")

    def __init__(self, scope: OperationScope, conditions: Conditions) -> None:
        self._scope = scope
        self._conditions = conditions

    def _starting(
        self, start_at: datetime | timedelta | None
    ) -> tuple[Starter, int, Conditions]:
        scope = self._scope
        return scope.directory.start, due_micros(start_at, scope.now_micros), self._conditions

    def _send_start(self, message: Message) -> None:
        message.caller = self._scope.message.target
        self._scope.send(message)


class EntityContext(ConditionalStarts):
    """The running operation's surroundings."""

    __slots__ = ()

    def __init__(self, scope: OperationScope) -> None:
        self._scope = scope
        self._conditions = UNCONDITIONAL

    @property
    def id(self) -> EntityId:
        """The entity itself."""
        return EntityId.of_address(self._scope.message.target)

    @property
    def now(self) -> datetime:
        """The time, one for all of the operation, in UTC."""
        return to_datetime(self._scope.now_micros)

    @property
    def request_id(self) -> str:
        """Names the request; empty when its sender chose none."""
        return self._scope.message.request_id

    @property
    def caller(self) -> str | None:
        """The address of the actor that sent the message; ``None`` for a client."""
        return self._scope.message.caller or None

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger ``perdure.entity.KIND``; its records say in fields what they are about.

        An operation that runs again after a crash logs again.
        """
        message = self._scope.message
        name = f"perdure.entity.{EntityId.of_address(message.target).kind}"
        return ContextLogger(logging.getLogger(name), fields_of(message))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._scope.message.target}>"

    @overload
    def entity(self, kind: type[E], key: str) -> SignalRef[E]: ...
    @overload
    def entity(self, kind: str | Callable[..., object], key: str) -> SignalRef[Any]: ...
    def entity(self, kind: Any, key: str) -> SignalRef[Any]:
        """Another entity (or this one), to be signalled.

        Args:
            kind: its class, its function, or its kind's name.
            key: which one.

        Raises:
            InvalidIdError: the key or name breaks the rules.
            UnknownEntityError: the class is not registered.
        """
        target = self._scope.directory.entity(kind)
        checked = checked_name("entity key", key)
        if target is None:
            address = str(EntityId(kind, checked))
        else:
            address = f"@{target.kind}@{checked}"
        return SignalRef(address, self._scope, target)

    def on_end(self, operation: Callable[[E, Any], object] | str) -> Starts:
        """Starts orchestrations whose end is signalled to this entity.

        The signal is part of the commit that ends the orchestration. It comes also when the
        orchestration is not started after all; and once more when it is rewound and ends again.

        Args:
            operation: of this entity, as ``Shop.ended``, or its name. Its one parameter is an
                ``OrchestrationEnd``.

        Raises:
            UnknownOperationError: there is no such operation.
        """
        kind = self.id.kind
        target = self._scope.directory.entity(kind)
        name = operation_name(operation)
        if target is not None:
            target.operation(name)
        told = Conditions(told=(self._scope.message.target, name))
        return ConditionalStarts(self._scope, told)
