"""How a remote client asks: one thread with an event loop, and connections that are kept.

Whatever is asked is asked again when the connection is lost or the server is away, until its
patience ends. That is safe: a message has a request id, and the server does it once.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import attrs
import httpx2
import msgspec

from perdure.actors.faults import Fault, error_of
from perdure.errors import (
    AccessDeniedError,
    ForkedError,
    NodeClosedError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PerdureError,
    ServerAnswerError,
    ServerUnreachableError,
)
from perdure.remote import wire
from perdure.remote.place import Place

T = TypeVar("T")

CONNECT_SECONDS = 5.0
FETCH_SECONDS = 600.0
"""How long a server may be silent that is asked for a file: it copies the store first."""
MARGIN_SECONDS = 15.0
"""How long an answer may take beyond the time that the server was given."""

ANSWER_BYTES = 64 * 1024 * 1024
REQUEST_BYTES = 2 * 1024 * 1024
WAITING = 500
ASKING = 50
"""Connections for what may wait, and for the rest: nothing waits behind those that wait."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_read_answer = msgspec.json.Decoder(wire.Answer).decode


class _Refused(msgspec.Struct):
    """The body of an answer that is an error."""

    fault: Fault | None = None
    Message: str = ""


@attrs.frozen
class Lost:
    """There is no answer, and it may be asked for again.

    Attributes:
        why: there is none.
        may_have_happened: the server may have got it.
    """

    why: str
    may_have_happened: bool


