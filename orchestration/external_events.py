"""External events of one generation: those that have come, and those who wait. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from perdure.orchestration.history import EventRaised
from perdure.orchestration.tasks import EventTask, Task

Decode = Callable[[Any], Any]
Give = Callable[[Task[Any], Decode, msgspec.Raw], None]
"""Completes a task with a value that is decoded first."""


class ExternalEvents:
    """Each event completes one wait of its name, the oldest; names fold case."""

    def __init__(self, give: Give) -> None:
        self._give = give
        self._waits: dict[str, deque[tuple[EventTask[Any], Decode]]] = {}
        self._written: dict[str, str] = {}
        self._arrived: dict[str, deque[tuple[int, EventRaised]]] = {}
        self._arrivals = 0

    def wait(self, name: str, decode: Decode) -> EventTask[Any]:
        """The next event of that name, in the order of the waits."""
        key = name.lower()
        task: EventTask[Any] = EventTask(lambda: self._stop_waiting(key, task))
        arrived = self._arrived.get(key)
        if arrived:
            self._give(task, decode, arrived.popleft()[1].data)
        else:
            self._waits.setdefault(key, deque()).append((task, decode))
            self._written[key] = name
        return task

    def _stop_waiting(self, key: str, task: EventTask[Any]) -> None:
        waits = self._waits.get(key, deque())
        self._waits[key] = deque(pair for pair in waits if pair[0] is not task)

    def happen(self, event: EventRaised) -> None:
        """Complete the oldest wait for it, or keep it for the next one."""
        key = event.name.lower()
        waits = self._waits.get(key)
        if waits:
            task, decode = waits.popleft()
            self._give(task, decode, event.data)
        else:
            self._arrivals += 1
            self._arrived.setdefault(key, deque()).append((self._arrivals, event))

    def unread(self) -> list[EventRaised]:
        """Those that nobody has waited for, in the order in which they came."""
        arrived = [pair for events in self._arrived.values() for pair in events]
        arrived.sort(key=lambda pair: pair[0])
        return [event for _, event in arrived]

    def awaited(self) -> list[str]:
        """The names that are waited for, as the code writes them."""
        return [self._written[key] for key, waits in self._waits.items() if waits]
