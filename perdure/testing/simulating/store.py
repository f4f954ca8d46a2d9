"""A store with trouble: it stands before a real one, in memory or in SQLite, as a disk does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast
from zlib import crc32

import msgspec

from perdure.errors import RowRejectedError, StoreUnavailableError, VersionConflictError
from perdure.storage.ports import Store
from perdure.storage.records import Batch, LoadedActor
from perdure.testing.crashing import SimulatedCrash
from perdure.testing.simulating.faults import Swarm

FULL_SECONDS = 10.0
"""How long a full disk stays full, at most."""


class TroubledStore:
    """Does what the store behind it does, unless a fault happens."""

    def __init__(
        self, store: Store, swarm: Swarm, trace: list[str], now_micros: Callable[[], int]
    ) -> None:
        self.behind = store
        self._swarm = swarm
        self._trace = trace
        self._now_micros = now_micros
        self._full_until = 0
        self._newest: Batch | None = None

    @classmethod
    def over(
        cls, store: Store, swarm: Swarm, trace: list[str], now_micros: Callable[[], int]
    ) -> Store:
        """Put it before *store*."""
        return cast(Store, cls(store, swarm, trace, now_micros))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)

    def commit(self, batch: Batch) -> int:
        """Write *batch*, perhaps in vain, and perhaps without anybody knowing."""
        swarm = self._swarm
        self._require_room()
        if swarm.happens("crash-before-commit"):
            raise SimulatedCrash
        if swarm.happens("commit-fails"):
            msg = "simulated: not written"
            raise StoreUnavailableError(msg)
        if batch.turns and swarm.happens("commit-rejected"):
            msg = "simulated: rejected"
            raise RowRejectedError(msg)
        seq = self.behind.commit(batch)
        self._trace.append(f"wrote {batch.number} {crc32(msgspec.json.encode(batch)):08x}")
        if self._newest is not None and swarm.happens("commit-repeated"):
            self._write_again(self._newest)
        if batch.states and batch.turns:
            self._newest = batch
        if swarm.happens("crash-after-commit"):
            raise SimulatedCrash
        if swarm.happens("commit-unknown"):
            msg = "simulated: written, and the sync failed"
            raise StoreUnavailableError(msg)
        return seq

    def _write_again(self, batch: Batch) -> None:
        try:
            self.behind.commit(batch)
        except (VersionConflictError, RowRejectedError):
            return
        msg = f"batch {batch.number} was written twice: its expected versions did not fit"
        raise AssertionError(msg)

    def probe(self) -> int:
        """Try whether it works."""
        self._require_room()
        return self.behind.probe()

    def load(self, streams: Sequence[str], now_micros: int) -> dict[str, LoadedActor]:
        """Read actors; the process may end meanwhile."""
        if self._swarm.happens("crash-activation"):
            raise SimulatedCrash
        return self.behind.load(streams, now_micros)

    def count_attempts(self, message_ids: Sequence[int]) -> None:
        """Note suspects, where there is room for it."""
        self._require_room()
        self.behind.count_attempts(message_ids)

    def set_attempts(self, message_ids: Sequence[int], attempts: int) -> None:
        """Note how often suspects have passed, where there is room for it."""
        self._require_room()
        self.behind.set_attempts(message_ids, attempts)

    def close(self, *, clean: bool) -> None:
        """Let go of it; the process may end before, or right after."""
        if clean and self._swarm.happens("crash-shutdown"):
            if self._swarm.of("crash-shutdown").random() < 0.5:
                self.behind.close(clean=True)
            raise SimulatedCrash
        self.behind.close(clean=clean)

    def _require_room(self) -> None:
        swarm = self._swarm
        if swarm.calm:
            return
        if self._full_until <= self._now_micros() and swarm.happens("disk-full"):
            seconds = swarm.of("disk-full").uniform(0.1, FULL_SECONDS)
            self._full_until = self._now_micros() + int(seconds * 1_000_000)
        if self._full_until > self._now_micros():
            msg = "simulated: database or disk is full"
            raise StoreUnavailableError(msg)
