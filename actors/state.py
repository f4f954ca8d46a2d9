"""The state of one entity: its fields, kept with the JSON they were last written as.

What an operation changed is found by writing each field again and comparing. Two things make
that cheap: a field that still holds the very same immutable object is unchanged, and a value of
exactly the annotated scalar type needs no check that it reads back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from perdure.actors.codec import PAYLOAD_LIMIT, encode
from perdure.actors.definition import EntityDefinition, FieldSpec
from perdure.actors.entity import Entity
from perdure.errors import DecodingError, DefinitionError, PayloadTooLargeError

_IMMUTABLE = frozenset(
    (int, str, bool, float, bytes, type(None), Decimal, datetime, date, time, timedelta, UUID)
)
_MUTABLE = object()
"""Stands for a value that may have been changed in place."""

_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_plain = msgspec.json.Decoder(dict[str, Any]).decode

Changes = list[tuple[int, bytes]]
"""Places of changed fields, each with its new JSON."""


def join_fields(fields: tuple[FieldSpec, ...], encoded: Sequence[bytes]) -> bytes:
    """A whole state as a JSON object."""
    if len(encoded) == 1:
        return b"{" + fields[0].prefix + encoded[0] + b"}"
    pairs = zip(fields, encoded, strict=True)
    return b"{" + b",".join([field.prefix + data for field, data in pairs]) + b"}"


def join_changes(fields: tuple[FieldSpec, ...], changes: Changes) -> bytes:
    """The changed fields as a JSON object."""
    if len(changes) == 1:
        place, data = changes[0]
        return b"{" + fields[place].prefix + data + b"}"
    return b"{" + b",".join([fields[place].prefix + data for place, data in changes]) + b"}"


class EntityState:
    """An entity's object, and for each field what it was after the last operation.

    What was kept is in tuples, replaced as a whole: the garbage collector soon passes over a
    tuple of scalars for good, and there are two for each active entity.

    Attributes:
        entity: the user's object.
        encoded: the JSON of each field.
    """

    __slots__ = ("_definition", "_fields", "_share", "_size", "_values", "encoded", "entity")

    def __init__(
        self,
        definition: EntityDefinition,
        entity: Entity,
        encoded: Sequence[bytes],
        values: tuple[Any, ...] | None = None,
    ) -> None:
        self._definition = definition
        self._fields = definition.fields
        self._size = len(definition.fields) + len(definition.ephemerals)
        self._share = PAYLOAD_LIMIT // (len(encoded) + 1)
        self.entity = entity
        self.encoded = tuple(encoded)
        if values is None:
            live = entity.__dict__
            values = tuple([_remembered(live[field.name]) for field in definition.fields])
        self._values = values

    def changes(self) -> Changes:
        """The fields that differ from what was last kept.

        Raises:
            EncodingError, DecodingError, PayloadTooLargeError: a field holds what its type
                does not allow.
            DefinitionError: an attribute that is no field was set, or a field deleted.
        """
        values = self.entity.__dict__
        if len(values) != self._size:
            self._refuse_attributes(values)
        changes: Changes = []
        before = self._values
        encoded = self.encoded
        place = 0
        for field in self._fields:
            value: object = values[field.name]
            if value is not before[place]:
                codec = field.codec
                kind = type(value)
                if kind is codec.exact:
                    data = encode(value, PAYLOAD_LIMIT, codec.what)
                    if data != encoded[place]:
                        changes.append((place, data))
                else:
                    changed = codec.encode_changed(value, encoded[place])
                    if changed is not None:
                        changes.append((place, changed))
            place += 1
        if changes and any([len(data) > self._share for _, data in changes]):
            self._check_size(changes)
        return changes

    def keep(self, changes: Changes) -> None:
        """Take *changes* as what the fields now are."""
        live = self.entity.__dict__
        encoded = list(self.encoded)
        values = list(self._values)
        for place, data in changes:
            encoded[place] = data
            values[place] = _remembered(live[self._fields[place].name])
        self.encoded = tuple(encoded)
        self._values = tuple(values)

    def copied(self) -> EntityState:
        """The same object with its own record of what was kept."""
        return EntityState(self._definition, self.entity, self.encoded, self._values)

    def _check_size(self, changes: Changes) -> None:
        sizes = [
            len(data) + len(f.prefix) + 1
            for f, data in zip(self._fields, self.encoded, strict=True)
        ]
        for place, data in changes:
            sizes[place] = len(data) + len(self._fields[place].prefix) + 1
        if sum(sizes) + 1 > PAYLOAD_LIMIT:
            msg = (
                f"the state of {self._definition.kind} takes {sum(sizes) + 1} bytes as JSON, "
                f"the limit is {PAYLOAD_LIMIT}; keep large data elsewhere and refer to it"
            )
            raise PayloadTooLargeError(msg)

    def _refuse_attributes(self, values: Iterable[str]) -> None:
        kind = type(self.entity).__qualname__
        names = {field.name for field in self._fields} | set(self._definition.ephemerals)
        extra = sorted(set(values) - names)
        if extra:
            msg = (
                f"{kind}.{extra[0]} is no field and would be lost; declare it in the class, "
                "with perdure.ephemeral() if it need not last"
            )
        else:
            gone = min(names - set(values))
            msg = f"{kind}: field {gone} was deleted; set it to a value instead"
        raise DefinitionError(msg)


def _remembered(value: Any) -> Any:
    return value if type(value) in _IMMUTABLE else _MUTABLE


def fresh_state(definition: EntityDefinition) -> EntityState:
    """The state of an entity that never was: the defaults.

    Raises:
        DecodingError: its hooks or validators fail.
        EncodingError: a default that is made anew each time has no JSON form.
    """
    entity = _made(definition, {})
    encoded = [f.codec.encode(getattr(entity, f.name)) for f in definition.fields]
    return EntityState(definition, entity, encoded)


def rebuilt_state(definition: EntityDefinition, encoded: Sequence[bytes]) -> EntityState:
    """The state with the given JSON of each field.

    Raises:
        DecodingError: the class does not accept it; the message names the field.
    """
    pairs = zip(definition.fields, encoded, strict=True)
    entity = _made(definition, {field: _stored_value(field, data) for field, data in pairs})
    return EntityState(definition, entity, encoded)


def _stored_value(field: FieldSpec, data: bytes | msgspec.Raw) -> Any:
    try:
        return field.codec.decode(data)
    except DecodingError as error:
        msg = f"{error}; give it its old type again, or override upcast_state"
        raise DecodingError(msg) from error.__cause__


def _made(definition: EntityDefinition, values: dict[FieldSpec, Any]) -> Entity:
    """An object of the class with the given fields; its validators and hooks run."""
    assert definition.cls is not None
    arguments = {field.alias: value for field, value in values.items() if field.in_init}
    try:
        entity = definition.cls(**arguments)
        for field, value in values.items():
            if not field.in_init:
                setattr(entity, field.name, value)
    except Exception as error:
        msg = f"{definition.cls.__qualname__} cannot be made from its fields: {error}"
        raise DecodingError(msg) from error
    return entity


def loaded_state(definition: EntityDefinition, stored: bytes) -> tuple[EntityState, bool]:
    """The state read from its stored JSON.

    Returns:
        The state, and whether it differs from what was stored: a field was added since, or
        ``upcast_state`` changed it.

    Raises:
        DecodingError: it does not fit the class; the message names the field.
    """
    data = stored
    if definition.upcasts:
        data = _upcast(definition, stored)
    try:
        parts = _read_fields(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the stored state of {definition.kind} is no JSON object: {error}"
        raise DecodingError(msg) from error
    known = {field.name for field in definition.fields}
    unknown = [name for name in parts if name not in known]
    if unknown:
        msg = (
            f"the stored state of {definition.kind} has a field {unknown[0]!r}, which its "
            "class has not; add it again, or remove it in upcast_state"
        )
        raise DecodingError(msg)
    if len(parts) == len(definition.fields):
        encoded = [bytes(parts[field.name]) for field in definition.fields]
        return rebuilt_state(definition, encoded), data is not stored and data != stored
    present = [field for field in definition.fields if field.name in parts]
    entity = _made(
        definition, {field: _stored_value(field, parts[field.name]) for field in present}
    )
    encoded = [f.codec.encode(getattr(entity, f.name)) for f in definition.fields]
    return EntityState(definition, entity, encoded), True


def _upcast(definition: EntityDefinition, stored: bytes) -> bytes:
    assert definition.cls is not None
    try:
        before = _read_plain(stored)
        after = definition.cls.upcast_state(dict(before))
        data = encode(after, what=f"upcast_state of {definition.kind}")
        return stored if data == encode(before) else data
    except Exception as error:
        msg = f"{definition.kind}: upcast_state failed on the stored state: {error}"
        raise DecodingError(msg) from error
