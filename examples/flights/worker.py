"""The process that is killed: opens the store, finds where the load stands, and goes on.

It sends a window of flights, waits until the timetable has handed them on, and prints how far
it came, for whoever watches. What was accepted and not yet handed on at a crash is sent once
more; its request ids are known, so it is applied once. Meanwhile the nights go on where they
were; those that wait for an approval get it when all flights are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar

import click

import perdure
from examples.flights import dataset
from examples.flights.nightly import APPROVAL
from examples.flights.timetable import TIMETABLE, Timetable, app

_Item = TypeVar("_Item")
WAIT_SECONDS = 60.0


@click.command()
@click.argument("store", type=click.Path(dir_okay=False))
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--stop", type=int, required=True, help="Load this many flights.")
@click.option("--chunk", type=int, default=50, help="Flights in one signal.")
@click.option("--window", type=int, default=20, help="Signals that become durable together.")
def main(store: str, data: Path, stop: int, chunk: int, window: int) -> None:
    """Load the flights of DATA into STORE, from where the last worker came to."""
    with app.open(store) as client:
        timetable = client.entity(Timetable, TIMETABLE)
        snapshot = timetable.get()
        start = 0 if snapshot is None else snapshot.state.position
        print(start, flush=True)
        chunks = _grouped(dataset.read(data, start=start, stop=stop), chunk)
        for group in _grouped(chunks, window):
            with client.pipeline() as pipeline:
                for flights in group:
                    request = pipeline.entity(Timetable, TIMETABLE).options(
                        request_id=f"flights-{flights[0].number}"
                    )
                    request.signal(Timetable.publish, flights)
            print(timetable.call(Timetable.where).get(timeout=WAIT_SECONDS), flush=True)
        close_books(client)


def close_books(client: perdure.Client) -> None:
    """Approve the nights that wait for it, after showing them, until all are closed."""
    timetable = client.entity(Timetable, TIMETABLE)
    nights = timetable.call(Timetable.finish).get(timeout=WAIT_SECONDS)
    approved: set[str] = set()
    while (counts := client.count(prefix="night-")).get("Completed", 0) < nights:
        if "Failed" in counts:
            msg = f"nights have failed: {counts}"
            raise SystemExit(msg)
        living = client.query(prefix="night-", statuses=["Running"], limit=1000).items
        for night in living:
            if "outliers" in (night.custom_status or {}) and night.instance_id not in approved:
                approved.add(night.instance_id)
                print(night.instance_id, *_late(night.custom_status), flush=True)
                with suppress(perdure.InstanceFinishedError):
                    client.orchestration(night.instance_id).raise_event(APPROVAL, data=True)
        if living:
            with suppress(perdure.ReplyTimeoutError):
                client.orchestration(living[-1].instance_id).result(timeout=0.2)
        else:
            timetable.call(Timetable.where).get(timeout=WAIT_SECONDS)


def _late(status: dict[str, dict[str, int]]) -> list[str]:
    return [f"{carrier} {late} min late" for carrier, late in status["outliers"].items()]


def _grouped(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group


if __name__ == "__main__":
    main()
