"""How load is made: the same drivers for perdure and for what it is compared with."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

WINDOW = 64
THREADS = 64
REPLY_SECONDS = 60.0


class Answer(Protocol):
    """What both replies and pykka's futures can do."""

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the answer."""


def in_window(count: int, send: Callable[[int], Answer]) -> float:
    """Send *count* requests from this thread, 64 at a time; the seconds that it takes."""
    waiting: deque[Answer] = deque()
    begun = time.perf_counter()
    for number in range(count):
        if len(waiting) >= WINDOW:
            waiting.popleft().get(timeout=REPLY_SECONDS)
        waiting.append(send(number))
    while waiting:
        waiting.popleft().get(timeout=REPLY_SECONDS)
    return time.perf_counter() - begun


def in_threads(each: int, request: Callable[[int], object]) -> float:
    """Have each of 64 threads do *each* requests in a row; the seconds that it takes.

    *request* is given the thread's number. The first error of a thread is raised here.
    """
    start = threading.Barrier(THREADS + 1)
    errors: list[BaseException] = []

    def client(number: int) -> None:
        start.wait()
        try:
            for _ in range(each):
                request(number)
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=client, args=(number,), daemon=True)
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return time.perf_counter() - begun
