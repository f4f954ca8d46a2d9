"""Server-sent events: many streams, one pump, and no thread or queue for any of them.

A stream remembers only how far it has told. The engine names what a commit has changed; the
pump then wakes the streams that are about it, and each looks by itself for what is new beyond
its place. So a slow reader costs nothing and holds up nobody: it is told the rest, or the last
state, when it takes something again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

import msgspec
from starlette.responses import Response

from perdure.actors.ids import INSTANCES, kind_of
from perdure.actors.node import Node
from perdure.errors import NodeClosedError, PerdureError
from perdure.gateway import limits
from perdure.gateway.http.answers import answer
from perdure.gateway.security.door import Receive, Scope, Send
from perdure.storage.records import Batch

logger = logging.getLogger("perdure")

EVERYTHING = "@"
"""The topic of all that changes. The others are addresses, and ``@kind``."""

ORCHESTRATIONS = "@ orchestrations"
"""The topic of all orchestrations; no kind has a space in it."""

HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
_SPACING = 0.05
"""Seconds between two looks at what was changed, however busy the store is."""

_AT_ONCE = 20

_write = msgspec.json.Encoder().encode


def event(name: str, data: object, event_id: str) -> bytes:
    """One event in the form of server-sent events; JSON has no line breaks."""
    head = f"id: {event_id}\nevent: {name}\ndata: "
    return head.encode() + _write(data) + b"\n\n"


class Source(Protocol):
    """What a stream tells, and how far it has told."""

    @property
    def topics(self) -> Iterable[str]:
        """What it is about: addresses, kinds with ``@`` in front, or one of the above."""
        ...

    async def news(self) -> tuple[bytes, bool]:
        """What is new, as events, and whether more may be there at once; empty: nothing."""
        ...

    @property
    def ended(self) -> bool:
        """Nothing will ever be new."""
        ...

    def place(self) -> str:
        """How far it has told, to be resumed from; empty: nowhere yet."""
        ...


class Stream(Response):
    """The answer that goes on: an ASGI application that ends when its reader has gone.

    At rest it waits for its reader to go, and nothing else; a task lives only while there is
    something to tell.
    """

    def __init__(self, source: Source, pump: Pump) -> None:
        super().__init__(None, 200, HEADERS)
        self.source = source
        self._pump = pump
        self._send: Send | None = None
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._beat = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it until its reader goes, or it ends."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        del self.raw_headers[self._length_of_nothing()]
        if not self._pump.add(self):
            refused = answer(
                503, {"Message": "there are too many streams"}, {"Retry-After": "5"}
            )
            await refused(scope, receive, send)
            return
        try:
            head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(head)
            await send(_body(b"retry: 2000\n\n"))
            self._send = send
            self.poke()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._pump.remove(self)
            self._send = None
            if self._task is not None:
                self._task.cancel()

    def poke(self, *, beat: bool = False) -> None:
        """Something may be new; with *beat* tell in any case that the stream lives."""
        self._beat = self._beat or beat
        self._again = self._again or not beat
        if self._task is None and self._send is not None:
            self._task = asyncio.get_running_loop().create_task(self._tell(self._send))

    async def _tell(self, send: Send) -> None:
        try:
            while (self._again or self._beat) and not self.source.ended:
                await self._tell_once(send)
            if self.source.ended:
                await send(_body(b"event: end\ndata: {}\n\n", more=False))
        except PerdureError as error:
            if not isinstance(error, NodeClosedError):
                logger.warning("a stream ends: %s", error)
            told = event("failed", {"Message": str(error)}, self.source.place())
            await send(_body(told, more=False))
        except Exception:
            logger.exception("a stream has failed")
            await send(_body(b"", more=False))
        finally:
            self._task = None

    async def _tell_once(self, send: Send) -> None:
        if self._again:
            self._again = False
            news, self._again = await self.source.news()
            if news:
                self._beat = False
                await send(_body(news))
        if self._beat:
            self._beat = False
            place = self.source.place()
            await send(_body(f"id: {place}\n:\n\n".encode() if place else b":\n\n"))

    async def close(self) -> None:
        """End it; its reader may come again."""
        send, self._send = self._send, None
        if send is not None:
            await send(_body(b"", more=False))

    def _length_of_nothing(self) -> int:
        names = [name for name, _ in self.raw_headers]
        return names.index(b"content-length")


class Pump:
    """Wakes the streams that are about what was changed, all in one event loop.

    Attributes:
        looks: how often it has looked at what was changed.
    """

    def __init__(self, node: Node, most: int = limits.STREAMS) -> None:
        self._node = node
        self._most = most
        self._streams: set[Stream] = set()
        self._by_topic: dict[str, set[Stream]] = {}
        self._changed: deque[set[str]] = deque()
        self._rung = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seconds = 0
        self._each_second: list[Callable[[], None]] = []
        self.looks = 0

    @property
    def count(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    def add(self, stream: Stream) -> bool:
        """Take a stream; false when there are too many."""
        if len(self._streams) >= self._most:
            return False
        if not self._streams:
            self._begin()
        self._streams.add(stream)
        for topic in stream.source.topics:
            self._by_topic.setdefault(topic, set()).add(stream)
        return True

    def remove(self, stream: Stream) -> None:
        """Forget a stream."""
        self._streams.discard(stream)
        for topic in stream.source.topics:
            about = self._by_topic.get(topic, set())
            about.discard(stream)
            if not about:
                self._by_topic.pop(topic, None)
        if not self._streams:
            self._end()

    def topics(self) -> Iterable[str]:
        """What the streams are about."""
        return self._by_topic.keys()

    def each_second(self, look: Callable[[], None]) -> None:
        """Have something looked at once a second while there are streams."""
        self._each_second.append(look)

    def wake(self, topics: set[str]) -> None:
        """Wake the streams that are about one of these."""
        about = self._by_topic
        self._poke(s for topic in topics & about.keys() for s in tuple(about[topic]))

    def close(self) -> None:
        """End all streams; any thread may call it."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._close_all)

    def _begin(self) -> None:
        self.looks += 1
        self._loop = asyncio.get_running_loop()
        self._stop_listening = self._node.on_commit(self._look)
        self._timer = self._loop.call_later(1.0, self._every_second)

    def _end(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
        if self._timer is not None:
            self._timer.cancel()
        self._loop = self._stop_listening = self._timer = None
        self._rung = False
        self._changed.clear()

    def _look(self, batch: Batch) -> None:
        """The committer tells what it has written."""
        changed = {row.stream for row in batch.states}
        changed.update(row.stream for row in batch.turns)
        changed.update(batch.erased)
        loop = self._loop
        if not changed or loop is None:
            return
        self._changed.append(changed)
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop has ended, and the streams with it
                loop.call_soon_threadsafe(lambda: loop.call_later(_SPACING, self._wake))

    def _wake(self) -> None:
        self._rung = False
        self.looks += 1
        topics = {EVERYTHING}
        while self._changed:
            for address in self._changed.popleft():
                kind = kind_of(address)
                topics.add(address)
                topics.add(ORCHESTRATIONS if kind == INSTANCES else f"@{kind}")
        self.wake(topics)

    def _poke(self, streams: Iterable[Stream], *, beat: bool = False) -> None:
        """Wake streams, some at a time: a thousand tasks at once would take their memory."""
        rest = list(streams)
        for stream in rest[:_AT_ONCE]:
            stream.poke(beat=beat)
        if self._loop is not None and len(rest) > _AT_ONCE:
            self._loop.call_soon(lambda: self._poke(rest[_AT_ONCE:], beat=beat))

    def _every_second(self) -> None:
        assert self._loop is not None
        self._timer = self._loop.call_later(1.0, self._every_second)
        self._seconds += 1
        if self._node.closed:
            self._close_all()
            return
        for look in self._each_second:
            look()
        if self._seconds % limits.BEAT_SECONDS == 0:
            self._poke(self._streams, beat=True)

    def _close_all(self) -> None:
        for stream in tuple(self._streams):
            task = asyncio.get_running_loop().create_task(stream.close())
            _CLOSING.add(task)
            task.add_done_callback(_CLOSING.discard)


_CLOSING: set[asyncio.Task[None]] = set()
"""Tasks are kept by a reference until they have ended."""


def _body(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
