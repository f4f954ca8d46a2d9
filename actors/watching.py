"""Following what is committed: one entity's states, or all changes of a store."""

from __future__ import annotations

import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar

from perdure.actors.definition import EntityDefinition
from perdure.actors.history import history_events
from perdure.actors.ids import EntityId, is_entity
from perdure.actors.locks import shown_state
from perdure.actors.logs import address_fields
from perdure.actors.node import Node
from perdure.actors.snapshots import Change, EntitySnapshot, Position, snapshot_of
from perdure.errors import NodeClosedError
from perdure.storage.ports import Reader
from perdure.storage.records import Batch

E = TypeVar("E")
logger = logging.getLogger("perdure")

LOOK_SECONDS = 1.0
"""How often the store is looked at without a hint."""
PAGE = 200


class Watch(ABC, Generic[E]):
    """The states of one entity after each commit, conflated; ``None`` when it was deleted."""

    @abstractmethod
    def __iter__(self) -> Iterator[EntitySnapshot[E] | None]:
        """Yield the present state, then each newer one.

        It ends when the watch or the client is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class CommitWatch(Watch[E]):
    """A watch that looks into the store after each commit that changed the entity."""

    def __init__(self, node: Node, definition: EntityDefinition, entity_id: EntityId) -> None:
        self._node = node
        self._definition = definition
        self._address = str(entity_id)
        self._rung: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._seen = -1
        self._closed = False
        self._end = node.on_commit(self._look)

    def _look(self, batch: Batch) -> None:
        address = self._address
        if any(row.stream == address for row in batch.states):
            self._rung.put(None)

    def __iter__(self) -> Iterator[EntitySnapshot[E] | None]:
        """Yield the present state, then each newer one."""
        while not self._closed:
            try:
                row = self._node.store.state(self._address)
            except NodeClosedError:
                return
            if row is not None and shown_state(row.state) is None:
                row = None  # of a lock only
            version = 0 if row is None else row.version
            if version != self._seen:
                self._seen = version
                yield snapshot_of(self._definition, row)
                continue
            try:
                self._rung.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if self._node.closed:
                    return
            while not self._rung.empty():
                self._rung.get()

    def close(self) -> None:
        """End the iteration, also one that waits in another thread."""
        self._closed = True
        self._end()
        self._rung.put(None)


def watch_in_background(
    watch: Watch[Any], address: str, callback: Callable[[Any], None]
) -> None:
    """Call *callback* with each of the watch's states, in a thread of its own."""
    fields = address_fields(address)

    def follow() -> None:
        for snapshot in watch:
            try:
                callback(snapshot)
            except Exception:
                logger.exception(
                    "a callback of %r failed; the watch goes on", watch, extra=fields
                )

    threading.Thread(target=follow, name="perdure-watch", daemon=True).start()


def follow_changes(node: Node, after: Position | None, *, follow: bool) -> Iterator[Change]:
    """All changes of a store beyond *after* in their order, and then those to come.

    It ends when the client is closed.
    """
    rung: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(batch: Batch) -> None:
        if batch.turns:
            rung.put(None)

    end = node.on_commit(ring)
    try:
        while True:
            try:
                for change in changes_beyond(node.store, after):
                    after = change.position
                    yield change
            except NodeClosedError:
                return
            if not follow or node.closed:
                return
            with suppress(queue.Empty):
                rung.get(timeout=LOOK_SECONDS)
    finally:
        end()


def changes_beyond(reader: Reader, after: Position | None) -> Iterator[Change]:
    """The changes that are there beyond *after*, in their order, page by page."""
    before = 0 if after is None else after.turn - 1
    while page := reader.feed(before, limit=PAGE):
        for turn in page:
            if not is_entity(turn.stream):
                continue
            for index, event in enumerate(history_events(turn.first_version, turn.events)):
                here = Position(turn.seq, index)
                if after is None or here > after:
                    yield Change(here, EntityId.parse(turn.stream), event)
        before = page[-1].seq
