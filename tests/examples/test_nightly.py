"""The nightly orchestration in simulated time: a crash at each commit changes no total."""

from __future__ import annotations

import attrs
import pytest

from examples.flights import dataset, expected, nightly
from examples.flights.entities import DayBook
from examples.flights.loading import found
from examples.flights.timetable import TIMETABLE, Timetable, app
from examples.flights.worker import close_books
from perdure.testing import Simulation, crash_everywhere

FLIGHTS = [
    attrs.evolve(flight, number=number)
    for number, flight in enumerate(list(dataset.read(dataset.SAMPLE))[::150])
]
"""Twenty of four days."""
WINDOW = 5


def load_and_close(world: Simulation) -> None:
    timetable = world.client.entity(Timetable, TIMETABLE)
    for first in range(0, len(FLIGHTS), WINDOW):
        request = timetable.options(request_id=f"flights-{first}")
        request.signal(Timetable.publish, FLIGHTS[first : first + WINDOW])
    close_books(world.client)
    world.settle()
    assert expected.differences(expected.totals(FLIGHTS), found(world.client)) == []
    assert world.client.count(prefix="night-") == {"Completed": 4}


def test_a_crash_anywhere_changes_no_total(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (nightly, expected):  # so few flights would never be out of the ordinary
        monkeypatch.setattr(module, "OUTLIER_FLIGHTS", 1)
        monkeypatch.setattr(module, "OUTLIER_MINUTES", 20)
    assert 0 < expected.totals(FLIGHTS)["ledger"]["all"]["outliers"] < len(FLIGHTS)  # type: ignore[operator]

    assert crash_everywhere(app, load_and_close, seeds=4) > 40


@pytest.mark.parametrize(
    ("book", "verdict"),
    [
        (DayBook(flights=100, delay=4000), True),
        (DayBook(flights=100, delay=3999), False),
        (DayBook(flights=100, cancelled=1, delay=9000), False),
        (DayBook(), False),
    ],
)
def test_a_day_is_an_outlier_when_many_flights_were_late(book: DayBook, verdict: bool) -> None:
    assert nightly.is_outlier(book) is verdict
