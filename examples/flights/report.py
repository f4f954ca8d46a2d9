"""What the demo prints: progress, tables, and where the file lies."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Task as Bar
from rich.table import Table
from rich.text import Text

import perdure
from examples.flights import dataset
from examples.flights.entities import Airport, Ledger, Plane
from examples.flights.loading import snapshots
from examples.flights.nightly import ALL

LATEST_FLIGHTS = 8
LINE_SECONDS = 3.0
APPROVALS_SHOWN = 5


class RateColumn(ProgressColumn):
    """Flights per second."""

    def render(self, task: Bar) -> Text:
        """The rate since the start, or nothing yet."""
        return Text(f"{task.speed:,.0f} flights/s" if task.speed else "")


def progress_bar(console: Console) -> Progress:
    """A bar with the count, the rate, the time and the kills."""
    return Progress(
        TextColumn("[bold]loading"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TextColumn("[red]kill -9 x {task.fields[killed]}"),
        console=console,
    )


class ProgressLines:
    """The same where there is no terminal: a line every few seconds."""

    def __init__(
        self, console: Console, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._total = total
        self._clock = clock
        self._begun = self._told = clock()

    def update(self, handed_on: int, killed: int) -> None:
        """Print how far it is, if that was not told lately."""
        now = self._clock()
        if now - self._told < LINE_SECONDS:
            return
        self._told = now
        rate = handed_on / (now - self._begun)
        self._console.print(
            f"loading {handed_on:,} of {self._total:,} flights, {rate:,.0f} flights/s, "
            f"{now - self._begun:.0f} s, kill -9 x {killed}",
            soft_wrap=True,
        )


class Approvals:
    """The nights that waited for an approval, as the worker tells of them: some in full."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: set[str] = set()

    def show(self, line: str) -> None:
        """Tell of a night, once; a worker that was killed here tells of it again."""
        if line in self._seen:
            return
        self._seen.add(line)
        if len(self._seen) <= APPROVALS_SHOWN:
            self._console.print(f"[yellow]outlier[/] {line}: approved", soft_wrap=True)

    def tell_the_rest(self) -> None:
        """How many there were beside those that were shown."""
        rest = len(self._seen) - APPROVALS_SHOWN
        if rest > 0:
            self._console.print(f"[yellow]outlier[/] … and {rest} more nights, all approved")


def airports(client: perdure.Client, *, least: int) -> Table:
    """The airports that flights reach latest, of those with at least *least* arrivals."""
    names = dataset.names("airports.csv", "faa")
    rows = [
        (snapshot.state.delay / snapshot.state.arrivals, snapshot.id.key, snapshot.state)
        for snapshot in snapshots(client, Airport)
        if not snapshot.state.departures and snapshot.state.arrivals >= least
    ]
    table = Table("airport", "", title="Latest on arrival", title_justify="left")
    for heading in ("arrivals", "mean delay", "worst day", "minutes that day"):
        table.add_column(heading, justify="right")
    for mean, key, state in sorted(rows, key=lambda row: row[:2], reverse=True)[:8]:
        worst = (state.worst_day, f"{state.worst_day_delay:,}")
        table.add_row(key, names.get(key, ""), f"{state.arrivals:,}", f"{mean:.1f} min", *worst)
    return table


def most_travelled(client: perdure.Client) -> str:
    """The key of the plane with the most miles."""
    planes = [
        (snapshot.state.miles, snapshot.id.key)
        for snapshot in snapshots(client, Plane)
        if snapshot.id.key != "unknown"
    ]
    return max(planes)[1]


def history(client: perdure.Client, key: str) -> Table:
    """A plane's last flights, each read from its past: the state as of that version."""
    ref = client.entity(Plane, key)
    snapshot = ref.get()
    assert snapshot is not None
    title = f"Plane {key}: the last of its {snapshot.version:,} versions"
    table = Table("version", "day", "route", title=title, title_justify="left")
    for heading in ("flights", "miles so far", "delay so far"):
        table.add_column(heading, justify="right")
    first = max(1, snapshot.version - LATEST_FLIGHTS + 1)
    for version in range(first, snapshot.version + 1):
        past = ref.as_of(version)
        assert past is not None
        numbers = (f"{past.flights:,}", f"{past.miles:,}", f"{past.delay:,} min")
        table.add_row(str(version), past.day, past.route, *numbers)
    return table


def ledgers(client: perdure.Client) -> Table:
    """What the nights have posted: the largest airlines, and all of them together."""
    names = dataset.names("airlines.csv", "carrier") | {ALL: "all of them"}
    rows = {one.id.key: one.state for one in snapshots(client, Ledger)}
    together = rows.pop(ALL)
    largest = sorted(rows.items(), key=lambda row: row[1].flights, reverse=True)[:5]
    table = Table("airline", "", title="Books closed night by night", title_justify="left")
    for heading in ("days", "flights", "mean delay", "days approved"):
        table.add_column(heading, justify="right")
    for key, state in (*largest, (ALL, together)):
        mean = state.delay / max(1, state.flights - state.cancelled)
        numbers = (f"{state.days:,}", f"{state.flights:,}", f"{mean:.1f} min")
        table.add_row(key, names.get(key, ""), *numbers, f"{state.outliers:,}")
    return table


def where(store: Path) -> str:
    """Where the file lies, how large it is, and what to do with it."""
    try:
        shown = store.relative_to(Path.cwd())
    except ValueError:
        shown = store
    size = sum(path.stat().st_size for path in store.parent.glob(f"{store.name}*"))
    return f"It is all in one SQLite file: {shown} ({size / 1e6:.0f} MB)"
