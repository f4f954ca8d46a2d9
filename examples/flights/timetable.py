"""The timetable: hands each flight on, and starts an orchestration each night.

The loader signals ``Timetable.publish`` with the next flights and a request id made of their
number, so that sending them again changes nothing. One turn of the timetable moves its
position and sends all the signals that follow, or does neither: where the load stands and what
was counted cannot disagree.
"""

from __future__ import annotations

import perdure
from examples.flights.dataset import Flight
from examples.flights.entities import Airport, Carrier, Plane, app
from examples.flights.nightly import Night, close_the_day

__all__ = ["TIMETABLE", "Timetable", "app"]

TIMETABLE = "2013"


@app.entity
class Timetable(perdure.Entity):
    """The year's flights in order: where the load stands, and the day that is not over yet."""

    position: int = 0
    day: str = ""
    flights: dict[str, int] = perdure.field(factory=dict[str, int])
    nights: int = 0

    def publish(self, flights: list[Flight]) -> None:
        """Hand the next *flights* on to everything they are part of."""
        for flight in flights:
            if flight.number != self.position:
                msg = f"flight {flight.number} came, {self.position} was next"
                raise ValueError(msg)
            self.position += 1
            if flight.day != self.day:
                self._end_day()
                self.day = flight.day
            self.flights[flight.carrier] = self.flights.get(flight.carrier, 0) + 1
            self._hand_on(flight)

    def finish(self) -> int:
        """There are no more flights: end the last day, and tell how many there were."""
        self._end_day()
        return self.nights

    @perdure.readonly
    def where(self) -> int:
        """How many flights were handed on."""
        return self.position

    def _end_day(self) -> None:
        if self.flights:
            night = Night(self.day, self.flights)
            self.context.start(close_the_day, night, instance_id=f"night-{self.day}")
            self.nights += 1
            self.flights = {}

    def _hand_on(self, flight: Flight) -> None:
        entity = self.context.entity
        day, delay, miles = flight.day, flight.departure_delay, flight.distance
        route = f"{flight.origin}-{flight.destination}"
        entity(Airport, flight.origin).signal(Airport.depart, day, delay)
        entity(Airport, flight.destination).signal(Airport.arrive, day, flight.arrival_delay)
        entity(Carrier, flight.carrier).signal(Carrier.fly, day, delay, miles)
        entity(Plane, flight.plane).signal(Plane.fly, day, route, delay, miles)
