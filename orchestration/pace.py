"""The rate of an activity: two of its attempts never begin closer together than it says. Pure.

It is counted from when an attempt really began: after its commit, in a thread. So neither a
slow disk nor a lack of threads makes several begin at once.
"""

from __future__ import annotations

import math
from typing import Protocol

FASTEST = 1_000
SLOWEST = 0.000_001
"""Rates that can be kept, in starts per second: from one in a millisecond to one in 11 days."""


class Beginning(Protocol):
    """An attempt that was let through."""

    @property
    def begun_micros(self) -> int:
        """When its code began to run; 0 before that."""
        ...


class Pace:
    """When the next attempt may be let through; there is one for each name in a node."""

    def __init__(self, rate: float) -> None:
        """Let through at most *rate* a second."""
        self._interval = math.ceil(1_000_000 / rate)
        self._last: Beginning | None = None
        self.last_request = ""
        """Names the last one that was let through."""

    def let_through(self, request_id: str, attempt: Beginning) -> None:
        """*attempt* is the one that the next has to wait for."""
        self.last_request = request_id
        self._last = attempt

    def opens_micros(self, now: int, *, is_coming: bool) -> int:
        """When to let the next one through, or to ask again.

        Args:
            now: the time.
            is_coming: the last one is still at work, or will be.
        """
        last = self._last
        if last is not None and last.begun_micros:
            return last.begun_micros + self._interval
        return now + self._interval if is_coming else now  # what never began does not count
