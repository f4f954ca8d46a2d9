"""How many signals and calls per second, against pykka's in memory and SQLite's rows."""

from __future__ import annotations

import sqlite3
import time

from perdure.benchmarks.bench import Applied, Bench, check, remove_store
from perdure.benchmarks.measuring.drivers import REPLY_SECONDS, THREADS, in_threads, in_window
from perdure.benchmarks.measuring.references import (
    raw_rows_per_second,
    tells_per_second,
    threads_asks_per_second,
    window_asks_per_second,
)
from perdure.benchmarks.report.figures import Turn
from perdure.benchmarks.subjects.entities import Counter

HOT = 100
"""Entities that a pipeline signals again and again."""


def signals(bench: Bench) -> Turn:
    """Signals to 100 entities, until all are durable and applied, against ``tell``."""
    reference = tells_per_second(bench)
    return Turn(_signals_per_second(bench, bench.count(100_000), HOT), reference)


def signals_to_many(bench: Bench) -> Turn:
    """One signal to each of 100,000 entities that are not active, against ``tell``."""
    reference = tells_per_second(bench)
    count = bench.count(100_000)
    return Turn(_signals_per_second(bench, count, count), reference)


def signals_as_rows(bench: Bench) -> Turn:
    """Signals to 100 entities, against rows that SQLite takes in commits of 100."""
    reference = raw_rows_per_second(bench)
    return Turn(_signals_per_second(bench, bench.count(100_000), HOT), reference)


def _signals_per_second(bench: Bench, count: int, entities: int) -> float:
    path = bench.new_path()
    with bench.client(path) as client:
        applied = Applied(client.node)
        add = Counter.add
        begun = time.perf_counter()
        with client.pipeline() as pipeline:
            refs = [pipeline.entity(Counter, f"c{number}") for number in range(entities)]
            for number in range(count):
                refs[number % entities].signal(add, 1)
        applied.wait(count)
        seconds = time.perf_counter() - begun
        applied.close()
    _check_turns(path, count, min(count, entities))
    remove_store(path)
    return count / seconds


def _check_turns(path: str, operations: int, entities: int) -> None:
    """Look into the closed file, past perdure: is everything there, once?"""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        turns = "SELECT sum(count), count(DISTINCT stream) FROM turns"
        check(
            "operations, entities", connection.execute(turns).fetchone(), (operations, entities)
        )
        versions = "SELECT sum(version) FROM actors"
        check("versions", connection.execute(versions).fetchone(), (operations,))
    finally:
        connection.close()


def calls(bench: Bench) -> Turn:
    """One thread calls one entity and holds 64 replies, against ``ask(block=False)``."""
    reference = window_asks_per_second(bench)
    count = bench.count(50_000)
    with bench.client() as client:
        counter = client.entity(Counter, "visits")
        add = Counter.add
        seconds = in_window(count, lambda _: counter.call(add, 1))
        check("called", counter.call(Counter.total).get(REPLY_SECONDS), count)
    return Turn(count / seconds, reference)


def calls_to_many(bench: Bench) -> Turn:
    """The same with 64 entities in turn, so that no two calls share a row."""
    reference = window_asks_per_second(bench)
    each = bench.count(500)
    with bench.client() as client:
        counters = [client.entity(Counter, f"c{number}") for number in range(64)]
        add = Counter.add
        seconds = in_window(64 * each, lambda number: counters[number % 64].call(add, 1))
        found = {counter.call(Counter.total).get(REPLY_SECONDS) for counter in counters}
        check("called", found, {each})
    return Turn(64 * each / seconds, reference)


def calls_from_threads(bench: Bench) -> Turn:
    """64 threads call one entity and each waits, against ``ask`` from 64 threads."""
    reference = threads_asks_per_second(bench)
    each = bench.count(300)
    with bench.client() as client:
        counter = client.entity(Counter, "visits")
        add = Counter.add
        seconds = in_threads(each, lambda _: counter.call(add, 1).get(REPLY_SECONDS))
        check("called", counter.call(Counter.total).get(REPLY_SECONDS), THREADS * each)
    return Turn(THREADS * each / seconds, reference)


def readonly_calls(bench: Bench) -> Turn:
    """Calls that change nothing, 64 replies held, against ``ask(block=False)``."""
    reference = window_asks_per_second(bench)
    count = bench.count(50_000)
    with bench.client() as client:
        counter = client.entity(Counter, "visits")
        counter.call(Counter.add, 7).get(REPLY_SECONDS)
        total = Counter.total
        seconds = in_window(count, lambda _: counter.call(total))
        check("total", counter.call(total).get(REPLY_SECONDS), 7)
    return Turn(count / seconds, reference)
