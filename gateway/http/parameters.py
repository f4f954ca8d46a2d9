"""What a request's query and body say, read and checked."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request

from perdure.actors.ids import checked_name
from perdure.errors import InvalidInputError
from perdure.gateway.limits import PAGE_ITEMS, PAGE_USUAL, WAIT_SECONDS

FROM_A_WORKER = "x-azure-functions-invocationid"
"""The header of the field's Python client in a worker, which writes each body as JSON twice."""


def flag(query: QueryParams, name: str, *, default: bool) -> bool:
    """A parameter that is true or false, in any case."""
    text = query.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        msg = f"{name}={text[:40]!r}: use true or false"
        raise InvalidInputError(msg)
    return text.lower() == "true"


def moment(query: QueryParams, name: str) -> datetime | None:
    """A parameter that is a time; one without an offset is in UTC."""
    text = query.get(name)
    if not text:
        return None
    try:  # a plus sign that was not escaped has become a space
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        msg = f"{name}={text[:40]!r}: use a time as 2030-01-31T12:00:00Z"
        raise InvalidInputError(msg) from error
    return found


def page_size(query: QueryParams) -> int:
    """How many a page has at most."""
    text = query.get("top")
    if text is None:
        return PAGE_USUAL
    if not (is_number(text) and len(text) < 9):
        msg = f"top={text[:40]!r}: use 1 to {PAGE_ITEMS}"
        raise InvalidInputError(msg)
    if not 1 <= int(text) <= PAGE_ITEMS:
        msg = f"top={text}: use 1 to {PAGE_ITEMS}, and the continuation token for more"
        raise InvalidInputError(msg)
    return int(text)


def is_number(text: str) -> bool:
    """Whether a text is a whole number from 0 that a store can hold."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def number(text: str, what: str) -> int | None:
    """A whole number that a text holds; ``None`` for none."""
    if not text:
        return None
    if not is_number(text):
        msg = f"{what} {text[:40]!r} is no number from 0"
        raise InvalidInputError(msg)
    return int(text)


def seconds(query: QueryParams, name: str, most: float = WAIT_SECONDS) -> float | None:
    """A parameter that is a duration in seconds."""
    text = query.get(name)
    if text is None:
        return None
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= most:
        msg = f"{name}={text[:40]!r}: use 0 to {most:g} seconds"
        raise InvalidInputError(msg)
    return found


def listed(text: str) -> list[str]:
    """The parts of a parameter that are separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def statuses(query: QueryParams) -> list[str] | None:
    """The runtime statuses that are asked for, in their own spelling."""
    text = query.get("runtimeStatus")
    return listed(text) if text else None


def continuation(request: Request) -> str:
    """Behind what a page begins: what a token of :func:`token_for` holds."""
    token = request.headers.get("x-ms-continuation-token", "")
    if token in ("", "null"):
        return ""
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        msg = "x-ms-continuation-token is none that this server gave; leave it out"
        raise InvalidInputError(msg) from error


def token_for(after: str) -> str:
    """What continues behind *after*; nobody else reads it."""
    return base64.urlsafe_b64encode(after.encode()).decode("ascii")


def request_id(request: Request) -> str | None:
    """The request's name by its ``Idempotency-Key``, or ``None``."""
    given = request.headers.get("idempotency-key")
    return None if given is None else checked_name("Idempotency-Key", given)


async def body(request: Request) -> bytes:
    """The body as JSON; empty for none. Text is a JSON string.

    Raises:
        InvalidInputError: it is not JSON.
    """
    data = await request.body()
    if not data:
        return b""
    if request.headers.get("content-type", "").lower().startswith("text/plain"):
        return msgspec.json.encode(_text(data))
    value = _decoded(data)
    if isinstance(value, str) and FROM_A_WORKER in request.headers:
        inner = value.encode("utf-8")
        _decoded(inner)
        return inner
    return data


async def value(request: Request) -> Any:
    """The body as a plain JSON value; ``None`` where there is none."""
    data = await body(request)
    return _decoded(data) if data else None


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        msg = f"the body is not text in UTF-8: {error}"
        raise InvalidInputError(msg) from error


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"the body is not JSON: {error}"
        raise InvalidInputError(msg) from error
