"""Kill a loading process at random moments, again and again; every total must be right.

Run as ``python -m tests.torture.kill_loop --kills 200 --minutes 4``. A round loads a slice of
the flights into a new store; the worker is killed at moments spread over its whole life, from
the interpreter's start through the store's recovery to its last commit. A round ends when a
worker came to the end by itself; then the totals are compared with a plain pass and the store
is verified.
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import attrs
import click

from examples.flights import dataset, expected
from examples.flights.loading import Job, found, settle
from examples.flights.timetable import app

SLICE = 3_000
EARLY_KILLS = 0.25
"""The share of kills aimed at start and recovery; the others hit a worker that loads."""


@attrs.define
class Tally:
    """What happened so far."""

    kills: int = 0
    rounds: int = 0
    before_ready: int = 0


def run_once(job: Job, chance: random.Random, *, mercy: bool) -> tuple[int, bool]:
    """Start one worker and kill it some time later, unless *mercy*.

    Returns:
        Its exit code, and whether it had the store open.
    """
    worker = job.worker()
    assert worker.stdout is not None
    with worker.stdout as lines:
        ready = False
        if not mercy and chance.random() < EARLY_KILLS:
            time.sleep(chance.uniform(0.0, 0.5))
            worker.kill()
        for _ in lines:
            if not ready and not mercy:
                time.sleep(chance.uniform(0.0, 0.25))
                worker.kill()
            ready = True
    return worker.wait(), ready


def run_round(job: Job, chance: random.Random, tally: Tally, *, kills: int) -> None:
    """Load one slice through up to *kills* kills, then check everything."""
    left = kills
    while True:
        code, ready = run_once(job, chance, mercy=left == 0)
        if code == 0:
            break
        if code != -signal.SIGKILL:
            msg = f"a worker ended with {code}: its store is kept at {job.store}"
            raise SystemExit(msg)
        left -= 1
        tally.kills += 1
        tally.before_ready += not ready
    with app.open(str(job.store)) as client:
        settle(client, job.stop)
        wrong = expected.differences(
            expected.totals(dataset.read(job.data, stop=job.stop)), found(client)
        )
        wrong += [str(damage) for damage in client.verify()]
    if wrong:
        msg = f"wrong after {tally.kills} kills; the store is kept at {job.store}"
        raise SystemExit("\n".join([msg, *wrong[:20]]))
    tally.rounds += 1


@click.command()
@click.option("--kills", type=click.IntRange(1), default=200, help="How often to kill.")
@click.option("--minutes", type=float, default=4.0, help="Begin no new round after these.")
@click.option("--seed", type=int, help="Makes the moments repeatable, as far as they can be.")
def main(kills: int, minutes: float, seed: int | None) -> None:
    """Kill -9 the flights example's worker at random moments and check every total."""
    seed = random.randrange(1 << 32) if seed is None else seed
    chance, tally = random.Random(seed), Tally()
    started = time.monotonic()
    while tally.kills < kills and time.monotonic() - started < 60 * minutes:
        folder = Path(tempfile.mkdtemp(prefix="perdure-torture-"))
        job = Job(
            store=folder / "torture.db",
            data=dataset.SAMPLE,
            stop=SLICE,
            chunk=chance.choice((5, 20, 50)),
            window=chance.choice((1, 3, 20)),
        )
        run_round(job, chance, tally, kills=min(10, kills - tally.kills))
        shutil.rmtree(folder)
    seconds = time.monotonic() - started
    print(
        f"{tally.kills} kills ({tally.before_ready} before the store was open) in "
        f"{tally.rounds} rounds and {seconds:.0f} s, seed {seed}: nothing lost or doubled"
    )


if __name__ == "__main__":
    main()
