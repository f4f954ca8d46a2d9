"""How load is made inside a system's process: the same loops for every system.

A system does one operation in one of three ways, whichever suits it best. A *threads* one
waits for its result; an *asyncio* one is a coroutine; a *window* one gives an answer to hold,
so that one thread has many in flight. Only the standard library: this runs in any environment.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

ANSWER_SECONDS = 120.0
OPEN_WORKERS = 128
"""Threads that serve an open load: more would wait than work."""

Work = Callable[[int], Any]


class Tally:
    """What a load did: how many, the sum of their results, how long each took."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.seconds: list[float] = []
        self._guard = threading.Lock()

    def add(self, result: Any, seconds: float) -> None:
        """One operation ended."""
        with self._guard:
            self.count += 1
            self.total += result if isinstance(result, int) else 0
            self.seconds.append(seconds)


class Numbers:
    """The numbers of the operations, each given out once, until the time is over."""

    def __init__(self, seconds: float) -> None:
        self.end = time.perf_counter() + seconds
        self._next = 0
        self._guard = threading.Lock()

    def take(self) -> int | None:
        """The next number; none when no more operations shall begin."""
        with self._guard:
            number = self._next
            if number and time.perf_counter() >= self.end:
                return None
            self._next += 1
            return number


def closed(shape: str, work: Work, in_flight: int, seconds: float) -> Tally:
    """Keep *in_flight* operations under way for some *seconds*, at least one in all."""
    tally, numbers = Tally(), Numbers(seconds)
    match shape:
        case "asyncio":
            raise TypeError("an asyncio load is awaited: closed_async")  # noqa: EM101, TRY003
        case "window":
            _window(work, in_flight, numbers, tally)
        case _:
            _threads(lambda: _one_after_another(work, numbers, tally), in_flight)
    return tally


async def closed_async(work: Work, in_flight: int, seconds: float) -> Tally:
    """The same with as many asyncio tasks."""
    tally, numbers = Tally(), Numbers(seconds)

    async def client() -> None:
        while (number := numbers.take()) is not None:
            begun = time.perf_counter()
            result = await work(number)
            tally.add(result, time.perf_counter() - begun)

    await asyncio.gather(*(client() for _ in range(in_flight)))
    return tally


def _one_after_another(work: Work, numbers: Numbers, tally: Tally) -> None:
    while (number := numbers.take()) is not None:
        begun = time.perf_counter()
        result = finished(work(number))
        tally.add(result, time.perf_counter() - begun)


def _window(work: Work, in_flight: int, numbers: Numbers, tally: Tally) -> None:
    waiting: deque[tuple[Any, float]] = deque()

    def collect() -> None:
        answer, begun = waiting.popleft()
        tally.add(finished(answer), time.perf_counter() - begun)

    while (number := numbers.take()) is not None:
        if len(waiting) >= in_flight:
            collect()
        begun = time.perf_counter()
        waiting.append((work(number), begun))
        if in_flight == 1:
            collect()
    while waiting:
        collect()


def finished(answer: Any) -> Any:
    """The result of an answer to hold, or the result itself."""
    return answer.get(timeout=ANSWER_SECONDS) if hasattr(answer, "get") else answer


def _threads(client: Callable[[], None], count: int) -> None:
    """Run *client* in so many threads; the first error of one is raised here."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            client()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# ---- open loads -----------------------------------------------------------------------------


def arrivals(rate: float, seconds: float) -> list[float]:
    """When operations are due, in seconds from the start: as if from many strangers.

    They are drawn before the load begins and never moved. What a system answers late is late
    from when it was *due*, so a pause counts for all that should have been served in it.
    """
    draw = random.Random(7)
    due: list[float] = []
    at = draw.expovariate(rate)
    while at < seconds:
        due.append(at)
        at += draw.expovariate(rate)
    return due


def open_load(work: Work, rate: float, seconds: float) -> Tally:
    """Begin operations when they are due, whether or not earlier ones have ended."""
    tally, due = Tally(), arrivals(rate, seconds)
    places, taking = iter(enumerate(due)), threading.Lock()
    start = time.perf_counter() + 0.05

    def client() -> None:
        while True:
            with taking:
                number, at = next(places, (-1, 0.0))
            if number < 0:
                return
            time.sleep(max(0.0, start + at - time.perf_counter()))
            result = finished(work(number))
            tally.add(result, time.perf_counter() - start - at)

    _threads(client, min(OPEN_WORKERS, len(due)))
    return tally


async def open_load_async(work: Work, rate: float, seconds: float) -> Tally:
    """The same with a task for each operation."""
    tally, due = Tally(), arrivals(rate, seconds)
    start = time.perf_counter() + 0.05

    async def one(number: int, at: float) -> None:
        result = await work(number)
        tally.add(result, time.perf_counter() - start - at)

    tasks: list[asyncio.Task[None]] = []
    for number, at in enumerate(due):
        await asyncio.sleep(max(0.0, start + at - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number, at)))
    await asyncio.gather(*tasks)
    return tally


def percentiles(seconds: list[float]) -> dict[str, float]:
    """The usual ones, in microseconds."""
    ordered = sorted(seconds) or [0.0]
    last = len(ordered) - 1
    places = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "max": 100.0}
    return {
        name: ordered[min(last, int(len(ordered) * percent / 100))] * 1e6
        for name, percent in places.items()
    }
