"""A disk that fails some of the commits to it, by a seed."""

from __future__ import annotations

import random

import attrs

from perdure.errors import StoreUnavailableError
from perdure.storage.records import Batch


@attrs.define(eq=False)
class DiskFaults:
    """What the disk does to commits, by the seed; nothing once ``calm``."""

    random: random.Random
    not_written: float = 0.0
    written_unknown: float = 0.0
    calm: bool = False

    def _happens(self, chance: float) -> bool:
        return not self.calm and self.random.random() < chance

    def before_commit(self, batch: Batch) -> None:
        """Perhaps fail without anything written."""
        if self._happens(self.not_written):
            msg = "simulated: not written"
            raise StoreUnavailableError(msg)

    def after_commit(self, batch: Batch) -> None:
        """Perhaps fail although all is written."""
        if self._happens(self.written_unknown):
            msg = "simulated: written, and the sync failed"
            raise StoreUnavailableError(msg)
