"""What perdure is compared with: pykka alone, in memory, and SQLite alone, on the disk."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pykka

from perdure.benchmarks.bench import Bench, check
from perdure.benchmarks.measuring.drivers import in_threads, in_window
from perdure.benchmarks.report.figures import percentile

TELL_RUNS = 5


class PykkaCounter(pykka.ThreadingActor):
    """The counter, as an actor that forgets everything."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def on_receive(self, message: Any) -> int:
        self.value += message
        return self.value


@contextmanager
def _actor() -> Generator[pykka.ActorRef[PykkaCounter]]:
    actor = PykkaCounter.start()
    try:
        yield actor
    finally:
        actor.stop()


def tells_per_second(bench: Bench) -> float:
    """One thread tells one actor, until the last message is handled: the median of five.

    A single one is at half or twice the speed of the next, as the system happens to put its two
    threads on one core or two, and a ratio to it would be a ratio to that.
    """
    return statistics.median(_tells_per_second(bench) for _ in range(TELL_RUNS))


def _tells_per_second(bench: Bench) -> float:
    count = bench.count(40_000)
    with _actor() as actor:
        tell = actor.tell
        begun = time.perf_counter()
        for _ in range(count):
            tell(1)
        total = actor.ask(0)
        seconds = time.perf_counter() - begun
    check("told", total, count)
    return count / seconds


def window_asks_per_second(bench: Bench) -> float:
    """One thread asks one actor and holds 64 futures."""
    count = bench.count(50_000)
    with _actor() as actor:
        seconds = in_window(count, lambda _: actor.ask(1, block=False))
        check("asked", actor.ask(0), count)
    return count / seconds


def threads_asks_per_second(bench: Bench) -> float:
    """64 threads ask one actor, and each waits for its answer."""
    each = bench.count(300)
    with _actor() as actor:
        seconds = in_threads(each, lambda _: actor.ask(1))
        check("asked", actor.ask(0), 64 * each)
    return 64 * each / seconds


@contextmanager
def _table(bench: Bench) -> Generator[sqlite3.Connection]:
    path = bench.new_path()
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, event BLOB)")
        yield connection
    finally:
        connection.close()
        Path(path).unlink()


def raw_commit_micros(bench: Bench) -> float:
    """The median time of one commit of one row of 100 bytes, ``synchronous = FULL``.

    Measured once the write-ahead log, of 1,000 pages, no longer grows: commits are then nearly
    twice as fast. A call of perdure's writes several pages and is there after 250.
    """
    count = bench.count(1_000, least=20)
    first = bench.count(1_200)
    event = b"x" * 100
    taken: list[float] = []
    with _table(bench) as connection:
        for _ in range(first + count):
            begun = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO log (event) VALUES (?)", (event,))
            connection.execute("COMMIT")
            taken.append(time.perf_counter() - begun)
        check(
            "rows", connection.execute("SELECT count(*) FROM log").fetchone(), (first + count,)
        )
    return percentile(taken[first:], 50) * 1e6


def raw_rows_per_second(bench: Bench) -> float:
    """Rows of 100 bytes in commits of 100 rows, ``synchronous = FULL``."""
    commits = bench.count(500, least=5)
    rows = [(b"x" * 100,)] * 100
    with _table(bench) as connection:
        begun = time.perf_counter()
        for _ in range(commits):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO log (event) VALUES (?)", rows)
            connection.execute("COMMIT")
        seconds = time.perf_counter() - begun
    return 100 * commits / seconds
