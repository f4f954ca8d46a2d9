"""Mistakes planted in the engine of entities on purpose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from perdure.actors.activation import Activation
from perdure.actors.behavior import Step
from perdure.actors.cell import Cell
from perdure.actors.messages import Message
from perdure.actors.partition import Partition
from perdure.actors.pending import Pending, Record
from perdure.actors.recovery import Recovery
from perdure.actors.requests import Requests
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.records import Batch


def no_memory_of_requests(patch: pytest.MonkeyPatch) -> None:
    def admit(self: Requests, messages: Iterable[Message]) -> list[Message]:
        return list(messages)

    patch.setattr(Requests, "admit", admit)


def acknowledged_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    original = Partition.add

    def add(self: Partition, record: Record) -> None:
        for reply, outcome, _ in record.replies:
            reply.resolve(outcome)
        original(self, record)

    patch.setattr(Partition, "add", add)


def consumed_messages_stay(patch: pytest.MonkeyPatch) -> None:
    original = MemoryDisk.apply

    def apply(self: MemoryDisk, batch: Batch) -> None:
        batch.consumed = []
        original(self, batch)

    patch.setattr(MemoryDisk, "apply", apply)


def accepted_messages_are_not_stored(patch: pytest.MonkeyPatch) -> None:
    original = MemoryDisk.apply

    def apply(self: MemoryDisk, batch: Batch) -> None:
        batch.accepted = [row for row in batch.accepted if row.due_micros]
        original(self, batch)

    patch.setattr(MemoryDisk, "apply", apply)


def mailboxes_have_no_limit(patch: pytest.MonkeyPatch) -> None:
    original = Partition.deliver

    def deliver(self: Partition, message: Message) -> None:
        original(self, message)
        self.full.clear()

    patch.setattr(Partition, "deliver", deliver)


def timers_are_not_stored(patch: pytest.MonkeyPatch) -> None:
    original = MemoryDisk.apply

    def apply(self: MemoryDisk, batch: Batch) -> None:
        batch.accepted = [row for row in batch.accepted if not row.due_micros]
        original(self, batch)

    patch.setattr(MemoryDisk, "apply", apply)


def cells_outlive_a_failed_commit(patch: pytest.MonkeyPatch) -> None:
    def drop_cells(self: Recovery, pending: Pending | None) -> list[Message]:
        return []

    patch.setattr(Recovery, "_drop_cells", drop_cells)


def running_code_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    def returned(self: Partition, step: Step, result: Any, seconds: float) -> None:
        cell: Cell = step.cell
        self.detached.discard(cell)
        cell.busy = False
        cell.record = Record(self.now, cell, cell.version + 1)
        cell.conclude(self, cell.record, step, result)
        self.close_turn(cell)

    patch.setattr(Partition, "returned", returned)


def passivated_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    def passivate(self: Activation, cell: Cell) -> bool:
        if cell.mailbox or cell.busy or cell.queued:
            return False
        del self._host.cells[cell.address]
        return True

    patch.setattr(Activation, "passivate", passivate)


def due_messages_are_found_twice(patch: pytest.MonkeyPatch) -> None:
    original = Activation.look_for_due

    def look_for_due(self: Activation) -> None:
        self.in_hand.clear()
        self._cursor = (0, 0)
        original(self)

    patch.setattr(Activation, "look_for_due", look_for_due)


def effects_of_a_turn_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    original = Pending.add

    def add(self: Pending, record: Record) -> None:
        if record.cell is not None:
            record.accepted = []
        original(self, record)

    patch.setattr(Pending, "add", add)


def a_written_failure_is_taken_as_lost(patch: pytest.MonkeyPatch) -> None:
    original = Recovery._heal

    def heal(
        self: Recovery, durable: int, number: int, written: Any, batch: Batch | None
    ) -> None:
        original(self, min(durable, number - 1), number, [], batch)

    patch.setattr(Recovery, "_heal", heal)
