"""One asyncio event loop on a thread of its own, where async operations run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class EventLoopThread:
    """Starts with the first coroutine that it is given."""

    def __init__(self, on_start: Callable[[], None] = lambda: None) -> None:
        self._on_start = on_start
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, coroutine: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have the coroutine that *coroutine* makes run on the loop."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._serve, args=(self._loop,), name="perdure-async", daemon=True
            )
            self._thread.start()
        loop = self._loop

        def begin() -> None:
            task = loop.create_task(coroutine())
            self._tasks.add(task)  # the loop itself holds tasks weakly
            task.add_done_callback(self._tasks.discard)

        loop.call_soon_threadsafe(begin)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._on_start()
        try:
            loop.run_forever()
            loop.run_until_complete(self._cancel_all())
        finally:
            loop.close()

    async def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self, timeout_seconds: float) -> bool:
        """Cancel what runs; false when it does not end within *timeout_seconds*."""
        if self._loop is None or self._thread is None:
            return True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()
