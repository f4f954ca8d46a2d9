"""The base class of entities, and the marks for their members and events."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform, overload

import attrs
from attrs import field as field

from perdure.actors.context import EntityContext, OperationScope
from perdure.errors import DefinitionError, NotAllowedHereError

F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H", bound=Callable[[Any, Any], None])
T = TypeVar("T")
C = TypeVar("C", bound=type)

EPHEMERAL = "perdure.ephemeral"
READONLY_MARK = "__perdure_readonly__"
APPLIES_MARK = "__perdure_applies__"
EVENT_MARK = "__perdure_event__"
LOCALS_MARK = "__perdure_locals__"


@overload
def ephemeral(*, default: T) -> T: ...
@overload
def ephemeral(*, factory: Callable[[], T]) -> T: ...
def ephemeral(*, default: Any = attrs.NOTHING, factory: Any = None) -> Any:
    """Declare a field that lives in memory only.

    It is made anew at each activation, and after an operation failed.

    Args:
        default: its first value.
        factory: makes its first value.
    """
    if factory is not None:
        default = attrs.Factory(factory)
    return attrs.field(default=default, eq=False, repr=False, metadata={EPHEMERAL: True})


def readonly(operation: F) -> F:
    """Mark an operation that changes nothing; it is refused if it does."""
    setattr(operation, READONLY_MARK, True)
    return operation


def applies(handler: H) -> H:
    """Mark the method that applies one class of domain events to the state.

    Its parameter's annotation says which one; it is no operation and sees no context.
    """
    setattr(handler, APPLIES_MARK, True)
    return handler


@attrs.frozen
class EventMark:
    """The registered name and version of an event class."""

    name: str
    version: int


@overload
def event(cls: C, /) -> C: ...
@overload
def event(*, name: str | None = None, version: int = 1) -> Callable[[C], C]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field, field))
def event(cls: Any = None, /, *, name: str | None = None, version: int = 1) -> Any:
    """Make a class of domain events: frozen attrs values with a registered name.

    The name is what is stored, so a class with a given name can be renamed. When the fields
    change, raise the version and give the class a classmethod
    ``upcast(cls, version, data) -> dict`` which turns the stored fields of an older version
    into today's.

    Args:
        cls: the class, when used without parentheses.
        name: what is stored; the class's name unless given.
        version: of the fields.
    """

    def mark(cls: Any) -> Any:
        frozen = attrs.frozen(cls)
        setattr(frozen, EVENT_MARK, EventMark(name or cls.__name__, version))
        return frozen

    return mark if cls is None else mark(cls)


def _checked_fields(cls: type, fields: list[attrs.Attribute[Any]]) -> list[Any]:
    """Give every field its own name as keyword; refuse defaults that would be shared."""
    checked: list[Any] = []
    for item in fields:
        default: Any = item.default
        if not _is_hashable(default):
            kind = type(default).__name__
            msg = (
                f"{cls.__qualname__}.{item.name}: its default, a {kind}, would be shared by "
                f"all entities; use perdure.field(factory={kind})"
            )
            raise DefinitionError(msg)
        if item.alias in (None, item.name.lstrip("_")):
            item = item.evolve(alias=item.name)
        checked.append(item)
    return checked


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


_NO_SCOPE = "outside of an operation; in tests use perdure.testing"


def _local_types(frame: types.FrameType | None) -> dict[str, type]:
    """The classes of the function that defines an entity, for its annotations."""
    caller = None if frame is None else frame.f_back
    names = {} if caller is None else caller.f_locals
    return {name: value for name, value in names.items() if isinstance(value, type)}


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field, field, ephemeral))
class Entity:
    """The base of your entities.

    Annotated class attributes are its state, each with a default; public methods are its
    operations.
    """

    __slots__ = ("__weakref__", "_perdure_scope")

    _perdure_scope: OperationScope | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in list(vars(cls).items()):
            shared = isinstance(value, (list, dict, set, bytearray))
            if shared and not name.startswith("__") and name not in cls.__annotations__:
                msg = (
                    f"{cls.__qualname__}.{name} would be shared by all entities; annotate it "
                    "and use perdure.field(factory=…), or annotate it as a ClassVar"
                )
                raise DefinitionError(msg)
        try:
            attrs.define(
                cls,
                slots=False,
                kw_only=True,
                auto_attribs=True,
                field_transformer=_checked_fields,
            )
        except attrs.exceptions.UnannotatedAttributeError as error:
            msg = f"{cls.__qualname__}: annotate each field with its type: {error}"
            raise DefinitionError(msg) from error
        if "<locals>" in cls.__qualname__:
            setattr(
                cls, LOCALS_MARK, {**_local_types(inspect.currentframe()), cls.__name__: cls}
            )

    @property
    def context(self) -> EntityContext:
        """The running operation's surroundings: id, time, caller, other entities.

        Raises:
            NotAllowedHereError: no operation is running.
        """
        return EntityContext(self._running())

    def record(self, event: object) -> None:
        """Record a domain event: its handler changes the state, now and whenever replayed.

        Raises:
            NotAllowedHereError: no operation is running.
            DefinitionError: no handler applies such events, or the operation also changed a
                field directly.
            EncodingError: the event has no JSON form.
        """
        self._running().record(event)

    @classmethod
    def upcast_state(cls, state: dict[str, Any]) -> dict[str, Any]:
        """Turn a stored state of an older version of this class into today's fields.

        Override it when fields are renamed, removed or change their type; it is given every
        stored state before that is read, the new ones too.
        """
        return state

    def _running(self) -> OperationScope:
        scope: OperationScope | None = getattr(self, "_perdure_scope", None)
        if scope is None or not scope.is_open:
            msg = f"{type(self).__qualname__} has no context {_NO_SCOPE}"
            raise NotAllowedHereError(msg)
        return scope
