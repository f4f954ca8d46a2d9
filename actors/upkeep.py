"""What an operator does with an open store: look after it while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perdure.actors.answers import answer_to
from perdure.actors.behavior import Outcome
from perdure.actors.failures import describe_failure
from perdure.actors.messages import Message
from perdure.actors.node import Node
from perdure.actors.pending import Record
from perdure.actors.quarantine import message_in, quarantined
from perdure.actors.replies import Reply
from perdure.errors import FailureDetails, QuarantinedError
from perdure.storage.records import QuarantineRow


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
            "ready": len(partition.ready) + partition.recovery.held_back,
            "busy": len(partition.detached),
            "waiting": self.node.store.waiting(),
            "quarantined": len(self.node.store.quarantined(limit=1000)),
            "last_batch": partition.durable,
            **partition.counts,
        }

    def quarantine(self) -> Iterator[QuarantineRow]:
        """Messages that could not be processed, oldest first, each with its reason."""
        return quarantined(self.node.store)

    def redrive(self, message_id: int) -> bool:
        """Try a quarantined message again; false when there is no such message."""
        partition = self.node.partition
        new_id: int = self.node.ask_partition(lambda p: p.fresh_id())
        stream: str | None = self.node.maintain(lambda store: store.redrive(message_id, new_id))
        if stream is not None:
            partition.post(lambda: partition.activation.look_at(stream, new_id))
        return stream is not None

    def discard(self, message_id: int) -> bool:
        """Forget a quarantined message; false when there is no such message.

        Who waits for what it would have led to is told that it has failed.
        """
        for row in self.node.store.quarantined(after=message_id - 1, limit=1):
            message = message_in(row)
            if row.id == message_id and message is not None:
                self._tell_of_discarding(message, row.reason)
        return bool(self.node.maintain(lambda store: store.discard(message_id)))

    def told_when_discarded(
        self, message: Message, failure: FailureDetails
    ) -> Sequence[Message]:
        """What tells those who wait for *message* that it has failed."""
        return (answer_to(message, Outcome(failure=failure)),) if message.answered else ()

    def _tell_of_discarding(self, message: Message, reason: str) -> None:
        """Tell those who wait for *message*; durable when this returns."""
        msg = f"{message.target} {message.operation} was discarded: {reason}"
        messages = self.told_when_discarded(message, describe_failure(QuarantinedError(msg)))
        if not messages:
            return
        partition = self.node.partition
        told: Reply[bytes] = Reply(self.node.world, message.caller, "discard", "")

        def answer() -> None:
            if partition.recovery.failed:
                told.resolve(partition.recovery.refusal())
                return
            record = Record(partition.now, replies=[(told, Outcome(), None)])
            partition.send(record, messages)
            partition.put(record)

        partition.post(answer)
        told.get()

    def backup(self, path: str) -> None:
        """Copy the store into a new file at *path* while it is in use.

        Raises:
            StoreOpenError: the file exists or cannot be written.
        """
        self.node.check_open()
        self.node.store.backup(path)
