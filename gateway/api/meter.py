"""What the store does, second by second: counted from its commits, kept for five minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

import attrs

from perdure.storage.records import Batch

SECONDS = 300


@attrs.define
class Second:
    """What was committed within one second.

    Attributes:
        time: which one, since 1970 UTC.
        commits: how many there were.
        events: of entities and orchestrations together.
        accepted: messages that were stored to wait.
        slowest_micros: from a turn to the disk, at most.
        latency_micros: the same, the sum over the commits.
    """

    time: int
    commits: int = 0
    events: int = 0
    accepted: int = 0
    slowest_micros: int = 0
    latency_micros: int = 0

    def told(self) -> dict[str, Any]:
        """As JSON."""
        mean = self.latency_micros / self.commits if self.commits else 0.0
        return {
            "time": self.time,
            "commits": self.commits,
            "events": self.events,
            "accepted": self.accepted,
            "meanLatencyMs": round(mean / 1000, 3),
            "maxLatencyMs": round(self.slowest_micros / 1000, 3),
        }


class Meter:
    """Counts what is committed; the committer calls it after each commit."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = Lock()
        self._seconds: deque[Second] = deque(maxlen=SECONDS)
        self.total = Second(0)

    def count(self, batch: Batch) -> None:
        """Take note of a commit."""
        now = self._now()
        events = 0
        for turn in batch.turns:
            events += turn.count
        took = max(0, now - batch.turns[0].time_micros) if batch.turns else 0
        with self._lock:
            if not self._seconds or self._seconds[-1].time != now // 1_000_000:
                self._seconds.append(Second(now // 1_000_000))
            for each in (self._seconds[-1], self.total):
                each.commits += 1
                each.events += events
                each.accepted += len(batch.accepted)
                each.latency_micros += took
                each.slowest_micros = max(each.slowest_micros, took)

    def seconds(self, most: int) -> list[Second]:
        """The last seconds that are over, oldest first, also those in which nothing was."""
        now = self._now() // 1_000_000
        with self._lock:
            known = {second.time: attrs.evolve(second) for second in self._seconds}
        return [known.get(at) or Second(at) for at in range(now - most, now)]
