"""Alarms: what a partition does at a time of its clock, when nothing else makes it look.

They live in memory only: whoever sets one finds out anew, after a restart, what it waits for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable

_SLACK = 64
"""Alarms that were replaced or cancelled before the heap is made anew."""


class Alarms:
    """One call for each key, when its time has come."""

    def __init__(self) -> None:
        self._calls: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._heap: list[tuple[int, int, Hashable]] = []
        self._count = 0

    def set(self, key: Hashable, micros: int, call: Callable[[], None]) -> None:
        """Have *call* made at *micros*, instead of what was set for *key* before."""
        before = self._calls.get(key)
        self._calls[key] = (micros, call)
        if before is None or before[0] != micros:
            self._count += 1
            heapq.heappush(self._heap, (micros, self._count, key))
            self._tidy()

    def cancel(self, key: Hashable) -> None:
        """Forget what was set for *key*, if anything was."""
        if self._calls.pop(key, None) is not None:
            self._tidy()

    def _tidy(self) -> None:
        """What was cancelled must not stay in memory until its time would have come."""
        if len(self._heap) > 2 * len(self._calls) + _SLACK:
            self._heap = [entry for entry in self._heap if self._is_set(entry)]
            heapq.heapify(self._heap)

    def _is_set(self, entry: tuple[int, int, Hashable]) -> bool:
        found = self._calls.get(entry[2])
        return found is not None and found[0] == entry[0]

    def next_micros(self) -> int | None:
        """When the next one is due."""
        heap = self._heap
        while heap and not self._is_set(heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def ring(self, now: int) -> None:
        """Make the calls whose time has come."""
        while (due := self.next_micros()) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            self._calls.pop(key)[1]()
