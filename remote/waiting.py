"""Waiting for orchestrations elsewhere: one question on its way for all who wait for the same.

The server answers when there is an answer, or after a while that there is none yet; it is asked
while somebody waits, and no longer.
"""

from __future__ import annotations

import threading
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any, TypeVar

from perdure.actors.behavior import Outcome
from perdure.actors.replies import Once, Reply, Waiter
from perdure.errors import NodeClosedError, PerdureError
from perdure.orchestration.waiting import Watch
from perdure.remote import wire
from perdure.remote.transport import Transport

T = TypeVar("T")
Key = tuple[str, str]

SOON_SECONDS = 0.05
"""The first question is answered so soon: who does not want to wait learns how it is now."""


class ThreadWaiter:
    """Lets threads wait for replies."""

    def wait(self, reply: Reply[Any], timeout_seconds: float | None) -> bool:
        """Return once *reply* is resolved (true), or after the timeout (false)."""
        rung = threading.Event()
        once = reply.when_resolved(rung.set)
        try:
            if not rung.wait(timeout_seconds) and isinstance(reply, Awaited):
                reply.asked.wait()
        finally:
            reply.forget(once)
        return reply.done


class Awaited(Reply[T]):
    """What comes of an orchestration; it is asked for once somebody waits.

    Attributes:
        asked: there was a first answer, or there will be none.
        is_asked_for: it is among those for whom the server is asked.
    """

    __slots__ = ("_begin", "asked", "is_asked_for")

    def __init__(
        self,
        waiter: Waiter,
        key: Key,
        decode: Callable[[bytes], T],
        begin: Callable[[Any], None],
    ) -> None:
        super().__init__(waiter, *key, "", decode)
        self._begin = begin
        self.asked = threading.Event()
        self.is_asked_for = False

    def when_resolved(self, callback: Callable[[], None]) -> Once:
        """Call *callback* once, as soon as there is an outcome; now it is asked for."""
        once = super().when_resolved(callback)
        if not self.done:
            self._begin(self)
        return once


class RemoteWaits:
    """Those who wait for orchestrations."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiter = ThreadWaiter()
        self._lock = threading.Lock()
        self._groups: dict[Key, list[Awaited[Any]]] = {}

    def watch(self, instance_id: str) -> Watch:
        """Take note of an instance; here it is asked for when somebody waits."""
        self._transport.check_open()
        return Watch(instance_id)

    def wait(self, watch: Watch, decide: str, decode: Callable[[Any], Any]) -> Reply[Any]:
        """A reply that is resolved when the instance has ended, or begun."""
        self._transport.check_open()
        return Awaited(self._waiter, (watch.instance_id, decide), decode, self._begin)

    def _begin(self, reply: Awaited[Any]) -> None:
        key = (reply.target, reply.operation)
        with self._lock:
            if reply.is_asked_for:
                return
            reply.is_asked_for = True
            group = self._groups.get(key)
            if group is not None:
                group.append(reply)
                reply.asked.set()
                return
            self._groups[key] = group = [reply]
        try:
            self._transport.spawn(self._ask(key, group))
        except PerdureError as error:
            self._resolve(key, group, error)

    async def _ask(self, key: Key, group: list[Awaited[Any]]) -> None:
        """Ask until there is an outcome, or nobody waits any more."""
        instance_id, what = key
        seconds = SOON_SECONDS
        outcome: Outcome | BaseException
        try:
            while True:
                ask = wire.Wait(instance_id=instance_id, what=what, seconds=seconds)
                answer = await self._transport.answer_once(ask)
                if not answer.late:
                    outcome = Outcome(answer.value)
                    break
                if self._is_given_up(key, group):
                    return
                seconds = wire.WAIT_SECONDS
        except PerdureError as error:
            outcome = error
        except CancelledError:
            outcome = NodeClosedError(f"the client was closed before {instance_id!r} ended")
        self._resolve(key, group, outcome)

    def _is_given_up(self, key: Key, group: list[Awaited[Any]]) -> bool:
        """Note that there was an answer; whoever does not wait now is no longer asked for."""
        with self._lock:
            for reply in group:
                reply.asked.set()
                reply.is_asked_for = reply.is_waited_for
            group[:] = [reply for reply in group if reply.is_asked_for]
            if not group:
                del self._groups[key]
            return not group

    def _resolve(
        self, key: Key, group: list[Awaited[Any]], outcome: Outcome | BaseException
    ) -> None:
        with self._lock:
            if self._groups.get(key) is group:
                del self._groups[key]
        for reply in group:
            reply.resolve(outcome)
            reply.asked.set()
