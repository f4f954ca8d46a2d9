"""Mistakes planted between the engine and its disk on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from perdure.actors.partition import Partition
from perdure.storage import memory
from perdure.storage.memory import MemoryStore
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.records import Batch, LoadedActor, StateRow
from perdure.testing.simulating.store import TroubledStore

EARLY_MICROS = 700_000


def work_begins_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    original = Partition.hand_over

    def hand_over(self: Partition) -> None:
        early = [] if self.writing is not None else list(self.open.gated)
        original(self)
        if self.writing is not None:
            for step in early:
                if step.concurrent:
                    self.runtime.start(step)

    patch.setattr(Partition, "hand_over", hand_over)


def timers_come_early(patch: pytest.MonkeyPatch) -> None:
    due, load = MemoryStore.due, MemoryStore.load

    def early_due(
        self: MemoryStore, after: tuple[int, int], until_micros: int, *, limit: int
    ) -> list[tuple[int, int, str]]:
        return due(self, after, until_micros + EARLY_MICROS, limit=limit)

    def early_load(
        self: MemoryStore, streams: Sequence[str], now_micros: int
    ) -> dict[str, LoadedActor]:
        return load(self, streams, now_micros + EARLY_MICROS)

    patch.setattr(MemoryStore, "due", early_due)
    patch.setattr(MemoryStore, "load", early_load)


def snapshots_are_one_version_off(patch: pytest.MonkeyPatch) -> None:
    original = MemoryDisk.put_state

    def put_state(self: MemoryDisk, row: StateRow) -> None:
        before = self.states.get(row.stream)
        if row.state is not None and before is not None and row.version > before.version:
            row = attrs.evolve(row, state=before.state)
        original(self, row)

    patch.setattr(MemoryDisk, "put_state", put_state)


def the_outbox_is_removed_first(patch: pytest.MonkeyPatch) -> None:
    original = TroubledStore.commit

    def commit(self: TroubledStore, batch: Batch) -> int:
        disk = getattr(self.behind, "_disk", None)
        if isinstance(disk, MemoryDisk):
            for message_id in batch.consumed:
                disk.drop_message(message_id)
        return original(self, batch)

    patch.setattr(TroubledStore, "commit", commit)


def expected_versions_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    def check_batch(disk: MemoryDisk, batch: Batch) -> None:
        """Take everything."""

    patch.setattr(memory, "check_batch", check_batch)


def an_attempt_is_written_with_its_answer_only(patch: pytest.MonkeyPatch) -> None:
    original = MemoryDisk.apply

    def apply(self: MemoryDisk, batch: Batch) -> None:
        batch.accepted = [row for row in batch.accepted if not row.stream.startswith("@@")]
        original(self, batch)

    patch.setattr(MemoryDisk, "apply", apply)
