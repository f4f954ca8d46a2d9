"""What an operator does with an open store: look after it while it runs."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.actors.node import Node
from perdure.storage.records import QuarantineRow

STEP = 500
"""Rows that one step of a long job handles, so that commits go on between two."""


class Upkeep:
    """Status, quarantine, backup and purge of one node's store."""

    def __init__(self, node: Node, kinds: list[str]) -> None:
        self.node = node
        self._kinds = kinds

    def status(self) -> dict[str, object]:
        """How the node is: what is active, what waits, whether the store works."""
        self.node.check_open()
        partition = self.node.partition
        failed = partition.recovery.failed
        return {
            "location": self.node.store.location,
            "kinds": self._kinds,
            "durability": self.node.store.durability,
            "healthy": failed is None,
            "failure": None if failed is None else str(failed),
            "recovering": partition.recovery.careful,
            "active": len(partition.cells),
            "ready": len(partition.ready),
            "busy": len(partition.detached),
            "waiting": self.node.store.waiting(),
            "quarantined": len(self.node.store.quarantined(limit=1000)),
            "last_batch": partition.durable,
        }

    def quarantine(self) -> Iterator[QuarantineRow]:
        """Messages that could not be processed, oldest first, each with its reason."""
        after = 0
        while page := self.node.store.quarantined(after=after, limit=STEP):
            yield from page
            after = page[-1].id

    def redrive(self, message_id: int) -> bool:
        """Try a quarantined message again; false when there is no such message."""
        partition = self.node.partition
        new_id: int = self.node.ask_partition(lambda p: p.fresh_id())
        stream: str | None = self.node.maintain(lambda store: store.redrive(message_id, new_id))
        if stream is not None:
            partition.post(lambda: partition.activation.look_at(stream, new_id))
        return stream is not None

    def discard(self, message_id: int) -> bool:
        """Forget a quarantined message; false when there is no such message."""
        return bool(self.node.maintain(lambda store: store.discard(message_id)))

    def backup(self, path: str) -> None:
        """Copy the store into a new file at *path* while it is in use.

        Raises:
            StoreOpenError: the file exists or cannot be written.
        """
        self.node.check_open()
        self.node.store.backup(path)
