"""How many orchestrations, activities and transfers per second, and how long one takes."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from perdure.benchmarks.bench import Bench, check, remove_store, seconds_of
from perdure.benchmarks.measuring.drivers import REPLY_SECONDS, WINDOW
from perdure.benchmarks.measuring.references import raw_commit_micros, tells_per_second
from perdure.benchmarks.report.figures import Turn, percentile
from perdure.benchmarks.subjects.orchestrators import (
    FAN,
    STEPS,
    Account,
    fan_out,
    sequence,
    transfer,
)
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.refs import OrchestrationRef

ACCOUNTS = 1_000


def sequences(bench: Bench) -> Turn:
    """Orchestrations of three activities, 64 in flight, against ``tell``."""
    reference = tells_per_second(bench)
    count = WINDOW * bench.count(60)
    path = bench.new_path()
    with bench.client(path) as client:
        seconds, results = _in_flight(client, sequence, [1] * count)
        check("results", set(results), {1 + STEPS})
        check("orchestrations", client.count(), {"Completed": count})
    _check_histories(path, count, 2 * STEPS + 2)
    remove_store(path)
    return Turn(count / seconds, reference)


def _in_flight(
    client: EmbeddedClient, orchestrator: Callable[..., Any], inputs: Sequence[Any]
) -> tuple[float, list[Any]]:
    """Start one with each input, 64 in flight, from this thread; the seconds, the results."""
    waiting: list[OrchestrationRef[Any]] = []
    results: list[Any] = []
    begun = time.perf_counter()
    with client.pipeline() as pipeline:
        for first in range(0, len(inputs), WINDOW // 2):
            started: list[OrchestrationRef[Any]] = []
            for number, given in enumerate(inputs[first : first + WINDOW // 2], first):
                ref = client.orchestration(f"i{number}").watch()
                pipeline.start(orchestrator, given, instance_id=ref.id)
                started.append(ref)
            pipeline.wait()  # until they are durable: before that there is nothing to wait for
            results.extend(ref.result(REPLY_SECONDS) for ref in waiting)
            waiting = started
        results.extend(ref.result(REPLY_SECONDS) for ref in waiting)
    return time.perf_counter() - begun, results


def _run_sequence(client: EmbeddedClient) -> None:
    result = client.start(sequence, 1).result(REPLY_SECONDS)
    if result != 1 + STEPS:
        check("a sequence's result", result, 1 + STEPS)


def _check_histories(path: str, orchestrations: int, events: int) -> None:
    """Look into the closed file, past perdure: are all events there, and does nothing wait?"""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        found = "SELECT sum(count), count(DISTINCT stream) FROM turns"
        wanted = (orchestrations * events, orchestrations)
        check("events, orchestrations", connection.execute(found).fetchone(), wanted)
        waiting = connection.execute("SELECT count(*) FROM inbox").fetchone()
        check("waiting messages", waiting, (0,))
    finally:
        connection.close()


def single_sequence(bench: Bench) -> Turn:
    """Three activities, with nothing else in flight, p50, against one raw commit of one row."""
    reference = raw_commit_micros(bench)
    count, first = bench.count(500, least=20), bench.count(250)
    with bench.client() as client:
        taken = [seconds_of(lambda: _run_sequence(client)) for _ in range(first + count)]
        check("orchestrations", client.count(), {"Completed": first + count})
    return Turn(percentile(taken[first:], 50) * 1e6, reference)


def fan_outs(bench: Bench) -> Turn:
    """Activities of orchestrations that wait for a thousand at once, against ``tell``."""
    reference = tells_per_second(bench)
    count = bench.count(20)
    path = bench.new_path()
    with bench.client(path) as client:
        begun = time.perf_counter()
        for _ in range(count):
            result = client.start(fan_out, FAN).result(REPLY_SECONDS)
            check("a fan-out's result", result, FAN * (FAN + 1) // 2)
        seconds = time.perf_counter() - begun
    _check_histories(path, count, 2 * FAN + 2)
    remove_store(path)
    return Turn(count * FAN / seconds, reference)


def transfers(bench: Bench) -> Turn:
    """Transfers between 2 of 1,000 accounts under locks, 64 in flight, against ``tell``."""
    reference = tells_per_second(bench)
    count = WINDOW * bench.count(40)
    draw = random.Random(7)
    keys = [str(number) for number in range(ACCOUNTS)]
    pairs = [draw.sample(keys, 2) for _ in range(count)]

    with bench.client() as client:
        seconds, _ = _in_flight(client, transfer, [(giver, taker) for giver, taker in pairs])
        check("transfers", client.count(), {"Completed": len(pairs)})
        _check_balances(client, pairs)
    return Turn(len(pairs) / seconds, reference)


def _check_balances(client: EmbeddedClient, pairs: list[list[str]]) -> None:
    """Whether each account has what all transfers together make of it."""
    wanted: dict[str, int] = {}
    for giver, taker in pairs:
        wanted[giver] = wanted.get(giver, 0) - 1
        wanted[taker] = wanted.get(taker, 0) + 1
    totals = {key: client.entity(Account, key).call(Account.total) for key in wanted}
    found = {key: total.get(REPLY_SECONDS) for key, total in totals.items()}
    check("balances", found, wanted)
