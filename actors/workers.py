"""Worker threads for work that may block: few while it is quick, more while it is not."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from perdure.actors import limits

_AT_ONCE = 4
"""Threads that are started without waiting for those at work, and stay."""

IDLE_SECONDS = 1.0
"""How long one more waits for work before it ends: a machine that was busy for a moment makes
work look slow, and each such moment would leave threads for ever.
"""


class Workers:
    """A pool that starts with the first piece of work.

    Many threads that all have little to do would only fight for the GIL. So beyond a few a
    thread is added only when those at work have taken nothing new for a while.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._taken = 0
        self._seen = 0
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], None]) -> None:
        """Have *work* done, in some thread."""
        self._queue.put(work)
        if self._idle == 0 and len(self._threads) < _AT_ONCE:
            self._add(1)

    def are_behind(self) -> bool:
        """Whether work waits; threads are added when nothing was taken since the last look."""
        waiting = self._queue.qsize()
        if not waiting:
            return False
        if self._taken == self._seen:
            self._add(min(waiting, len(self._threads)))
        self._seen = self._taken
        return True

    def _add(self, count: int) -> None:
        with self._lock:
            for _ in range(min(count, limits.ACTIVITY_THREADS - len(self._threads))):
                name = f"{self._name}-{len(self._threads)}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            work = self._next()
            with self._lock:
                self._idle -= 1
                self._taken += work is not None
            if work is None:
                return
            work()

    def _next(self) -> Callable[[], None] | None:
        """The next piece of work; ``None`` for a thread that is to end."""
        try:
            return self._queue.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            with self._lock:
                if len(self._threads) > _AT_ONCE:
                    self._threads.remove(threading.current_thread())
                    return None
        return self._queue.get()

    @property
    def size(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    def stop(self, until: Callable[[], float]) -> bool:
        """End all threads; false when work still runs after ``until()`` seconds.

        Work that no thread has taken is not done.
        """
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join(until())
        return not any(thread.is_alive() for thread in threads)
