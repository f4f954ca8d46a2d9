"""The bench cleans up, and wrong counts do not pass."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from perdure.benchmarks.bench import Applied, Bench, MismatchError, check, is_in_memory
from perdure.benchmarks.measuring.drivers import THREADS, in_threads, in_window
from perdure.benchmarks.subjects.entities import Counter


def test_a_bench_leaves_nothing_behind(tmp_path: Path) -> None:
    with Bench.beside(tmp_path, scale=1.0, full=False) as bench, bench.client() as client:
        client.entity(Counter, "visits").signal(Counter.add, 1)

    assert list(tmp_path.iterdir()) == []


def test_applied_operations_are_counted_when_they_are_durable(tmp_path: Path) -> None:
    with Bench.beside(tmp_path, scale=1.0, full=False) as bench, bench.client() as client:
        applied = Applied(client.node)
        counter = client.entity(Counter, "visits")
        for _ in range(5):
            counter.signal(Counter.add, 2)
        applied.wait(5)

        assert applied.count == 5
        assert counter.call(Counter.total).get(timeout=10) == 10


def test_a_count_that_differs_is_an_error() -> None:
    with pytest.raises(MismatchError, match="applied: 4 instead of 5"):
        check("applied", 4, 5)


def test_proc_is_no_memory_file_system() -> None:
    assert not is_in_memory(Path("/proc"))


class Answered:
    def get(self, *, timeout: float | None = None) -> None:
        del timeout


def test_a_window_sends_every_number_once() -> None:
    sent: list[int] = []

    def send(number: int) -> Answered:
        sent.append(number)
        return Answered()

    in_window(200, send)

    assert sent == list(range(200))


def test_threads_do_all_their_requests() -> None:
    counting = threading.Lock()
    done = dict.fromkeys(range(THREADS), 0)

    def request(number: int) -> None:
        with counting:
            done[number] += 1

    in_threads(3, request)

    assert set(done.values()) == {3}


def test_the_error_of_a_thread_is_raised_by_the_driver() -> None:
    def request(number: int) -> None:
        if number == 7:
            raise KeyError(number)

    with pytest.raises(KeyError, match="7"):
        in_threads(1, request)
