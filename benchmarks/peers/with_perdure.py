"""perdure: as a library in the process that uses it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import perdure
from perdure.benchmarks.bench import Applied
from perdure.benchmarks.subjects.entities import Counter, bench_app
from perdure.benchmarks.subjects.gates import Gate, held_step, include_held
from perdure.benchmarks.subjects.orchestrators import Account, fan_out, sequence, transfer, wait

REPLY_SECONDS = 120.0
HELD_SECONDS = 240.0
GROUP = 1_000
"""Signals between two looks at the clock."""


class Waiting:
    """A result to hold."""

    def __init__(self, ref: perdure.OrchestrationRef[Any]) -> None:
        self.ref = ref

    def get(self, *, timeout: float | None = None) -> Any:
        return self.ref.result(timeout)


class System:
    """One store, one client."""

    name = "perdure"
    durability = "SQLite, WAL, synchronous = FULL: an fsync before anything is answered"
    client = "one thread, which holds as many replies or references as are in flight"
    shape = "window"

    def __init__(self) -> None:
        self.serial = itertools.count()
        self.served: Any = None  # a Served: its module needs the extra bench

    def version(self) -> str:
        return perdure.__version__

    def start(self, folder: Path) -> None:
        self.gate = Gate(folder / "gate")
        app = bench_app()
        include_held(app, self.gate)
        self.path = folder / "perdure.db"
        self.opened = app.open(str(self.path))
        self.applied = Applied(self.opened.node)

    def stop(self) -> None:
        if self.served is not None:
            self.served.close()
        self.applied.close()
        self.opened.close()

    # ---- counters ---------------------------------------------------------------------------

    def signal(self, key: str) -> None:
        self.opened.entity(Counter, key).signal(Counter.add, 1)

    def call(self, key: str) -> Any:
        return self.opened.entity(Counter, key).call(Counter.add, 1)

    def total(self, key: str) -> int:
        return self.opened.entity(Counter, key).call(Counter.total).get(REPLY_SECONDS)

    def load_signal(self, keys: list[str], seconds: float) -> tuple[int, int]:
        """Signals through a pipeline, which returns once all are durable."""
        count, end = 0, time.perf_counter() + seconds
        self.before = self.applied.count
        with self.opened.pipeline() as pipeline:
            refs = [pipeline.entity(Counter, key) for key in keys]
            while not count or time.perf_counter() < end:
                for number in range(count, count + GROUP):
                    refs[number % len(refs)].signal(Counter.add, 1)
                count += GROUP
        return count, 0

    def settle(self, count: int) -> None:
        self.applied.wait(self.before + count)

    def fill(self, count: int, keys: int, first: int) -> None:
        before = self.applied.count
        with self.opened.pipeline() as pipeline:
            for number in range(first, first + count):
                pipeline.entity(Counter, f"c{number % keys}").signal(Counter.add, 1)
        self.applied.wait(before + count)

    def http_call(self, key: str) -> Any:
        """Through ``perdure serve``, which has its own store and starts at the first call."""
        if self.served is None:
            through_http = import_module("perdure.benchmarks.peers.through_http")
            self.served = through_http.Served(self.path.parent)
        return self.served.call(key)

    def http_total(self, key: str) -> int:
        return int(self.served.total(key))

    # ---- orchestrations ---------------------------------------------------------------------

    def sequence(self, number: int) -> Waiting:
        return Waiting(self.opened.start(sequence, number))

    def load_sequence(self, in_flight: int, seconds: float) -> tuple[int, int]:
        return self._load(sequence, itertools.repeat(1), in_flight, seconds)

    def fan_out(self, width: int) -> Waiting:
        return Waiting(self.opened.start(fan_out, width))

    def transfer(self, giver: str, taker: str) -> Waiting:
        return Waiting(self.opened.start(transfer, (giver, taker)))

    def load_transfer(
        self, in_flight: int, seconds: float, pairs: Sequence[Sequence[str]]
    ) -> tuple[int, int]:
        between = itertools.cycle([(giver, taker) for giver, taker in pairs])
        return self._load(transfer, between, in_flight, seconds)

    def balance(self, key: str) -> int:
        return self.opened.entity(Account, key).call(Account.total).get(REPLY_SECONDS)

    def _load(
        self,
        orchestrator: Callable[..., Any],
        inputs: Iterator[Any],
        in_flight: int,
        seconds: float,
    ) -> tuple[int, int]:
        """Start half of them through a pipeline, then wait for the other half, and so on."""
        half = max(1, in_flight // 2)
        if in_flight == 1:
            return self._one_by_one(orchestrator, inputs, seconds)
        results: list[int] = []
        waiting: list[perdure.OrchestrationRef[Any]] = []
        end = time.perf_counter() + seconds
        with self.opened.pipeline() as pipeline:
            while not results or time.perf_counter() < end:
                started: list[perdure.OrchestrationRef[Any]] = []
                for given in itertools.islice(inputs, half):
                    ref = self.opened.orchestration(f"o{next(self.serial)}").watch()
                    pipeline.start(orchestrator, given, instance_id=ref.id)
                    started.append(ref)
                pipeline.wait()  # until then there is nothing to wait for
                results.extend(ref.result(REPLY_SECONDS) for ref in waiting)
                waiting = started
            results.extend(ref.result(REPLY_SECONDS) for ref in waiting)
        return len(results), sum(results)

    def _one_by_one(
        self, orchestrator: Callable[..., Any], inputs: Iterator[Any], seconds: float
    ) -> tuple[int, int]:
        results: list[int] = []
        end = time.perf_counter() + seconds
        while not results or time.perf_counter() < end:
            results.append(self.opened.start(orchestrator, next(inputs)).result(REPLY_SECONDS))
        return len(results), sum(results)

    # ---- what waits, and what is killed in the middle of a step -----------------------------

    def wait(self, count: int, first: int) -> None:
        """Start so many that wait for an event, which never comes."""
        with self.opened.pipeline() as pipeline:
            for number in range(first, first + count):
                pipeline.start(wait, instance_id=f"waiting{number}")
        deadline = time.monotonic() + REPLY_SECONDS
        while self.opened.count(prefix="waiting").get("Running", 0) < first + count:
            if time.monotonic() > deadline:
                msg = f"{self.opened.count(prefix='waiting')} instead of {first + count}"
                raise TimeoutError(msg)
            time.sleep(0.2)

    def hold(self, count: int) -> None:
        """Start so many whose activity does not end while the gate is closed."""
        self.gate.close()
        with self.opened.pipeline() as pipeline:
            for number in range(count):
                pipeline.start(held_step, 1, instance_id=f"held{number}")
        deadline = time.monotonic() + REPLY_SECONDS
        while self.opened.count(prefix="held").get("Running", 0) < count:
            if time.monotonic() > deadline:
                msg = f"{self.opened.count(prefix='held')} instead of {count} that run"
                raise TimeoutError(msg)
            time.sleep(0.05)

    def held(self, count: int) -> tuple[int, float]:
        """Wait until all of them have ended, and count them, which has a time of its own."""
        deadline = time.monotonic() + HELD_SECONDS
        while True:
            while not self.opened.node.partition.idle() and time.monotonic() < deadline:
                time.sleep(0.005)
            begun = time.monotonic()
            done = self.opened.count(prefix="held").get("Completed", 0)
            if done >= count or begun > deadline:
                return done, time.monotonic() - begun
