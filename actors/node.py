"""A node: one store, its partition and the runtime under them, from opening to closing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from perdure.actors import limits
from perdure.actors.behavior import Behavior
from perdure.actors.messages import Chunk, Message
from perdure.actors.partition import Partition
from perdure.actors.retention import Retention
from perdure.actors.runtime import Runtime
from perdure.actors.tracing import Tracer
from perdure.errors import ForkedError, MailboxFullError, NodeClosedError
from perdure.storage.ports import Store
from perdure.storage.records import Batch


class World(Runtime, Protocol):
    """A runtime with a beginning and an end."""

    def run(self, partition: Partition) -> None:
        """Begin to work for *partition*."""

    def stop(self, timeout_seconds: float) -> bool:
        """Stop; false when users' code still runs after the timeout."""
        ...

    def on_committer(self, work: Callable[[Store], Any]) -> Any:
        """Have *work* done with the store between two commits, and return its result."""

    def pause(self, seconds: float) -> None:
        """Let the others work for a moment."""


class Node:
    """Owns a store while it is open; clients hand their messages to it."""

    def __init__(
        self,
        store: Store,
        behaviors: Mapping[str, Behavior],
        world: World,
        retention: Retention,
        tracer: Tracer | None = None,
    ) -> None:
        self.store = store
        self.world = world
        self.partition = Partition(store, behaviors, world, retention, tracer)
        self.new_id = world.new_id
        self._pid = os.getpid()
        self._closed = False
        self._ended = False
        self._ingress = self.partition.ingress
        self._wake = world.wake
        self._tracer = tracer
        world.run(self.partition)
        world.wake()

    @property
    def closed(self) -> bool:
        """Whether it takes no more messages."""
        return self._closed

    def submit(self, item: Message | Chunk) -> None:
        """Hand over a call, or signals, to the partition.

        Raises:
            NodeClosedError, ForkedError: nobody would handle it.
            MailboxFullError: the node did not keep up for half a minute.
        """
        if self._closed:
            self.check_open()
        if len(self._ingress) >= limits.INGRESS_MESSAGES:
            self._wait_for_room()
        if self._tracer is not None:
            self._stamp(item, self._tracer.current())
        self._ingress.append(item)
        self._wake()
        if self._ended:
            self._answer_rest()

    @staticmethod
    def _stamp(item: Message | Chunk, trace: str) -> None:
        """What is sent carries the trace of who sends it."""
        for message in item.messages if isinstance(item, Chunk) else (item,):
            message.trace = trace

    @property
    def has_room(self) -> bool:
        """Whether what is handed over now is taken at once; else the sender has to wait."""
        return len(self._ingress) < limits.INGRESS_MESSAGES

    def check_open(self) -> None:
        """Raise unless this process may use the node."""
        if self._pid != os.getpid():
            msg = (
                f"store {self.store.location!r} was opened by process {self._pid} before a "
                "fork; open the app again in this process"
            )
            raise ForkedError(msg)
        if self._closed:
            msg = f"store {self.store.location!r} is closed; open the app again"
            raise NodeClosedError(msg)

    def _wait_for_room(self) -> None:
        self.world.refuse_inside_turn("sending without end")
        deadline = self.world.now_micros() + int(limits.DRAIN_SECONDS * 1e6)
        while len(self._ingress) >= limits.INGRESS_MESSAGES:
            if self.world.now_micros() > deadline:
                msg = f"the node has {len(self._ingress)} messages to take in; retry later"
                raise MailboxFullError(msg)
            self.world.pause(0.002)

    def forked(self) -> None:
        """This process is a child of the one that opened the store: the handle ends here."""
        self._closed = True

    def on_commit(self, listener: Callable[[Batch], None]) -> Callable[[], None]:
        """Have *listener* called after each commit with what was written.

        Returns:
            What ends it.
        """
        listeners = self.partition.listeners
        listeners.append(listener)

        def end() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return end

    def maintain(self, work: Callable[[Store], Any]) -> Any:
        """Do *work* with the store between two commits: backup, purge, re-driving."""
        self.check_open()
        return self.world.on_committer(work)

    def ask_partition(self, question: Callable[[Partition], Any]) -> Any:
        """Ask the partition something, with the baton."""
        self.world.refuse_inside_turn("asking the node")
        answer: list[Any] = []
        self.partition.post(lambda: answer.append(question(self.partition)))
        deadline = self.world.now_micros() + int(limits.DRAIN_SECONDS * 1e6)
        while not answer:
            if self.world.now_micros() > deadline:
                msg = "the node does not answer; see its log"
                raise NodeClosedError(msg)
            self.world.pause(0.001)
        return answer[0]

    def _answer_rest(self) -> None:
        """Nobody works any more: those who still wait are told."""
        error = NodeClosedError("the node was closed before it could answer")
        for reply in self.partition.unanswered():
            reply.resolve(error)
        self.partition.requests.lose("the node was closed")

    def close(self, drain_seconds: float = limits.DRAIN_SECONDS) -> bool:
        """Take nothing more, finish what is in hand within *drain_seconds*, and let go.

        Returns:
            Whether nothing was left in hand.
        """
        if self._closed:
            return True
        self._closed = True
        self.partition.closing = True
        self._wake()
        deadline = self.world.now_micros() + int(drain_seconds * 1_000_000)
        while not self.partition.idle() and self.world.now_micros() < deadline:
            if self.partition.recovery.is_final:
                break  # nothing is written any more, however long one waits
            self.world.pause(0.001)
        clean = self.partition.idle() and not self.partition.recovery.careful
        stopped = self.world.stop(1.0)
        self._ended = True
        self._answer_rest()
        self.store.close(clean=clean and stopped)
        return clean and stopped
