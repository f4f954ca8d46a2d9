"""The door: every request passes it before it is routed, and its body is read here.

It is plain ASGI, so that nothing of a refused request reaches a router, and nothing that a
router does by itself (redirects, lists of methods) happens before the guard has looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from perdure.gateway import limits
from perdure.gateway.security.access import IDENTITY
from perdure.gateway.security.guard import Guard, Head, Refusal

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

BUSY = Refusal(503, "too many requests at once; come back later")
TOO_LARGE = Refusal(413, f"the body takes more than {limits.BODY_BYTES} bytes")
TOO_SLOW = Refusal(408, "the body took too long to arrive")

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


class Door:
    """Lets in what the guard does not refuse, with its body, and not too many at once."""

    def __init__(
        self,
        application: Application,
        guard: Guard,
        *,
        is_public: Callable[[Scope], bool] = lambda scope: False,
        requests: int = limits.REQUESTS,
        body_seconds: float = limits.BODY_SECONDS,
    ) -> None:
        self._application = application
        self._guard = guard
        self._is_public = is_public
        self.free = requests
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        passage = _Passage(self, send)
        known = self._guard.check(_head(scope), is_public=self._is_public(scope))
        if isinstance(known, Refusal):
            await _refuse(passage.send, known)
        elif self.free == 0:
            await _refuse(passage.send, BUSY)
        else:
            scope[IDENTITY] = known
            passage.enter()
            try:
                await self._serve(scope, receive, passage.send)
            finally:
                passage.leave()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(receive)
        except TimeoutError:
            await _refuse(send, TOO_SLOW)
            return
        if isinstance(body, Refusal):
            await _refuse(send, body)
        elif body is not None:
            given = False

            async def again() -> Event:
                nonlocal given
                if given:
                    return await receive()
                given = True
                return {"type": "http.request", "body": body, "more_body": False}

            await self._application(scope, again, send)


async def _body(receive: Receive) -> bytes | Refusal | None:
    """All of a body, or why not; ``None`` when whoever sends it has gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        part = event.get("body", b"")
        size += len(part)
        if size > limits.BODY_BYTES:
            return TOO_LARGE
        parts.append(part)
        if not event.get("more_body"):
            return b"".join(parts)


def _head(scope: Scope) -> Head:
    headers = tuple((name.lower(), value) for name, value in scope["headers"])
    return Head(scope["method"].upper(), scope["path"], scope["query_string"], headers)


class _Passage:
    """One request on its way: takes one of the door's places, and puts headers on the answer.

    A stream gives its place back when it begins: streams have a limit of their own.
    """

    __slots__ = ("_door", "_inside", "_send")

    def __init__(self, door: Door, send: Send) -> None:
        self._door = door
        self._send = send
        self._inside = False

    def enter(self) -> None:
        self._inside = True
        self._door.free -= 1

    def leave(self) -> None:
        if self._inside:
            self._inside = False
            self._door.free += 1

    async def send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            headers = event.get("headers", ())
            given = {name for name, _ in headers}
            event["headers"] = [*headers, *(pair for pair in _HEADERS if pair[0] not in given)]
            if (b"content-type", b"text/event-stream") in headers:
                self.leave()
        await self._send(event)


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = msgspec.json.encode(
        {"Message": refusal.message, "ExceptionMessage": refusal.message}
    )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what is left of the body is never read as a request
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal is BUSY:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