class Transport:
    """Asks one server, for any thread and for coroutines.

    Attributes:
        patience_seconds: how long it asks again while there is no answer.
    """

    def __init__(self, place: Place, patience_seconds: float) -> None:
        self._place = place
        self.patience_seconds = patience_seconds
        self._pid = os.getpid()
        self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asking = self._connections(ASKING)
        self._waiting = self._connections(WAITING)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="perdure-remote", daemon=True)
        self._thread.start()

    def _connections(self, most: int) -> httpx2.AsyncClient:
        place = self._place

        def show_token(request: httpx2.Request) -> httpx2.Request:
            if place.token is not None:
                request.headers["authorization"] = f"Bearer {place.token}"
            return request

        return httpx2.AsyncClient(
            auth=show_token,
            headers={"accept-encoding": "identity", "content-type": "application/json"},
            verify=place.verify,
            trust_env=not place.is_local,
            limits=httpx2.Limits(
                max_connections=most, max_keepalive_connections=most, keepalive_expiry=4.0
            ),
        )

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    # ---- for threads ----------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it asks nothing more."""
        return self._closed

    def check_open(self) -> None:
        """Raise unless this process may use it."""
        if self._pid != os.getpid():
            msg = f"the client of {self._place.url} was made before a fork; connect again"
            raise ForkedError(msg)
        if self._closed:
            msg = f"the client of {self._place.url} is closed; connect again"
            raise NodeClosedError(msg)

    def spawn(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have *work* done on the event loop.

        Raises:
            NodeClosedError, ForkedError: nobody would do it.
        """
        try:
            self.check_open()
        except PerdureError:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(self._noted(work), self._loop)

    async def _noted(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            return await work
        finally:
            self._tasks.discard(task)

    def ask(self, ask: wire.Ask) -> bytes:
        """Ask, and wait for the answer: the value as JSON.

        Raises:
            PerdureError: what the server raised, or why there is no answer.
        """
        return self.run(self.answer(ask))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have work done on the event loop, and wait for its result."""
        future = self.spawn(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call_soon(self, work: Any) -> None:
        """Have a function called on the event loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def close(self) -> None:
        """Ask nothing more; what still waits is cancelled."""
        if self._closed or self._pid != os.getpid():
            return
        self._closed = True
        if threading.current_thread() is self._thread:
            self._loop.create_task(self._end())
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(MARGIN_SECONDS)

    async def _end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._asking.aclose()
        await self._waiting.aclose()
        self._loop.call_soon(self._loop.stop)

    # ---- for the event loop ---------------------------------------------------------------

    async def answer(self, ask: wire.Ask, request_id: str = "") -> bytes:
        """Ask until there is an answer, however late; the value as JSON.

        Raises:
            OutcomeUnknownError: what has this request id may have happened.
            ServerUnreachableError: there is no answer.
            PerdureError: what the server raised.
        """
        while True:
            answer = await self.answer_once(ask, request_id)
            if not answer.late:
                return bytes(answer.value)

    async def answer_once(self, ask: wire.Ask, request_id: str = "") -> wire.Answer:
        """Ask until there is an answer, which may be that it is late."""
        data = wire.encode(ask)
        if len(data) > REQUEST_BYTES:
            msg = f"the request takes {len(data)} bytes, the limit is {REQUEST_BYTES}"
            raise PayloadTooLargeError(msg)
        began = time.monotonic()
        pause = _FIRST_PAUSE
        may_have_happened = False
        while True:
            found = await self._post(ask, data)
            if isinstance(found, wire.Answer):
                return found
            may_have_happened = may_have_happened or found.may_have_happened
            is_over = time.monotonic() - began >= self.patience_seconds
            if is_over or (may_have_happened and not ask.repeatable):
                raise self._given_up(ask, found.why, request_id if may_have_happened else "")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _given_up(self, ask: wire.Ask, why: str, request_id: str) -> PerdureError:
        if request_id:
            return OutcomeUnknownError(request_id, why)
        msg = (
            f"no answer from {self._place.url} for {self.patience_seconds:g} s (patience=): "
            f"{why}; see that perdure serve runs there"
        )
        if not ask.repeatable:
            msg += f"; whether {ask.verb} was done is not known"
        return ServerUnreachableError(msg)

    async def _post(self, ask: wire.Ask, data: bytes) -> wire.Answer | Lost:
        """One attempt."""
        waits = isinstance(ask, wire.Call | wire.Wait | wire.Verify)
        seconds = MARGIN_SECONDS + (
            ask.seconds if isinstance(ask, wire.Call | wire.Wait | wire.Verify) else 60
        )
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS, pool=None)
        connections = self._waiting if waits else self._asking
        url = f"{self._place.url}{wire.BASE}/{ask.verb}"
        try:
            async with connections.stream(
                "POST", url, content=data, timeout=timeout
            ) as response:
                return self.understood(response.status_code, await body_of(response))
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                msg = f"{self._place.url} does not prove who it is: {error}"
                raise ServerUnreachableError(msg) from error
            return Lost(f"{type(error).__name__}: {error}", may_have_happened=False)
        except httpx2.TransportError as error:
            return Lost(f"{type(error).__name__}: {error}", may_have_happened=True)

    async def fetch(self, ask: wire.Ask, take: Callable[[bytes], object]) -> None:
        """Ask for a file, and have it taken piece by piece, in a thread.

        Raises:
            ServerUnreachableError: all of it did not come.
            PerdureError: what the server raised.
        """
        timeout = httpx2.Timeout(FETCH_SECONDS, connect=CONNECT_SECONDS, pool=None)
        url = f"{self._place.url}{wire.BASE}/{ask.verb}"
        try:
            async with self._waiting.stream(
                "POST", url, content=wire.encode(ask), timeout=timeout
            ) as response:
                if response.status_code == 200:
                    async for piece in response.aiter_raw():
                        await asyncio.to_thread(take, piece)
                    return
                found = self.understood(response.status_code, await body_of(response))
        except httpx2.TransportError as error:
            msg = f"{self._place.url} has not sent all of it: {type(error).__name__}: {error}"
            raise ServerUnreachableError(msg) from error
        assert isinstance(found, Lost)
        msg = f"no answer from {self._place.url}: {found.why}"
        raise ServerUnreachableError(msg)

    def understood(self, status: int, data: bytes) -> wire.Answer | Lost:
        """What an answer says.

        Raises:
            PerdureError: the server raised it, or the answer is not understood.
        """
        try:
            if status == 200:
                return _read_answer(data)
            refused = msgspec.json.decode(data, type=_Refused) if data else _Refused()
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            refused = _Refused(Message=f"it is not understood: {error}")
        if refused.fault is not None:
            raised = error_of(refused.fault)
            if isinstance(raised, NodeClosedError | OutcomeUnknownError):
                return Lost(str(raised), may_have_happened=True)
            raise raised
        if status in (408, 429, 502, 503, 504):
            return Lost(f"status {status} {refused.Message}", status in (502, 504))
        raise self.refusal(status, refused.Message)

    def refusal(self, status: int, message: str) -> PerdureError:
        """The error that a status without one stands for."""
        what = f"{self._place.url} answers {status}: {message[:500]}"
        if status in (401, 403):
            return AccessDeniedError(
                f"{what}; give token=, token_file=, or set PERDURE_TOKEN to one that may"
            )
        if status == 413:
            return PayloadTooLargeError(what)
        return ServerAnswerError(
            f"{what}; give the URL of perdure serve, and use the same perdure on both sides"
        )

    @asynccontextmanager
    async def streamed(
        self, path: str, last_event_id: str, silence_seconds: float
    ) -> AsyncGenerator[httpx2.Response]:
        """A stream of server-sent events, from behind the one that was seen last."""
        headers = {"accept": "text/event-stream"}
        if last_event_id:
            headers["last-event-id"] = last_event_id
        timeout = httpx2.Timeout(silence_seconds, connect=CONNECT_SECONDS, pool=None)
        async with self._waiting.stream(
            "GET", self._place.url + path, headers=headers, timeout=timeout
        ) as response:
            yield response


async def body_of(response: httpx2.Response) -> bytes:
    """All of an answer.

    Raises:
        ServerAnswerError: it is too large.
    """
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > ANSWER_BYTES:
            msg = f"the answer takes more than {ANSWER_BYTES} bytes; ask for less at once"
            raise ServerAnswerError(msg)
        parts.append(part)
    return b"".join(parts)
