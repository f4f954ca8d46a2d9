"""The entities: what flights become part of."""

from __future__ import annotations

import attrs

import perdure

app = perdure.App(name="flights")


class Delays(perdure.Entity):
    """Minutes of delay: in all, and on the worst day. Days come one after the other."""

    delay: int = 0
    day: str = ""
    day_delay: int = 0
    worst_day: str = ""
    worst_day_delay: int = 0

    def _count(self, day: str, minutes: int) -> None:
        if day != self.day:
            self.day, self.day_delay = day, 0
        self.delay += minutes
        self.day_delay += minutes
        if self.day_delay > self.worst_day_delay:
            self.worst_day, self.worst_day_delay = day, self.day_delay


@app.entity
class Airport(Delays):
    """One airport: what left it, what reached it, and how late."""

    departures: int = 0
    cancelled: int = 0
    arrivals: int = 0
    missed: int = 0

    def depart(self, day: str, delay: int | None) -> None:
        """A flight left this airport; no *delay* means that it was cancelled."""
        self.departures += 1
        if delay is None:
            self.cancelled += 1
        else:
            self._count(day, delay)

    def arrive(self, day: str, delay: int | None) -> None:
        """A flight was to land here; no *delay* means that it did not."""
        if delay is None:
            self.missed += 1
        else:
            self.arrivals += 1
            self._count(day, delay)


@attrs.define
class DayBook:
    """What one airline did on one day."""

    flights: int = 0
    cancelled: int = 0
    miles: int = 0
    delay: int = 0

    def __add__(self, other: DayBook) -> DayBook:
        return DayBook(
            flights=self.flights + other.flights,
            cancelled=self.cancelled + other.cancelled,
            miles=self.miles + other.miles,
            delay=self.delay + other.delay,
        )

    @property
    def mean_delay(self) -> float:
        """Minutes for each flight that left."""
        left = self.flights - self.cancelled
        return self.delay / left if left else 0.0


@app.entity
class Carrier(Delays):
    """One airline, with a book for each day that is not closed yet."""

    flights: int = 0
    cancelled: int = 0
    miles: int = 0
    books: dict[str, DayBook] = perdure.field(factory=dict[str, DayBook])

    def fly(self, day: str, delay: int | None, miles: int) -> None:
        """One of its flights; no *delay* means that it was cancelled."""
        book = self.books.setdefault(day, DayBook())
        self.flights += 1
        book.flights += 1
        if delay is None:
            self.cancelled += 1
            book.cancelled += 1
        else:
            self.miles += miles
            book.miles += miles
            book.delay += delay
            self._count(day, delay)

    def close(self, day: str, flights: int) -> DayBook | None:
        """Hand over the book of *day*, unless some of its *flights* are still to come."""
        if day not in self.books or self.books[day].flights < flights:
            return None
        return self.books.pop(day)


@app.entity
class Plane(perdure.Entity):
    """One aircraft: how far it flew, and its last flight."""

    flights: int = 0
    cancelled: int = 0
    miles: int = 0
    delay: int = 0
    route: str = ""
    day: str = ""

    def fly(self, day: str, route: str, delay: int | None, miles: int) -> None:
        """One flight of this aircraft; no *delay* means that it was cancelled."""
        self.flights += 1
        self.day, self.route = day, route
        if delay is None:
            self.cancelled += 1
        else:
            self.miles += miles
            self.delay += delay


@app.entity
class Ledger(perdure.Entity):
    """The closed days of one airline, or of all of them together."""

    days: int = 0
    outliers: int = 0
    flights: int = 0
    cancelled: int = 0
    miles: int = 0
    delay: int = 0

    def post(self, book: DayBook, outliers: int) -> None:
        """Take in one closed day."""
        self.days += 1
        self.outliers += outliers
        self.flights += book.flights
        self.cancelled += book.cancelled
        self.miles += book.miles
        self.delay += book.delay
