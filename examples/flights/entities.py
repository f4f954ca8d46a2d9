"""The entities: a timetable that hands each flight on, and what it becomes part of.

The loader signals ``Timetable.publish`` with the next flights and a request id made of their
number, so that sending them again changes nothing. One turn of the timetable moves its
position and sends all the signals that follow, or does neither: where the load stands and what
was counted cannot disagree.
"""

from __future__ import annotations

import perdure
from examples.flights.dataset import Flight

app = perdure.App(name="flights")
TIMETABLE = "2013"


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


@app.entity
class Carrier(Delays):
    """One airline."""

    flights: int = 0
    cancelled: int = 0
    miles: int = 0

    def fly(self, day: str, delay: int | None, miles: int) -> None:
        """One of its flights; no *delay* means that it was cancelled."""
        self.flights += 1
        if delay is None:
            self.cancelled += 1
        else:
            self.miles += miles
            self._count(day, delay)


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
class Timetable(perdure.Entity):
    """The year's flights in order: where the load stands."""

    position: int = 0

    def publish(self, flights: list[Flight]) -> None:
        """Hand the next *flights* on to everything they are part of."""
        for flight in flights:
            if flight.number != self.position:
                msg = f"flight {flight.number} came, {self.position} was next"
                raise ValueError(msg)
            self.position += 1
            self._hand_on(flight)

    @perdure.readonly
    def where(self) -> int:
        """How many flights were handed on."""
        return self.position

    def _hand_on(self, flight: Flight) -> None:
        entity = self.context.entity
        day, delay, miles = flight.day, flight.departure_delay, flight.distance
        route = f"{flight.origin}-{flight.destination}"
        entity(Airport, flight.origin).signal(Airport.depart, day, delay)
        entity(Airport, flight.destination).signal(Airport.arrive, day, flight.arrival_delay)
        entity(Carrier, flight.carrier).signal(Carrier.fly, day, delay, miles)
        entity(Plane, flight.plane).signal(Plane.fly, day, route, delay, miles)
