"""Whether a row has what a reader wants, for a store that has no SQL for it."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.storage.records import Narrowing

_read = msgspec.json.Decoder(dict[str, Any]).decode


def is_wanted(state: bytes | None, narrowing: Narrowing) -> bool:
    """See :class:`perdure.storage.records.Narrowing`."""
    if narrowing.text not in (state or b""):
        return False
    if not narrowing.members and not narrowing.number:
        return True
    held = object_in(state)
    return all(
        str(held.get(member, "")).lower() in [value.lower() for value in values]
        for member, values in narrowing.members
    ) and (not narrowing.number or _is_between(held.get(narrowing.number), narrowing))


def _is_between(number: Any, narrowing: Narrowing) -> bool:
    return isinstance(number, int) and narrowing.least <= number <= narrowing.most


def object_in(state: bytes | None) -> dict[str, Any]:
    """What a row holds, if it is an object of JSON, and else nothing."""
    try:
        return _read(state or b"{}")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
