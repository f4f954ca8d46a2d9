"""Types that msgspec cannot hold by itself, rewritten to ones that it can.

Two kinds: a union of several attrs classes or dataclasses (msgspec cannot tell which one an
object is), and a class of these with private fields (msgspec leaves them out, so they would be
lost). Where one occurs anywhere in an annotation, values are packed into plain objects before
they are written, with a tag in unions; a stand-in class takes the place in the annotation and
unpacks when read. The tag is the class's name, or that of its ``@perdure.event``.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any

import attrs

from perdure.errors import DefinitionError

TAG = "@type"

Convert = Callable[[Any, Any], Any]
Pack = Callable[[Any], Any]
Plan = tuple[Any, Pack | None]


class _AnyInstance(type):
    """msgspec asks whether what a stand-in made is an instance of it: it always is."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Tagged(metaclass=_AnyInstance):
    """The base of the stand-ins: a class each, made from an annotation."""

    @classmethod
    def build(cls, value: Any, convert: Convert) -> Any:
        """Make the value that the plain *value* stands for."""
        raise NotImplementedError


def plan(annotation: Any) -> Plan:
    """The annotation to read with, and what turns a value into what is written.

    Raises:
        DefinitionError: two members of a union have the same tag.
    """
    return _Planner().plan(annotation)


def _is_record(annotation: Any) -> bool:
    """True for an attrs class or a dataclass."""
    return isinstance(annotation, type) and (
        attrs.has(annotation) or dataclasses.is_dataclass(annotation)
    )


def _field_names(cls: Any) -> list[tuple[str, str, bool]]:
    """Each field's name, its keyword in the constructor, and whether it has one."""
    if attrs.has(cls):
        return [(item.name, item.alias or item.name, item.init) for item in attrs.fields(cls)]
    return [(item.name, item.name, item.init) for item in dataclasses.fields(cls)]


def _tag_of(cls: Any) -> str:
    mark = getattr(cls, "__perdure_event__", None)
    name: str = cls.__name__ if mark is None else mark.name
    return name


class _Planner:
    """Walks one annotation; remembers classes, which may contain themselves."""

    def __init__(self) -> None:
        self._records: dict[type, Plan | None] = {}

    def plan(self, annotation: Any) -> Plan:
        origin = typing.get_origin(annotation)
        if origin in (typing.Union, types.UnionType):
            return self._plan_union(annotation)
        if origin is typing.Annotated:
            inner, *notes = typing.get_args(annotation)
            readable, pack = self.plan(inner)
            if pack is None:
                return annotation, None
            return typing.Annotated[(readable, *notes)], pack
        if origin is not None:
            return self._plan_container(annotation, origin)
        if _is_record(annotation):
            return self._plan_record(annotation)
        return annotation, None

    def _plan_container(self, annotation: Any, origin: Any) -> Plan:
        arguments = typing.get_args(annotation)
        plans = [self.plan(item) for item in arguments if item is not ...]
        packs = [pack or _same for _, pack in plans]
        if not isinstance(origin, type) or not any(pack for _, pack in plans):
            return annotation, None
        readables = tuple(readable for readable, _ in plans)
        generic: Any = origin
        if issubclass(origin, tuple):
            if ... in arguments:
                return generic[readables[0], ...], lambda value: [packs[0](i) for i in value]
            return generic[readables], lambda value: [
                pack(item) for pack, item in zip(packs, value, strict=True)
            ]
        if len(packs) == 2:
            key, item = packs
            return generic[readables], lambda value: {key(k): item(v) for k, v in value.items()}
        return generic[readables], lambda value: [packs[0](i) for i in value]

    def _plan_record(self, cls: Any) -> Plan:
        if cls in self._records:
            known = self._records[cls]
            return (cls, None) if known is None else known
        stand_in: Any = _AnyInstance(f"Packed{cls.__name__}", (Tagged,), {})
        packs: dict[str, Pack] = {}
        readables: dict[str, Any] = {}

        def pack_record(value: Any) -> Any:
            if type(value) is not cls:
                return value
            return {name: pack(getattr(value, name)) for name, pack in packs.items()}

        self._records[cls] = (stand_in, pack_record)
        try:
            hints = typing.get_type_hints(cls, include_extras=True)
        except NameError:  # a class local to a function: msgspec says what it thinks of it
            self._records[cls] = None
            return cls, None
        names = _field_names(cls)
        needed = any(name.startswith("_") for name, _, _ in names)
        for name, _, _ in names:
            readables[name], pack = self.plan(hints[name])
            packs[name] = pack or _same
            needed = needed or (pack is not None and readables[name] is not stand_in)
        if not needed:
            self._records[cls] = None
            return cls, None
        stand_in.build = classmethod(_record_builder(cls, names, readables))
        return stand_in, pack_record

    def _plan_union(self, annotation: Any) -> Plan:
        members = typing.get_args(annotation)
        records = [item for item in members if _is_record(item)]
        plans = {item: self.plan(item) for item in members}
        if len(records) < 2 and not any(pack for _, pack in plans.values()):
            return annotation, None
        others = [item for item in members if item not in records and item is not type(None)]
        if not records or (len(records) == 1 and not others):
            return _joined(plans)
        rest = _joined({item: plans[item] for item in others}) if others else None
        stand_in: Any = _AnyInstance("PackedUnion", (PackedUnion,), {})
        stand_in.records = {_tag_of(item): plans[item][0] for item in records}
        stand_in.rest = None if rest is None else rest[0]
        if len(stand_in.records) < len(records):
            msg = f"two classes of the union {annotation} have the same name; rename one"
            raise DefinitionError(msg)

        def pack_union(value: object) -> Any:
            kind = type(value)
            if kind not in records:
                return value if rest is None or rest[1] is None else rest[1](value)
            packed = (plans[kind][1] or _plain)(value)
            return packed if len(records) == 1 else {TAG: _tag_of(kind), **packed}

        return (stand_in | None if type(None) in members else stand_in), pack_union


