"""How requests reach the engine: answers are awaited, and what reads the disk has threads.

Nothing here holds up the event loop, and a request that waits for an orchestration holds no
thread: it is told by the engine, through a callback.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import msgspec

from perdure.actors.app import RESERVED
from perdure.actors.replies import Reply
from perdure.errors import OperationFailedError, OrchestrationFailedError, ReplyTimeoutError
from perdure.gateway.limits import ENGINE_SECONDS, LOOK_SECONDS, THREADS
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.faults import typed
from perdure.orchestration.refs import OrchestrationRef
from perdure.storage.ports import Store

T = TypeVar("T")


class Engine:
    """An open client, for coroutines.

    Attributes:
        client: what is asked.
    """

    def __init__(self, client: EmbeddedClient) -> None:
        self.client = client
        self._threads: anyio.CapacityLimiter | None = None

    def store(self) -> Store:
        """What is committed.

        Raises:
            NodeClosedError, ForkedError: it cannot be read any more.
        """
        self.client.node.check_open()
        return self.client.node.store

    def kinds(self) -> list[str]:
        """The kinds of entities that the app has, without perdure's own."""
        kinds: Any = self.client.status()["kinds"]
        return [kind for kind in kinds if not kind.startswith(RESERVED)]

    def orchestrators(self) -> list[str]:
        """The names of the app's orchestrators."""
        known = self.client.programs.registry.orchestrators
        return sorted(next(iter(versions.values())).name for versions in known.values())

    def patience(self) -> Callable[[], bool]:
        """Whether a search that begins now may go on: a page ends early when it takes long."""
        until = time.monotonic() + LOOK_SECONDS
        return lambda: time.monotonic() < until

    async def read(self, look: Callable[[], T]) -> T:
        """Read the store, in a thread."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(look, limiter=self._threads)

    async def tell(
        self,
        ref: OrchestrationRef[Any],
        operation: str,
        payload: msgspec.Struct,
        request_id: str | None = None,
    ) -> Any:
        """Send an orchestration a message of ``requests.py``; durable when this returns."""
        reply = await self.send(lambda: ref.send(operation, payload, request_id))
        try:
            return await answered(reply, ENGINE_SECONDS)
        except OperationFailedError as error:
            raise typed(error) from None

    async def send(self, hand_over: Callable[[], Reply[T]]) -> Reply[T]:
        """Hand something over to the engine; for room in it a thread waits."""
        if self.client.node.has_room:
            return hand_over()
        return await self.read(hand_over)

    async def ended(self, instance_id: str, seconds: float) -> bool:
        """Wait until an orchestration has ended, at most so long; returns whether it has."""
        waits = self.client.waits
        watch = waits.watch(instance_id)
        reply = await self.read(lambda: waits.wait(watch, "result", bytes))
        try:
            await answered(reply, seconds)
        except ReplyTimeoutError:
            return False
        except OrchestrationFailedError:
            return True
        finally:
            waits.forget(watch, reply)
        return True


async def answered(reply: Reply[T], seconds: float) -> T:
    """What a reply brings.

    Raises:
        ReplyTimeoutError: it has brought nothing by then.
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await reply
    except TimeoutError:
        if deadline.expired():
            raise ReplyTimeoutError(
                reply.request_id, seconds, reply.target, reply.operation
            ) from None
        raise
