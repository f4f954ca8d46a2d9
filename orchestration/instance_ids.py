"""Instance ids: the rules for the names of orchestrations."""

from __future__ import annotations

import re

from perdure.actors.ids import checked_name
from perdure.errors import InvalidIdError

_FORBIDDEN = re.compile(r"[/\\#?]")


def checked_instance_id(value: object) -> str:
    """An instance id, or an error that says why it is none.

    Raises:
        InvalidIdError: it breaks the rules.
    """
    text = checked_name("instance id", value)
    if text.startswith("@") or _FORBIDDEN.search(text):
        msg = f"instance id {text!r}: it must not begin with @, nor have one of / \\ # ? in it"
        raise InvalidIdError(msg)
    return text
