"""Addresses: the names of entities, and the rules for keys and request ids.

An entity's kind folds case, since it names code; its key compares byte for byte, since it is
data: no Unicode normalisation, ``é`` composed and decomposed are two keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import attrs

from perdure.errors import InvalidIdError

_new, _set = object.__new__, object.__setattr__

KEY_LIMIT = 256
_KIND = re.compile(r"[a-z_][a-z0-9_.\-]{0,127}")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def near_name(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is written nearly the same; empty if none is."""
    near = get_close_matches(name.lower(), list(known), 1)
    return "".join(f" did you mean {one!r}?" for one in near)


INSTANCES = ""
"""The kind of every address that has none: an orchestration's, which is its instance id."""

ACTIVITIES = "@"
"""The kind of an activity's address, ``@@name``."""


def kind_of(address: str) -> str:
    """The kind of actor that lives at *address*: an entity's kind, or one of the above."""
    if not address.startswith("@"):
        return INSTANCES
    return address.split("@", 2)[1] or ACTIVITIES


def is_entity(address: str) -> bool:
    """Whether *address* is an entity's, ``@kind@key``."""
    return address.startswith("@") and not address.startswith("@@")


def checked_name(what: str, value: object) -> str:
    """A key or request id that every store keeps unchanged, or an error that says why not."""
    if not isinstance(value, str):
        msg = f"{what} {value!r} is of type {type(value).__name__}; use a str"
        raise InvalidIdError(msg)
    if not 1 <= len(value) <= KEY_LIMIT:
        msg = f"{what} {value[:40]!r} has {len(value)} characters; use 1 to {KEY_LIMIT}"
        raise InvalidIdError(msg)
    if _FORBIDDEN.search(value):
        msg = f"{what} {value!r} has a control character or half a surrogate pair; leave it out"
        raise InvalidIdError(msg)
    return value


def _fold(kind: str) -> str:
    return kind.lower()


def _valid_kind(_: object, __: Any, value: str) -> None:
    if not _KIND.fullmatch(value):
        msg = f"entity kind {value!r}: use a letter, then letters, digits and _ . -"
        raise InvalidIdError(msg)


def _valid_key(_: object, __: Any, value: str) -> None:
    checked_name("entity key", value)


@attrs.frozen(order=True)
class EntityId:
    """Names one entity: its kind and its key, written ``@kind@key``."""

    kind: str = attrs.field(converter=_fold, validator=_valid_kind)
    key: str = attrs.field(validator=_valid_key)

    def __str__(self) -> str:
        return f"@{self.kind}@{self.key}"

    @classmethod
    def parse(cls, text: str) -> EntityId:
        """Read ``@kind@key``; everything after the second ``@`` is the key."""
        first, kind, key = (*text.split("@", 2), "", "")[:3]
        if first or not kind or not key:
            msg = f"entity id {text!r} is not of the form @kind@key"
            raise InvalidIdError(msg)
        return cls(kind, key)

    @classmethod
    def of_address(cls, address: str) -> EntityId:
        """Read the address of an entity, ``@kind@key``, which is known to obey the rules."""
        made = _new(cls)
        _, kind, key = address.split("@", 2)
        _set(made, "kind", kind)
        _set(made, "key", key)
        return made
