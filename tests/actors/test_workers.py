"""Threads for work that may block come when they are needed, and go again."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from perdure.actors import workers
from perdure.actors.workers import Workers
from tests.orchestration.threaded import wait_until


def test_threads_that_nobody_needs_any_more_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.01)
    pool = Workers("test-workers")
    gate = threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        gate.wait(10)
        done.append(number)

    for number in range(20):
        pool.submit(partial(work, number))
    wait_until(lambda: pool.are_behind() and pool.size >= 12)
    gate.set()
    wait_until(lambda: len(done) == 20)

    wait_until(lambda: pool.size <= 4)
    pool.submit(lambda: done.append(20))
    wait_until(lambda: len(done) == 21)
    assert pool.stop(lambda: 5.0)
