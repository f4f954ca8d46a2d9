"""What the engine knows of one kind of entity, read once from its class or function."""

from __future__ import annotations

import inspect
import types
import typing
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import attrs

from perdure.actors.codec import Codec, codec_for, encode
from perdure.actors.entity import (
    APPLIES_MARK,
    EPHEMERAL,
    EVENT_MARK,
    LOCALS_MARK,
    READONLY_MARK,
    Entity,
    EventMark,
)
from perdure.actors.ids import EntityId, near_name
from perdure.actors.operations import OperationSpec
from perdure.errors import (
    DecodingError,
    DefinitionError,
    EncodingError,
    InvalidIdError,
    UnknownEventError,
    UnknownOperationError,
)

DELETE = "delete"


@attrs.frozen(eq=False)
class FieldSpec:
    """One field of the state."""

    name: str
    alias: str
    in_init: bool
    codec: Codec
    prefix: bytes


@attrs.frozen(eq=False)
class EventSpec:
    """One class of domain events, and the method that applies it."""

    cls: type
    name: str
    version: int
    codec: Codec
    apply: Callable[[Any, Any], None]


@attrs.frozen(eq=False)
class EntityDefinition:
    """One kind of entity.

    Attributes:
        kind: its name, lower case.
        cls: its class; ``None`` for function style.
        function: its function; ``None`` for a class.
        operations: by name on the wire; without the implicit ``delete``.
        fields: the state, in order.
        ephemerals: names of the fields that are not.
        events: the domain events it applies, by class.
        events_by_name: the same by registered name.
        handlers_print: changes when the code of the class changes.
        upcasts: it overrides ``upcast_state``.
        retention: how old its history may get; ``None``: any age.
    """

    kind: str
    cls: type[Entity] | None = None
    function: Callable[[Any], Any] | None = None
    operations: Mapping[str, OperationSpec] = attrs.field(factory=dict[str, OperationSpec])
    fields: tuple[FieldSpec, ...] = ()
    ephemerals: tuple[str, ...] = ()
    events: Mapping[type, EventSpec] = attrs.field(factory=dict[type, EventSpec])
    events_by_name: Mapping[str, EventSpec] = attrs.field(factory=dict[str, EventSpec])
    handlers_print: str = ""
    upcasts: bool = False
    retention: timedelta | None = None

    def operation(self, name: str) -> OperationSpec | None:
        """One operation by name; ``None`` where any input will do.

        Raises:
            UnknownOperationError: the class has no such operation.
        """
        if self.function is not None:
            return None
        folded = name.lower()
        spec = self.operations.get(folded)
        if spec is None:
            if folded == DELETE:
                return _IMPLICIT_DELETE
            known = sorted({*self.operations, DELETE})
            near = near_name(name, known)
            msg = f"{self.kind} has no operation {name!r};{near} it has {', '.join(known)}"
            raise UnknownOperationError(msg)
        return spec

    def read_event(self, name: str, version: int, data: bytes) -> tuple[EventSpec, Any]:
        """A stored domain event as a value of today's class.

        Raises:
            UnknownEventError: no class is registered for it, or only an older one.
            DecodingError: it does not fit its class.
        """
        spec = self.events_by_name.get(name)
        if spec is None:
            msg = f"{self.kind} has no @perdure.applies handler for stored events {name!r}"
            raise UnknownEventError(msg)
        if version == spec.version:
            return spec, spec.codec.decode(data)
        upcast: Any = getattr(spec.cls, "upcast", None)
        if version > spec.version or upcast is None:
            msg = (
                f"{self.kind}: event {name!r} is stored in version {version}, the class "
                f"{spec.cls.__qualname__} has version {spec.version} and no upcast from it"
            )
            raise UnknownEventError(msg)
        raw: dict[str, Any] = codec_for(dict[str, Any], f"event {name}").decode(data)
        return spec, spec.codec.decode(encode(upcast(version, raw), what=f"event {name}"))


def _nothing(_: Any) -> None:
    """Do nothing: what ``delete`` runs."""


