"""Waiting for orchestrations: who wants to know when one has begun, or ended."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from perdure.actors.answers import details_of
from perdure.actors.behavior import Outcome
from perdure.actors.node import Node
from perdure.actors.replies import Reply
from perdure.errors import InstanceNotFoundError, NodeClosedError, OrchestrationFailedError
from perdure.orchestration.state import COMPLETED, PENDING, InstanceState, read_state
from perdure.storage.records import Batch

Decide = Callable[[InstanceState], "Outcome | BaseException | None"]
"""What a waiter is told of a state; ``None``: it waits on."""


class Waits:
    """Those who wait, by instance. Register first, then look: so no end is missed."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: dict[str, list[tuple[Reply[Any], Decide]]] = {}
        self._lock = Lock()
        self._listens = False

    def wait(self, instance_id: str, decide: str, decode: Callable[[Any], Any]) -> Reply[Any]:
        """A reply that is resolved when the instance has ended, or begun.

        Args:
            instance_id: whose.
            decide: ``result`` or ``start``.
            decode: reads the output.
        """
        reply: Reply[Any] = Reply(self._node.world, instance_id, decide, "", decode)
        wanted = _RULES[decide](instance_id)
        with self._lock:
            if not self._listens:
                self._listens = True
                self._node.on_commit(self._look)
            self._waiting.setdefault(instance_id, []).append((reply, wanted))
        row = self._node.store.state(instance_id)
        if row is None or row.state is None:
            self._tell(instance_id, None)
        else:
            self._tell(instance_id, read_state(instance_id, row.state))
        return reply

    def _look(self, batch: Batch) -> None:
        waiting = self._waiting
        if not waiting:
            return
        for row in batch.states:
            if row.stream in waiting:
                state = None if row.state is None else read_state(row.stream, row.state)
                self._tell(row.stream, state)

    def _tell(self, instance_id: str, state: InstanceState | None) -> None:
        told: list[tuple[Reply[Any], Outcome | BaseException]] = []
        with self._lock:
            left: list[tuple[Reply[Any], Decide]] = []
            for reply, decide in self._waiting.pop(instance_id, ()):
                answer = _missing(instance_id) if state is None else decide(state)
                if answer is None:
                    left.append((reply, decide))
                else:
                    told.append((reply, answer))
            if left:
                self._waiting[instance_id] = left
        for reply, answer in told:
            reply.resolve(answer)

    def close(self) -> None:
        """Nobody will know any more."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for instance_id, replies in waiting.items():
            for reply, _ in replies:
                msg = f"the node was closed before {instance_id!r} ended; open it and ask again"
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
