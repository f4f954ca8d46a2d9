"""Activities in other processes: for work that computes, past this process's one GIL.

What travels is the function's name and JSON-like arguments, to children of our own; they are
started by ``spawn``, since a fork would share the store's handles.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any


class Processes:
    """A pool of processes that starts with the first attempt."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def run(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        """Call *function* in another process, and wait for its result.

        Raises:
            BrokenProcessPool: the process has died; the next attempt has a new one.
        """
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._most, mp_context=multiprocessing.get_context("spawn")
                )
            pool = self._pool
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            raise

    def close(self) -> None:
        """End all of them, without waiting."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
