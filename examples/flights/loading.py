"""The parent's side: start the worker, kill it, start it again, read the totals."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import attrs

import perdure
from examples.flights.dataset import ROOT
from examples.flights.entities import Airport, Carrier, Ledger, Plane
from examples.flights.expected import Fields

E = TypeVar("E", bound=perdure.Entity)

DELAYS = ("delay", "worst_day", "worst_day_delay")
KINDS: dict[str, tuple[type[perdure.Entity], tuple[str, ...]]] = {
    "airport": (Airport, ("departures", "cancelled", "arrivals", "missed", *DELAYS)),
    "carrier": (Carrier, ("flights", "cancelled", "miles", "books", *DELAYS)),
    "ledger": (Ledger, ("days", "outliers", "flights", "cancelled", "miles", "delay")),
    "plane": (Plane, ("flights", "cancelled", "miles", "delay", "route", "day")),
}
COUNTERS = {"airport": ("departures", "arrivals", "missed"), "ledger": ()}
PATIENCE_SECONDS = 60.0


class LoadError(Exception):
    """The load went wrong in a way that no kill explains."""


@attrs.frozen(kw_only=True)
class Job:
    """What to load, and where to.

    Attributes:
        stop: how many flights.
        chunk: flights in one signal.
        window: signals that become durable together.
    """

    store: Path
    data: Path
    stop: int
    chunk: int = 50
    window: int = 10

    def worker(self) -> subprocess.Popen[str]:
        """Start a process that loads the rest."""
        module = [sys.executable, "-m", "examples.flights.worker"]
        options = ["--stop", self.stop, "--chunk", self.chunk, "--window", self.window]
        return subprocess.Popen(
            [*module, str(self.store), str(self.data), *map(str, options)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )


def remove_store(store: Path) -> None:
    """Delete a store that no process has open, with the files beside it."""
    for path in store.parent.glob(f"{store.name}*"):
        path.unlink()


def load(
    job: Job,
    kills: Sequence[int],
    *,
    chance: random.Random,
    progress: Callable[[int, int], None],
    show: Callable[[str], None],
) -> int:
    """Load all of *job* and close its nights, killing the worker once for each of *kills*.

    Args:
        kills: how many flights shall be handed on before each kill, ascending; those that
            are left when all flights are in come while nights wait for their approval.
        progress: is told the flights handed on and the kills so far.
        show: is told what the worker says beside that.

    Returns:
        How often a worker was killed.
    """
    waiting, killed = list(kills), 0
    while True:
        worker = job.worker()
        assert worker.stdout is not None
        with worker.stdout as lines:
            for line in lines:
                handed_on = job.stop
                if line.strip().isdecimal():
                    handed_on = int(line)
                    progress(handed_on, killed)
                else:
                    show(line.strip())
                if waiting and handed_on >= waiting[0]:
                    time.sleep(chance.uniform(0.0, 0.03))
                    worker.kill()
                    waiting.pop(0)
        code = worker.wait()
        if code == 0:
            return killed
        if code != -9:
            msg = f"the worker ended with {code}; what it wrote to stderr says why"
            raise LoadError(msg)
        killed += 1


def found(client: perdure.Client) -> dict[str, dict[str, Fields]]:
    """The totals that the entities hold."""
    return {
        kind: {
            snapshot.id.key: {name: getattr(snapshot.state, name) for name in names}
            for snapshot in snapshots(client, cls)
        }
        for kind, (cls, names) in KINDS.items()
    }


def snapshots(client: perdure.Client, cls: type[E]) -> Iterator[perdure.EntitySnapshot[E]]:
    """Every entity of *cls*, page by page."""
    after: str | None = ""
    while after is not None:
        page = client.entities(cls, limit=500, after=after)
        yield from page.items
        after = page.next


def settle(client: perdure.Client, flights: int) -> None:
    """Wait until every signal has been applied.

    Raises:
        LoadError: nothing has moved for a minute and totals are still missing.
    """
    last, since = -1, time.monotonic()
    while (counted := _counted(client)) < 4 * flights:
        if counted != last:
            last, since = counted, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            msg = f"{counted} signals of {4 * flights} were applied, and no more come"
            raise LoadError(msg)
        time.sleep(0.05)


def _counted(client: perdure.Client) -> int:
    return sum(
        getattr(snapshot.state, name)
        for kind, (cls, _) in KINDS.items()
        for snapshot in snapshots(client, cls)
        for name in COUNTERS.get(kind, ("flights",))
    )
