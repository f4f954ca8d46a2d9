"""External events of one generation: those that have come, and those who wait. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from perdure.orchestration.history import EventRaised
from perdure.orchestration.tasks import EventTask

Decode = Callable[[Any], Any]


class ExternalEvents:
    """Each event completes one wait of its name, the oldest; names fold case."""

    def __init__(self) -> None:
        self._waits: dict[str, deque[tuple[int, EventTask[Any], Decode]]] = {}
        self._numbers = 0
        self._written: dict[str, str] = {}
        self._arrived: dict[str, deque[tuple[int, EventRaised]]] = {}
        self._arrivals = 0

    def wait(self, name: str, decode: Decode) -> tuple[EventTask[Any], EventRaised | None]:
        """Wait for the next event of that name, in the order of the waits.

        Returns:
            The wait, and the event that completes it if that has come already.
        """
        key = name.lower()
        self._numbers += 1
        task: EventTask[Any] = EventTask(partial(self._stop_waiting, key, self._numbers))
        arrived = self._arrived.get(key)
        if arrived:
            return task, arrived.popleft()[1]
        self._waits.setdefault(key, deque()).append((self._numbers, task, decode))
        self._written[key] = name
        return task, None

    def _stop_waiting(self, key: str, number: int) -> None:
        waits = self._waits.get(key, deque())
        self._waits[key] = deque(wait for wait in waits if wait[0] != number)

    def happen(self, event: EventRaised) -> tuple[EventTask[Any], Decode] | None:
        """The oldest wait for it, which is over; else it is kept for the next one."""
        key = event.name.lower()
        waits = self._waits.get(key)
        if waits:
            _, task, decode = waits.popleft()
            return task, decode
        self._arrivals += 1
        self._arrived.setdefault(key, deque()).append((self._arrivals, event))
        return None

    def forget(self) -> None:
        """Nobody waits any more."""
        for waits in self._waits.values():
            for _, task, _ in waits:
                task.forget()
        self._waits.clear()

    def unread(self) -> list[EventRaised]:
        """Those that nobody has waited for, in the order in which they came."""
        arrived = [pair for events in self._arrived.values() for pair in events]
        arrived.sort(key=lambda pair: pair[0])
        return [event for _, event in arrived]

    def awaited(self) -> list[str]:
        """The names that are waited for, as the code writes them."""
        return [self._written[key] for key, waits in self._waits.items() if waits]
