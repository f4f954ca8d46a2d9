"""The flights example: its plain pass, and a small load through kill -9."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from rich.console import Console

from examples.flights import dataset, expected, report
from examples.flights.dataset import Flight
from examples.flights.entities import app
from examples.flights.loading import Job, found, load, settle

FLIGHTS = 3_000


@pytest.fixture(scope="module")
def flights() -> list[Flight]:
    return list(dataset.read(dataset.SAMPLE))


def test_the_sample_has_the_first_flights_of_the_year(flights: list[Flight]) -> None:
    assert [flight.number for flight in flights] == list(range(FLIGHTS))
    assert {flight.day for flight in flights} == {f"2013-01-0{day}" for day in (1, 2, 3, 4)}


def test_reading_can_start_and_stop_anywhere(flights: list[Flight]) -> None:
    assert list(dataset.read(dataset.SAMPLE, start=100, stop=120)) == flights[100:120]


def test_the_plain_pass_counts_every_flight_once(flights: list[Flight]) -> None:
    totals = expected.totals(flights)

    assert sum(int(row.get("departures", 0)) for row in totals["airport"].values()) == FLIGHTS
    assert sum(int(row.get("flights", 0)) for row in totals["carrier"].values()) == FLIGHTS
    assert sum(int(row.get("flights", 0)) for row in totals["plane"].values()) == FLIGHTS


def test_differences_name_what_is_lost_and_what_is_doubled(flights: list[Flight]) -> None:
    right, lost = expected.totals(flights), expected.totals(flights[:-1])

    assert expected.differences(right, right) == []
    assert "carrier UA flights" in "".join(
        expected.differences(right, {**lost, "carrier": {"UA": {"flights": 1}}})
    )
    assert expected.differences(right, lost)


def test_without_a_terminal_progress_is_a_line_every_few_seconds() -> None:
    written = io.StringIO()
    seconds = iter([0.0, 1.0, 3.0, 4.0, 6.5])
    lines = report.ProgressLines(Console(file=written), 336_776, lambda: next(seconds))

    for handed_on, killed in ((1_000, 0), (3_000, 0), (4_000, 1), (6_500, 1)):
        lines.update(handed_on, killed)

    assert written.getvalue().splitlines() == [
        "loading 3,000 of 336,776 flights, 1,000 flights/s, 3 s, kill -9 x 0",
        "loading 6,500 of 336,776 flights, 1,000 flights/s, 6 s, kill -9 x 1",
    ]


@pytest.mark.timeout(120)
def test_a_load_that_is_killed_twice_loses_and_doubles_nothing(
    tmp_path: Path, flights: list[Flight]
) -> None:
    job = Job(store=tmp_path / "flights.db", data=dataset.SAMPLE, stop=FLIGHTS, window=4)
    handed_on: list[int] = []

    killed = load(
        job,
        [500, 1800],
        chance=random.Random(13),
        progress=lambda count, _: handed_on.append(count),
    )

    assert killed <= 2
    assert handed_on[-1] == FLIGHTS
    with app.open(str(job.store)) as client:
        settle(client, FLIGHTS)
        assert expected.differences(expected.totals(flights), found(client)) == []
        assert list(client.verify()) == []
