"""The memory store's crashes and injected faults; its promises are in tests/contracts."""

from __future__ import annotations

import attrs
import pytest

from perdure.errors import OwnershipLostError, StoreOpenError, StoreUnavailableError
from perdure.storage.memory import MemoryStore
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.records import Batch
from tests.contracts.stores import CART, message, state, step, turn


class PowerCutError(Exception):
    """What a simulator raises where the process ends."""


@attrs.define
class Failing:
    """Raises once, before or after the next commit."""

    before: Exception | None = None
    after: Exception | None = None
    seen: list[int] = attrs.Factory(list[int])

    def before_commit(self, batch: Batch) -> None:
        self.seen.append(batch.number)
        error, self.before = self.before, None
        if error is not None:
            raise error

    def after_commit(self, batch: Batch) -> None:
        error, self.after = self.after, None
        if error is not None:
            raise error


def test_a_commit_that_fails_before_is_not_written() -> None:
    store = MemoryStore.open(faults=Failing(before=StoreUnavailableError("disk")))

    with pytest.raises(StoreUnavailableError):
        store.commit(step(1, CART, 1))

    assert store.probe() == 0
    assert store.turns(CART) == []
    assert store.commit(step(1, CART, 1)) == 1


def test_a_commit_that_fails_after_is_written() -> None:
    store = MemoryStore.open(faults=Failing(after=StoreUnavailableError("disk")))

    with pytest.raises(StoreUnavailableError):
        store.commit(step(1, CART, 1))

    assert store.probe() == 1
    assert len(store.turns(CART)) == 1


def test_a_disk_outlives_a_crash() -> None:
    disk = MemoryDisk()
    crashed = MemoryStore.open(disk, faults=Failing(after=PowerCutError()))
    with pytest.raises(PowerCutError):
        crashed.commit(Batch(1, turns=[turn(CART, 1)], accepted=[message(1)], suspect=1))

    store = MemoryStore.open(disk)

    assert (store.opening.incarnation, store.opening.clean) == (2, False)
    assert (store.opening.suspect, store.opening.last_batch) == (1, 1)
    assert store.load([CART], 0)[CART].messages == (message(1),)
    with pytest.raises(OwnershipLostError):
        crashed.commit(Batch(2))


def test_the_faults_see_every_commit() -> None:
    faults = Failing()
    store = MemoryStore.open(faults=faults)

    store.commit(Batch(1))
    store.commit(Batch(2, states=[state(CART, 1, expected=0)]))

    assert faults.seen == [1, 2]


def test_a_store_in_memory_has_no_backup(tmp_path: object) -> None:
    with pytest.raises(StoreOpenError, match="no file"):
        MemoryStore.open().backup(f"{tmp_path}/copy.db")
