"""The flights example: its plain pass, and a small load through kill -9."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from rich.console import Console

from examples.flights import dataset, expected, report
from examples.flights.dataset import Flight
from examples.flights.loading import Job, found, load, settle
from examples.flights.timetable import app

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


def test_the_plain_pass_keeps_books_of_every_day(flights: list[Flight]) -> None:
    ledgers = expected.totals(flights)["ledger"]

    assert (ledgers["all"]["days"], ledgers["all"]["flights"]) == (4, FLIGHTS)
    assert (ledgers["EV"]["days"], ledgers["EV"]["outliers"]) == (4, 1)


def test_an_approval_is_shown_once_and_many_are_counted() -> None:
    written = io.StringIO()
    approvals = report.Approvals(Console(file=written))

    for night in (1, 1, 2, 3, 4, 5, 6, 7):
        approvals.show(f"night-{night}")
    approvals.tell_the_rest()

    lines = written.getvalue().splitlines()
    assert lines[0] == "outlier night-1: approved"
    assert lines[5:] == ["outlier … and 2 more nights, all approved"]


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
def test_a_load_that_is_killed_three_times_loses_and_doubles_nothing(
    tmp_path: Path, flights: list[Flight]
) -> None:
    job = Job(store=tmp_path / "flights.db", data=dataset.SAMPLE, stop=FLIGHTS, window=4)
    handed_on: list[int] = []
    shown: list[str] = []

    killed = load(
        job,
        [500, 1800, FLIGHTS],
        chance=random.Random(13),
        progress=lambda count, _: handed_on.append(count),
        show=shown.append,
    )

    assert killed <= 3
    assert handed_on[-1] == FLIGHTS
    assert set(shown) == {"night-2013-01-02 EV 46 min late"}
    with app.open(str(job.store)) as client:
        settle(client, FLIGHTS)
        assert client.count(prefix="night-") == {"Completed": 4}
        assert expected.differences(expected.totals(flights), found(client)) == []
        assert list(client.verify()) == []
