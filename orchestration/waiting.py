"""Waiting for orchestrations: who wants to know when one has begun, or ended."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol
from weakref import WeakValueDictionary

from perdure.actors.answers import details_of
from perdure.actors.behavior import Outcome
from perdure.actors.node import Node
from perdure.actors.replies import Reply
from perdure.errors import InstanceNotFoundError, NodeClosedError, OrchestrationFailedError
from perdure.orchestration.effects import send
from perdure.orchestration.requests import LOOK
from perdure.orchestration.state import COMPLETED, PENDING, InstanceState, read_state
from perdure.storage.records import Batch, StateRow, StoredState

Decide = Callable[[InstanceState], "Outcome | BaseException | None"]
"""What a waiter is told of a state; ``None``: it waits on."""


class Watch:
    """One instance that somebody looks at, and those who wait for it.

    Attributes:
        instance_id: whose.
        row: its row as last committed since then; ``None`` while nothing was.
        waiting: who wants to know of it.
    """

    __slots__ = ("__weakref__", "instance_id", "row", "waiting")

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.row: StateRow | None = None
        self.waiting: list[tuple[Reply[Any], Decide]] = []


class Waiting(Protocol):
    """How references wait for orchestrations."""

    def watch(self, instance_id: str) -> Watch:
        """Take note of what is committed of an instance from now on."""
        ...

    def wait(self, watch: Watch, decide: str, decode: Callable[[Any], Any]) -> Reply[Any]:
        """A reply that is resolved when the instance has ended (``result``), or begun
        (``start``); *decode* reads the output.
        """
        ...


class Waits:
    """Those who look at instances. Register first, then read: so no end is missed.

    A watch lives as long as whoever asked for it, or waits; what was committed meanwhile needs
    not be read from the store.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._watches: WeakValueDictionary[str, Watch] = WeakValueDictionary()
        self._waited_for: set[Watch] = set()
        self._lock = Lock()
        self._listens = False

    def watch(self, instance_id: str) -> Watch:
        """Take note of what is committed of an instance from now on."""
        with self._lock:
            if not self._listens:
                self._listens = True
                self._node.on_commit(self._look)
            watch = self._watches.get(instance_id)
            if watch is None:
                watch = self._watches[instance_id] = Watch(instance_id)
            return watch

    def wait(self, watch: Watch, decide: str, decode: Callable[[Any], Any]) -> Reply[Any]:
        """A reply that is resolved when the instance has ended, or begun.

        Args:
            watch: of the instance.
            decide: ``result`` or ``start``.
            decode: reads the output.
        """
        instance_id = watch.instance_id
        reply: Reply[Any] = Reply(self._node.world, instance_id, decide, "", decode)
        with self._lock:
            watch.waiting.append((reply, _RULES[decide](instance_id)))
            self._waited_for.add(watch)
        row = self._row(watch)
        if row is None and self._node.store.waiting(instance_id):
            self._wait_for_turn(watch)
        else:
            row = row or self._row(watch)  # it may have begun between the two looks
            self._tell(watch, None if row is None else row.state)
        return reply

    def _wait_for_turn(self, watch: Watch) -> None:
        """It has no row, but a message, perhaps its start: look when that has had its turn."""
        look = send(watch.instance_id, LOOK, None, "")
        look.request_id = self._node.world.new_id()
        turn: Reply[Any] = Reply(self._node.world, look.target, LOOK, look.request_id)
        look.reply = turn

        def tell() -> None:
            row = self._row(watch)
            self._tell(watch, None if row is None else row.state)

        turn.when_resolved(tell)
        self._node.submit(look)

    def _row(self, watch: Watch) -> StateRow | StoredState | None:
        return watch.row or self._node.store.state(watch.instance_id)

    def forget(self, watch: Watch, reply: Reply[Any]) -> None:
        """Nobody waits for that reply any more: whoever asks again and again leaves none."""
        with self._lock:
            watch.waiting = [pair for pair in watch.waiting if pair[0] is not reply]
            if not watch.waiting:
                self._waited_for.discard(watch)

    def _look(self, batch: Batch) -> None:
        watches = self._watches
        if not watches:
            return
        for row in batch.states:
            watch = watches.get(row.stream)
            if watch is not None:
                watch.row = row
                if watch.waiting:
                    self._tell(watch, row.state)

    def _tell(self, watch: Watch, row: bytes | None) -> None:
        state = None if row is None else read_state(watch.instance_id, row)
        told: list[tuple[Reply[Any], Outcome | BaseException]] = []
        with self._lock:
            left: list[tuple[Reply[Any], Decide]] = []
            for reply, decide in watch.waiting:
                answer = _missing(watch.instance_id) if state is None else decide(state)
                if answer is None:
                    left.append((reply, decide))
                else:
                    told.append((reply, answer))
            watch.waiting = left
            if not left:
                self._waited_for.discard(watch)
        for reply, answer in told:
            reply.resolve(answer)

    def close(self) -> None:
        """Nobody will know any more."""
        with self._lock:
            waited_for, self._waited_for = self._waited_for, set()
        for watch in waited_for:
            for reply, _ in watch.waiting:
                msg = (
                    f"the node was closed before {watch.instance_id!r} ended; open it and ask "
                    "again"
                )
                reply.resolve(NodeClosedError(msg))


def _missing(instance_id: str) -> InstanceNotFoundError:
    return InstanceNotFoundError(f"there is no orchestration {instance_id!r}")


def _result(instance_id: str) -> Decide:
    def decide(state: InstanceState) -> Outcome | BaseException | None:
        if not state.is_finished:
            return None
        if state.status == COMPLETED:
            return Outcome(bytes(state.output or b"null"))
        details = None if state.failure is None else details_of(state.failure)
        return OrchestrationFailedError(instance_id, state.status, details)

    return decide


def _start(_: str) -> Decide:
    def decide(state: InstanceState) -> Outcome | None:
        return None if state.status == PENDING else Outcome()

    return decide


_RULES: dict[str, Callable[[str], Decide]] = {"result": _result, "start": _start}
