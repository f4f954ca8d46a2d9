"""What clients and orchestrators pass, checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from perdure.actors.codec import encode
from perdure.errors import InvalidInputError


def checked_text(what: str, value: object) -> str:
    """A text that every store keeps unchanged; it may be empty.

    Raises:
        InvalidInputError: it is none.
        PayloadTooLargeError: it is too long.
    """
    if not isinstance(value, str):
        msg = f"{what} {value!r} is of type {type(value).__name__}; use a str"
        raise InvalidInputError(msg)
    encode(value, what=what)
    return value


def checked_flag(what: str, value: object) -> bool:
    """A truth value.

    Raises:
        InvalidInputError: it is none.
    """
    if not isinstance(value, bool):
        msg = f"{what}={value!r}: use True or False"
        raise InvalidInputError(msg)
    return value


def checked_tags(tags: object) -> dict[str, str]:
    """Tags: texts by name; ``None`` for none.

    Raises:
        InvalidInputError: they are something else.
        PayloadTooLargeError: they are too long.
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        msg = f"tags={tags!r}: use a dict of texts"
        raise InvalidInputError(msg)
    kept: dict[str, str] = {}
    for name, value in cast("Mapping[object, object]", tags).items():
        if not (isinstance(name, str) and isinstance(value, str)):
            msg = f"tag {name!r}: {value!r}: use texts for both"
            raise InvalidInputError(msg)
        kept[name] = value
    encode(kept, what="tags")
    return kept
