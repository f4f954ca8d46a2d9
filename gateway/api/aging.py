"""A value that is dear to make: made when it is asked for, and used for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from perdure.gateway.engine import Engine
from perdure.gateway.limits import LOOK_SECONDS

T = TypeVar("T")

_REST = 10
"""It is used for so many times as long as it took to make."""


class Aging(Generic[T]):
    """What *make* gives, read in a thread; nobody waits long for it."""

    def __init__(self, engine: Engine, make: Callable[[], T]) -> None:
        self._engine = engine
        self._make = make
        self._value: T | None = None
        self._good_until = 0.0
        self._task: asyncio.Task[None] | None = None

    async def get(self) -> T | None:
        """The value, or the last one while it is made anew; ``None``: there is none yet."""
        if time.monotonic() >= self._good_until:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._renew())
            done, _ = await asyncio.wait({self._task}, timeout=LOOK_SECONDS)
            for task in done:
                task.result()
        return self._value

    async def _renew(self) -> None:
        began = time.monotonic()
        self._value = await self._engine.read(self._make)
        ended = time.monotonic()
        self._good_until = ended + _REST * (ended - began)
