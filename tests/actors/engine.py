"""The app that the engine's tests run: entities that block, fail, kill and remember."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import timedelta

import perdure

app = perdure.App("engine")
gates: dict[str, threading.Event] = {}
"""What a blocking operation waits for, by the entity's key."""


@app.entity
class Counter(perdure.Entity):
    """Counts."""

    value: int = 0

    def add(self, amount: int) -> int:
        """Count."""
        self.value += amount
        return self.value

    def add_and_fail(self, amount: int) -> None:
        """Count, which is undone."""
        self.value += amount
        msg = "planned"
        raise ValueError(msg)

    def add_when_open(self, amount: int) -> int:
        """Wait for the gate, then count."""
        gates[self.context.id.key].wait(10)
        self.value += amount
        return self.value

    async def add_slowly(self, amount: int) -> int:
        """Count, after the event loop has turned."""
        await asyncio.sleep(0)
        self.value += amount
        return self.value

    def add_later(self, amount: int, seconds: float) -> None:
        """Have oneself count, in a while."""
        at = timedelta(seconds=seconds)
        self.context.entity(Counter, self.context.id.key).options(at=at).signal("add", amount)

    def forward(self, keys: list[str]) -> None:
        """Count, and go on with the next in line."""
        self.value += 1
        if keys:
            self.context.entity(Counter, keys[0]).signal(Counter.forward, keys[1:])

    def die(self) -> None:
        """End the process."""
        os._exit(9)

    @perdure.readonly
    def read(self) -> int:
        """The count."""
        return self.value

    @perdure.readonly
    def read_badly(self) -> int:
        """Count, in spite of the promise."""
        self.value += 1
        return self.value
