"""What a remote client asks of a store as a whole: a copy of it, and what is wrong with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import anyio
import anyio.to_thread
import msgspec
from starlette.responses import Response, StreamingResponse

from perdure.actors.verification import Finding
from perdure.gateway.engine import Engine
from perdure.gateway.limits import WAIT_SECONDS
from perdure.gateway.security.door import Receive, Scope, Send
from perdure.remote import wire

MOST = 1_000
"""Findings that are told; a store with more is not looked through further."""
_KEPT = 4
"""Looks whose findings are kept for who asks again."""
_PIECE = 256 * 1024
_write = msgspec.json.Encoder().encode


class WholeStore:
    """Answers what is about the whole store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looks: dict[str, asyncio.Task[list[Finding]]] = {}

    async def verify(self, ask: wire.Verify) -> wire.Answer:
        """What is wrong with the store. It may take long: who waits asks again, and all who ask
        while a look is under way share it.
        """
        look = self._looks.get(ask.run) or self._join(ask.run)
        await asyncio.wait({look}, timeout=min(max(ask.seconds, 0.0), WAIT_SECONDS))
        if not look.done():
            return wire.Answer(late=True)
        return wire.Answer(value=msgspec.Raw(_write(look.result())))

    def _join(self, run: str) -> asyncio.Task[list[Finding]]:
        under_way = (look for look in self._looks.values() if not look.done())
        look = next(under_way, None) or asyncio.create_task(self._look())
        self._looks[run] = look
        while len(self._looks) > _KEPT:
            del self._looks[next(iter(self._looks))]
        return look

    async def _look(self) -> list[Finding]:
        """In a thread that a server which stops does not wait for."""
        return await anyio.to_thread.run_sync(
            lambda: list(islice(self._engine.client.verify(), MOST)),
            abandon_on_cancel=True,
            limiter=anyio.CapacityLimiter(1),
        )

    async def backup(self, ask: wire.Backup) -> Response:
        """A copy of the store, sent as it is; nothing of it stays here."""
        del ask
        return FileSent(await self._engine.read(self._copied))

    def _copied(self) -> BinaryIO:
        """A copy that has no name any more: it is gone when it is closed, and after a crash."""
        client = self._engine.client
        path = f"{self._engine.store().location}.{client.new_id()}.sent"
        client.backup(path)
        try:
            return open(path, "rb")
        finally:
            os.remove(path)


class FileSent(StreamingResponse):
    """All of an open file, which is closed however that ends."""

    def __init__(self, file: BinaryIO) -> None:
        length = {"Content-Length": str(os.fstat(file.fileno()).st_size)}
        super().__init__(_pieces(file), 200, length, "application/vnd.sqlite3")
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
