"""What orchestrations cost while they wait, and what a long history costs.

What is about whole processes runs in some of their own, as in ``footprint``.
"""

from __future__ import annotations

import sys
import time

from perdure.benchmarks.bench import WAIT_SECONDS, Bench, MismatchError, check, remove_store
from perdure.benchmarks.measuring.drivers import REPLY_SECONDS, THREADS, in_threads
from perdure.benchmarks.measuring.footprint import child
from perdure.benchmarks.measuring.residence import resident_kib
from perdure.benchmarks.report.figures import Turn, percentile
from perdure.benchmarks.subjects.entities import bench_app
from perdure.benchmarks.subjects.orchestrators import long_past, sequence, wait
from perdure.orchestration.client import EmbeddedClient

WAITING = 100_000
PAST = 5_000
"""Activities in a long past: each makes two events."""
YOUNG = 5


def _start_waiting(client: EmbeddedClient, count: int) -> float:
    """Start *count* orchestrations that wait for an event; the seconds that it takes."""
    each = count // THREADS
    seconds = in_threads(each, lambda _: client.start(wait))
    check("orchestrations", client.count(name="wait")["Running"] >= THREADS * each, True)
    return seconds


def starting(bench: Bench) -> Turn:
    """Starts per second of orchestrations that wait, from 64 threads, all durable."""
    count = bench.count(WAITING, least=THREADS)
    with bench.client() as client:
        seconds = _start_waiting(client, count)
        check("waiting", client.count(), {"Running": count // THREADS * THREADS})
    return Turn(count // THREADS * THREADS / seconds)


def memory(bench: Bench) -> Turn:
    """What a store in which 100,000 wait adds to a process that runs a new one."""
    few, many = (_resident(bench, count) for count in (THREADS, bench.count(WAITING)))
    return Turn(max(0.0, many - few))


def _resident(bench: Bench, waiting: int) -> float:
    path = bench.new_path()
    child("-m", __name__, "fill", path, str(waiting))
    kib = child("-m", __name__, "memory", path, "0")
    remove_store(path)
    return kib


def restart(bench: Bench) -> Turn:
    """Process start to the first new result, with 100,000 that wait, against an empty store."""
    count = bench.count(WAITING, least=THREADS)
    empty, full = bench.new_path(), bench.new_path()
    taken: dict[str, list[float]] = {empty: [], full: []}
    child("-m", __name__, "fill", full, str(count))
    child("-m", __name__, "fill", empty, "0")
    for _ in range(bench.count(5)):
        for path in (empty, full):
            begun = time.monotonic()
            taken[path].append(child("-m", __name__, "first", path, "0") - begun)
    remove_store(empty)
    remove_store(full)
    return Turn(percentile(taken[full], 50), percentile(taken[empty], 50))


def long_activation(bench: Bench) -> Turn:
    """After a restart, the first event of an orchestration with a history of 10,000 events."""
    path = bench.new_path()
    old = bench.count(PAST, least=50)
    with bench.client(path) as client:
        _run_past(client, "old", old)
    with bench.client(path) as client:
        _run_past(client, "young", YOUNG)
        begun = time.perf_counter()
        ref = client.orchestration("old")
        ref.raise_event("more", data=True)
        seconds = time.perf_counter() - begun
        ref.raise_event("more", data=False)
        check("old", ref.result(REPLY_SECONDS), old + 1)
    remove_store(path)
    return Turn(seconds)


def long_turns(bench: Bench) -> Turn:
    """An event of an active orchestration with a history of 10,000 events, against 10; p50."""
    old, count = bench.count(PAST, least=50), bench.count(500, least=10)
    taken: dict[str, list[float]] = {"old": [], "young": []}
    with bench.client() as client:
        for name, activities in (("old", old), ("young", YOUNG)):
            _run_past(client, name, activities)
        for number in range(2 * count):
            for name, times in taken.items():
                begun = time.perf_counter()
                client.orchestration(name).raise_event("more", data=True)
                if number >= count:
                    times.append(time.perf_counter() - begun)
        for name, activities in (("old", old), ("young", YOUNG)):
            ref = client.orchestration(name)
            ref.raise_event("more", data=False)
            check(name, ref.result(REPLY_SECONDS), activities + 2 * count)
    medians = {name: percentile(times, 50) * 1e6 for name, times in taken.items()}
    return Turn(medians["old"], medians["young"])


def _run_past(client: EmbeddedClient, name: str, activities: int) -> None:
    """Start one and wait until its activities are done."""
    ref = client.start(long_past, activities, instance_id=name)
    deadline = time.monotonic() + WAIT_SECONDS
    while (status := ref.status()) is None or status.custom_status != activities:
        if time.monotonic() > deadline:
            msg = f"{name}: {status} instead of {activities} activities"
            raise MismatchError(msg)
        time.sleep(0.001)


# ---- in processes of their own ------------------------------------------------------------


def _memory(path: str) -> float:
    before = resident_kib()
    with bench_app().open(path) as client:
        check("first", client.start(sequence, 1).result(REPLY_SECONDS), 4)
        return resident_kib() - before


def _first(path: str) -> float:
    with bench_app().open(path) as client:
        check("first", client.start(sequence, 1).result(REPLY_SECONDS), 4)
        return time.monotonic()


def main(work: str, path: str, count: str) -> None:
    """Do one measurement in this process and print its number."""
    match work:
        case "fill":
            with bench_app().open(path) as client:
                if int(count):
                    _start_waiting(client, int(count))
            print(0)
        case "memory":
            print(_memory(path))
        case "first":
            print(_first(path))
        case _:
            msg = f"no measurement is called {work!r}"
            raise ValueError(msg)


if __name__ == "__main__":
    main(*sys.argv[1:])
