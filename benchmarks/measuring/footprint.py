"""What a program pays: memory per entity, seconds until perdure is imported and has answered.

Each figure is of a process of its own, which prints one number.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from perdure.benchmarks.bench import Bench, MismatchError, check, remove_store
from perdure.benchmarks.measuring.drivers import REPLY_SECONDS
from perdure.benchmarks.measuring.residence import resident_kib
from perdure.benchmarks.report.figures import Turn
from perdure.benchmarks.subjects.entities import Counter, bench_app

CHILD_SECONDS = 600.0

_IMPORT = """
import time
begun = time.perf_counter()
import perdure
print(time.perf_counter() - begun)
"""

_FIRST_CALL = """
import sys, time
import perdure
app = perdure.App()
@app.entity
class Counter(perdure.Entity):
    value: int = 0
    def add(self, amount: int) -> int:
        self.value += amount
        return self.value
with app.open(sys.argv[1]) as client:
    assert client.entity(Counter, "visits").call(Counter.add, 1).get(timeout=30) == 1
    print(time.monotonic())
"""


def child(*arguments: str) -> float:
    """Run Python with *arguments* and return the number that it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
    )
    if done.returncode:
        msg = f"a benchmark's process failed: {done.stderr.strip()[-500:]}"
        raise MismatchError(msg)
    return float(done.stdout)


def import_time(bench: Bench) -> Turn:
    """``import perdure`` in a new process."""
    del bench
    return Turn(child("-c", _IMPORT))


def first_call(bench: Bench) -> Turn:
    """From the start of a new process until its first call is durable."""
    path = bench.new_path()
    begun = time.monotonic()
    ended = child("-c", _FIRST_CALL, path)
    remove_store(path)
    return Turn(ended - begun)


def active_memory(bench: Bench) -> Turn:
    """What each of 100,000 active entities adds to the process."""
    path = bench.new_path()
    kib = child("-m", __name__, "active", path, str(bench.count(100_000)))
    remove_store(path)
    return Turn(kib)


def passive_memory(bench: Bench) -> Turn:
    """What a store of a million entities adds to a process that uses ten of them."""
    path = bench.new_path()
    few, many = 1_000, bench.count(1_000_000 if bench.full else 100_000)
    child("-m", __name__, "fill", path, str(few))
    with_few = child("-m", __name__, "passive", path, str(few))
    child("-m", __name__, "fill", path, str(many))
    with_many = child("-m", __name__, "passive", path, str(many))
    remove_store(path)
    return Turn(max(0.0, with_many - with_few))


def _fill(path: str, count: int) -> None:
    with bench_app().open(path) as client, client.pipeline() as pipeline:
        for number in range(count):
            pipeline.entity(Counter, f"c{number}").signal(Counter.add, 1)


def _active(path: str, count: int) -> float:
    others = count - 1  # one more than the cap, and a tenth would be passivated
    with bench_app().open(path) as client:
        client.entity(Counter, "first").call(Counter.add, 1).get(REPLY_SECONDS)
        before = resident_kib()
        with client.pipeline() as pipeline:
            for number in range(others):
                pipeline.entity(Counter, f"c{number}").signal(Counter.add, 1)
        client.entity(Counter, "first").call(Counter.add, 1).get(REPLY_SECONDS)
        after = resident_kib()
        check("active", client.status()["active"], count)
    return (after - before) / others


def _passive(path: str, count: int) -> float:
    before = resident_kib()
    with bench_app().open(path) as client:
        for number in range(0, count, count // 10):
            counter = client.entity(Counter, f"c{number}")
            check(f"c{number}", counter.call(Counter.total).get(REPLY_SECONDS) >= 1, True)
        return resident_kib() - before


def main(work: str, path: str, count: str) -> None:
    """Do one measurement in this process and print its number."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    match work:
        case "fill":
            _fill(path, int(count))
            print(0)
        case "active":
            print(_active(path, int(count)))
        case "passive":
            print(_passive(path, int(count)))
        case _:
            msg = f"no measurement is called {work!r}"
            raise ValueError(msg)


if __name__ == "__main__":
    main(*sys.argv[1:])
