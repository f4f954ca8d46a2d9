"""Pages of longer lists: limited in number and in bytes, continued by a token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from perdure.gateway.http.answers import answer
from perdure.gateway.http.parameters import token_for
from perdure.gateway.limits import PAGE_BYTES, PAGE_STEP

Step = Callable[[str, int], tuple[list[Any], str | None]]
"""Reads so many behind a place, and tells where to go on."""

_write = msgspec.json.Encoder().encode


def read_page(step: Step, after: str, size: int) -> tuple[list[msgspec.Raw], str | None]:
    """One page, read in steps, so that it ends early when what it holds is large.

    Returns:
        The items as JSON, and behind what the next page begins; ``None`` after the last.
    """
    items: list[msgspec.Raw] = []
    weight = 0
    following: str | None = after
    while following is not None and len(items) < size and weight < PAGE_BYTES:
        found, following = step(following, min(PAGE_STEP, size - len(items)))
        written = [msgspec.Raw(_write(item)) for item in found]
        weight += sum(map(len, written))
        items += written
    return items, following


def page_answer(items: Sequence[Any], following: str | None) -> Response:
    """The answer with a page, and the token for the next one where there is one."""
    headers = {} if following is None else {"x-ms-continuation-token": token_for(following)}
    return answer(200, items, headers)