class PackedUnion(Tagged):
    """The base of stand-ins for unions.

    Attributes:
        records: what to read the classes with, by tag.
        rest: what to read all other members with; ``None`` when there are none.
    """

    records: typing.ClassVar[dict[str, Any]]
    rest: typing.ClassVar[Any]

    @classmethod
    def build(cls, value: Any, convert: Convert) -> Any:
        """Read by tag; without one, as another member, or else as the first class."""
        fields = _fields_of(value)
        tag = fields.get(TAG)
        if tag is not None:
            if tag not in cls.records:
                msg = f"its tag {tag!r} is none of {', '.join(cls.records)}"
                raise ValueError(msg)
            return convert(value, cls.records[tag])
        if cls.rest is not None:
            try:
                return convert(value, cls.rest)
            except ValueError:
                if not fields:
                    raise
        # What was written before the union had a second class has no tag.
        return convert(value, next(iter(cls.records.values())))


def _joined(plans: dict[Any, Plan]) -> Plan:
    """A union of which msgspec can tell the members apart by their JSON type."""
    readables = tuple(readable for readable, _ in plans.values())
    packs = {typing.get_origin(item) or item: pack for item, (_, pack) in plans.items()}

    def pack_member(value: object) -> Any:
        pack = packs.get(type(value))
        return value if pack is None else pack(value)

    needed = any(packs.values())
    return typing.Union[readables], pack_member if needed else None  # noqa: UP007 - at run time


def _fields_of(value: Any) -> dict[str, Any]:
    """The members of a JSON object; empty for any other value."""
    return dict(value) if hasattr(value, "items") else {}


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a record; what is in them is written as it is."""
    return {name: getattr(value, name) for name, _, _ in _field_names(type(value))}


def _record_builder(
    cls: Any, names: list[tuple[str, str, bool]], readables: dict[str, Any]
) -> Callable[..., Any]:
    """What makes a record of plain values."""

    def build(_: Any, value: Any, convert: Convert) -> Any:
        if not hasattr(value, "items"):
            msg = f"an object is needed for {cls.__name__}"
            raise ValueError(msg)
        fields = _fields_of(value)
        arguments: dict[str, Any] = {}
        later: dict[str, Any] = {}
        for name, alias, in_init in names:
            if name in fields:
                item = convert(fields[name], readables[name])
                (arguments if in_init else later)[alias if in_init else name] = item
        made = cls(**arguments)
        for name, item in later.items():
            object.__setattr__(made, name, item)
        return made

    return build