_IMPLICIT_DELETE = OperationSpec("entity", DELETE, _nothing, {})


def define_entity(
    target: Any, name: str | None = None, retention: timedelta | None = None
) -> EntityDefinition:
    """Read an entity class or function.

    Args:
        target: a subclass of Entity, or a function of one parameter ``ctx``.
        name: its kind; the class's or function's name in lower case unless given.
        retention: how old its history may get.

    Raises:
        DefinitionError: it is not well formed; the message names class, member and remedy.
    """
    _check_retention(target, retention)
    given = name if name is not None else getattr(target, "__name__", "")
    try:
        kind = EntityId(given, "x").kind
    except (InvalidIdError, AttributeError) as error:
        msg = f"{target!r} cannot be registered as {given!r}: {error}"
        raise DefinitionError(msg) from error
    if isinstance(target, type):
        if not issubclass(target, Entity) or target is Entity:
            msg = f"{target.__qualname__} is no entity; derive it from perdure.Entity"
            raise DefinitionError(msg)
        return attrs.evolve(_define_class(kind, target), retention=retention)
    if not inspect.isfunction(target) or len(inspect.signature(target).parameters) != 1:
        msg = f"{target!r} is no entity; use a class, or a function with one parameter ctx"
        raise DefinitionError(msg)
    _refuse_generator(target)
    return EntityDefinition(kind, function=target, retention=retention)


def _check_retention(target: Any, retention: object) -> None:
    fits = isinstance(retention, timedelta) and retention > timedelta()
    if retention is not None and not fits:
        name = getattr(target, "__qualname__", target)
        msg = (
            f"{name}: retention={retention!r} is no age; use a timedelta above zero, such as "
            "timedelta(days=30)"
        )
        raise DefinitionError(msg)


def _refuse_generator(function: Callable[..., Any]) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        msg = (
            f"{function.__qualname__} yields, so a call would run nothing of it; return a list "
            "instead, or begin its name with _ if it is no operation"
        )
        raise DefinitionError(msg)


def _define_class(kind: str, cls: type[Entity]) -> EntityDefinition:
    fields, ephemerals = _read_fields(kind, cls)
    events = _read_events(kind, cls)
    by_name: dict[str, EventSpec] = {}
    for spec in events.values():
        if spec.name in by_name:
            msg = f"{cls.__qualname__}: two event classes are named {spec.name!r}; rename one"
            raise DefinitionError(msg)
        by_name[spec.name] = spec
    return EntityDefinition(
        kind=kind,
        cls=cls,
        operations=_read_operations(kind, cls),
        fields=fields,
        ephemerals=ephemerals,
        events=events,
        events_by_name=by_name,
        handlers_print=_print_code(cls),
        upcasts=getattr(cls.upcast_state, "__func__", None)
        is not getattr(Entity.upcast_state, "__func__", None),
    )


def _hints(cls: type, member: Any, what: str) -> dict[str, Any]:
    """The resolved annotations of a class or function."""
    local: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        local.update(vars(base).get(LOCALS_MARK, {}))
    try:
        return typing.get_type_hints(member, localns=local or None, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        msg = f"{what}: an annotation is not known: {error}; define its class at module level"
        raise DefinitionError(msg) from error


def _read_fields(kind: str, cls: type[Entity]) -> tuple[tuple[FieldSpec, ...], tuple[str, ...]]:
    hints = _hints(cls, cls, cls.__qualname__)
    state: list[FieldSpec] = []
    ephemerals: list[str] = []
    for item in attrs.fields(typing.cast("Any", cls)):
        if hasattr(Entity, item.name):
            msg = f"{cls.__qualname__}.{item.name} hides perdure's own {item.name}; rename it"
            raise DefinitionError(msg)
        if item.default is attrs.NOTHING:
            msg = (
                f"{cls.__qualname__}.{item.name} has no default; an entity starts without "
                "input, so give it one"
            )
            raise DefinitionError(msg)
        if item.metadata.get(EPHEMERAL):
            ephemerals.append(item.name)
            continue
        codec = Codec(hints[item.name], f"field {kind}.{item.name}")
        prefix = b'"' + item.name.encode() + b'":'
        state.append(FieldSpec(item.name, item.alias or item.name, item.init, codec, prefix))
    if not cls.__dictoffset__:
        msg = f"{cls.__qualname__} has __slots__; leave them out, and @attrs.define too"
        raise DefinitionError(msg)
    try:
        fresh = cls()
    except Exception as error:
        msg = f"{cls.__qualname__} cannot be made without arguments: {error}"
        raise DefinitionError(msg) from error
    for spec in state:
        try:
            spec.codec.decode(spec.codec.encode(getattr(fresh, spec.name)))
        except (EncodingError, DecodingError) as error:
            msg = f"{cls.__qualname__}.{spec.name}: its default does not fit its type: {error}"
            raise DefinitionError(msg) from error
    return tuple(state), tuple(ephemerals)


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Every member that the user defined, the most derived of each name."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if (
            base in (Entity, object, typing.Generic, typing.Protocol)
            or base.__module__ == "abc"
        ):
            continue
        for name, member in vars(base).items():
            if name not in seen:
                seen.add(name)
                yield name, member


