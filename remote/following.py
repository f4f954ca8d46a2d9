"""Following a server from a thread: its events in order, resumed when it was away."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Condition
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent
from perdure.actors.ids import EntityId
from perdure.actors.snapshots import Change, EntitySnapshot, Position, state_object
from perdure.actors.watching import Watch
from perdure.errors import (
    NodeClosedError,
    PerdureError,
    ServerAnswerError,
    ServerUnreachableError,
)
from perdure.remote.transport import ANSWER_BYTES, Transport, body_of

E = TypeVar("E")

API = "/api/v1"
SILENCE_SECONDS = 45.0
"""A server says every 15 seconds that it is there."""

PAUSE_SECONDS = 0.25
KEPT = 1_000
"""Events that wait for a slow reader; then the server waits."""


class Events:
    """The events of one stream, for one reader.

    Args:
        transport: what asks.
        path: of the stream.
        last_event_id: begin behind that one; empty: as the stream begins by itself.
        newest_only: an event that nobody has taken gives way to the next one.
    """

    def __init__(
        self, transport: Transport, path: str, last_event_id: str, *, newest_only: bool = False
    ) -> None:
        self._transport = transport
        self._path = path
        self._last = last_event_id
        self._newest_only = newest_only
        self._arrived: deque[httpx2.ServerSentEvent] = deque()
        self._changed = Condition()
        self._ended: PerdureError | bool = False
        self._room = asyncio.Event()
        self._future = transport.spawn(self._follow())

    def __iter__(self) -> Iterator[httpx2.ServerSentEvent]:
        """Yield what comes; ends with the stream, when it is closed, or the client.

        Raises:
            PerdureError: the server refuses, or stays away for too long.
        """
        while True:
            with self._changed:
                while not self._arrived and not self._ended:
                    self._changed.wait()
                if not self._arrived:
                    if isinstance(self._ended, PerdureError):
                        raise self._ended
                    return
                event = self._arrived.popleft()
                has_room = len(self._arrived) == KEPT // 2
            if has_room:
                self._transport.call_soon(self._room.set)
            yield event

    def close(self) -> None:
        """End it; any thread may."""
        self._future.cancel()
        self._end(True)

    def _end(self, why: PerdureError | bool) -> None:
        with self._changed:
            self._ended = self._ended or why
            self._changed.notify_all()

    async def _follow(self) -> None:
        try:
            await self._follow_on()
        except NodeClosedError:
            self._end(True)
        except PerdureError as error:
            self._end(error)
        finally:
            self._end(True)

    async def _follow_on(self) -> None:
        """Follow until the stream has ended.

        Raises:
            PerdureError: it cannot be followed.
        """
        away_since: float | None = None
        while True:
            before = self._last
            try:
                if await self._once():
                    return
                why = "the stream was cut"
            except httpx2.TransportError as error:
                why = f"{type(error).__name__}: {error}"
            now = time.monotonic()
            if self._last != before or away_since is None:
                away_since = now
            if now - away_since > self._transport.patience_seconds:
                msg = f"the stream {self._path} cannot be followed: {why}"
                raise ServerUnreachableError(msg)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self) -> bool:
        """Follow it until it is cut (false), or has ended (true)."""
        async with self._transport.streamed(
            self._path, self._last, SILENCE_SECONDS
        ) as response:
            if response.status_code == 204:
                return True
            if response.status_code != 200:
                self._transport.understood(response.status_code, await body_of(response))
                return False  # the server is busy, or away
            async for event in httpx2.EventSource(response, ANSWER_BYTES):
                self._last = event.id or self._last
                if event.event == "end":
                    return True
                if event.event == "failed":
                    return False
                if event.data:  # else it only tells how far the stream is
                    await self._put(event)
        return False

    async def _put(self, event: httpx2.ServerSentEvent) -> None:
        with self._changed:
            if self._newest_only:
                self._arrived.clear()
            self._arrived.append(event)
            is_full = len(self._arrived) >= KEPT
            self._changed.notify_all()
        if is_full:
            self._room.clear()
            await self._room.wait()


# ---- what is followed ------------------------------------------------------------------------


class _Placed(msgspec.Struct):
    position: str
    address: str


_read_placed = msgspec.json.Decoder(_Placed).decode
_read_event = msgspec.json.Decoder(HistoryEvent).decode


def followed_changes(
    transport: Transport, after: Position | None, *, follow: bool
) -> Iterator[Change]:
    """All changes of entities beyond *after* in their order, and then those to come."""
    begin = str(after or Position(0, 0))
    mode = "true" if follow else "false"
    events = Events(transport, f"{API}/feed?of=entities&follow={mode}", begin)
    return _changes(events)


def _changes(events: Events) -> Iterator[Change]:
    try:
        for event in events:
            placed, happened = _told(event, _read_placed), _told(event, _read_event)
            yield Change(
                Position.parse(placed.position), EntityId.parse(placed.address), happened
            )
    finally:
        events.close()


def _told(event: httpx2.ServerSentEvent, read: Callable[[str], Any]) -> Any:
    try:
        return read(event.data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        msg = f"an event is not understood: {error}; use the same perdure on both sides"
        raise ServerAnswerError(msg) from error


class _State(msgspec.Struct, rename="camel", kw_only=True):
    version: int
    modified_time: datetime
    state: msgspec.Raw
    waiting: int = 0
    locked_by: str | None = None


_read_state = msgspec.json.Decoder(_State).decode


class RemoteWatch(Watch[E]):
    """The states of one entity that a server tells."""

    def __init__(
        self, transport: Transport, definition: EntityDefinition, entity_id: EntityId
    ) -> None:
        self._definition = definition
        self._id = entity_id
        name, key = (
            quote(part, safe="").replace(".", "%2E") for part in (entity_id.kind, entity_id.key)
        )
        path = f"{API}/entities/{name}/{key}/stream"
        self._events = Events(transport, path, "", newest_only=True)

    def __iter__(self) -> Iterator[EntitySnapshot[E] | None]:
        """Yield the present state, then each newer one."""
        seen = -1
        for event in self._events:
            snapshot = None if event.event == "gone" else self._snapshot(event)
            version = 0 if snapshot is None else snapshot.version
            if version != seen:
                seen = version
                yield snapshot

    def _snapshot(self, event: httpx2.ServerSentEvent) -> EntitySnapshot[E]:
        told = _told(event, _read_state)
        return EntitySnapshot(
            id=self._id,
            state=state_object(self._definition, bytes(told.state)),
            version=told.version,
            modified=told.modified_time,
            queue_length=told.waiting,
            locked_by=told.locked_by,
        )

    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""
        self._events.close()