def _read_operations(kind: str, cls: type[Entity]) -> dict[str, OperationSpec]:
    operations: dict[str, OperationSpec] = {}
    for name, member in _members(cls):
        if name in ("record", "context"):
            msg = f"{cls.__qualname__}.{name} hides perdure's own {name}; rename it"
            raise DefinitionError(msg)
        if not inspect.isfunction(member) or name.startswith("_"):
            continue
        if hasattr(member, APPLIES_MARK):
            continue
        if name.lower() in operations:
            other = operations[name.lower()].function.__name__
            msg = (
                f"{cls.__qualname__}: operations {other} and {name} differ in case only; "
                "rename one"
            )
            raise DefinitionError(msg)
        _refuse_generator(member)
        hints = _hints(cls, member, f"{cls.__qualname__}.{name}")
        is_readonly = hasattr(member, READONLY_MARK)
        operations[name.lower()] = OperationSpec(
            kind, name, member, hints, readonly=is_readonly
        )
    return operations


def _read_events(kind: str, cls: type[Entity]) -> dict[type, EventSpec]:
    events: dict[type, EventSpec] = {}
    for name, member in _members(cls):
        if not hasattr(member, APPLIES_MARK):
            continue
        what = f"{cls.__qualname__}.{name}"
        parameters = list(inspect.signature(member).parameters)
        hint = _hints(cls, member, what).get(parameters[1]) if len(parameters) == 2 else None
        members: tuple[Any, ...] = (hint,)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            members = typing.get_args(hint)
        for event in members:
            mark: EventMark | None = getattr(event, EVENT_MARK, None)
            if mark is None:
                msg = (
                    f"{what}: a handler takes one parameter, annotated with a class of "
                    "@perdure.event"
                )
                raise DefinitionError(msg)
            if event in events:
                msg = f"{what}: another handler already applies {event.__qualname__}; keep one"
                raise DefinitionError(msg)
            codec = Codec(event, f"event {kind} {mark.name}")
            events[event] = EventSpec(event, mark.name, mark.version, codec, member)
    return events


def _print_code(cls: type) -> str:
    """A short print of the code of a class: other code, most likely another print."""
    crc = 0
    for name, member in sorted(_members(cls), key=lambda item: item[0]):
        if inspect.isfunction(member) and not name.startswith("__"):
            crc = zlib.crc32(_code_text(name, member.__code__).encode(), crc)
    return f"{crc:08x}"


def _code_text(name: str, code: types.CodeType) -> str:
    constants = [_constant_text(item) for item in code.co_consts]
    return f"{name} {code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"


def _constant_text(item: Any) -> str:
    if isinstance(item, types.CodeType):
        return _code_text(item.co_name, item)
    if getattr(item, "union", None):  # a frozenset: its order is another one in each process
        return ",".join(sorted(map(repr, item)))
    return repr(item)
