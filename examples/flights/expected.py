"""The same totals by a plain pass over the rows: what the entities must come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from examples.flights.dataset import Flight
from examples.flights.nightly import ALL, OUTLIER_FLIGHTS, OUTLIER_MINUTES

Fields = dict[str, int | str]
Totals = dict[str, dict[str, Fields]]
"""Fields by key by kind, as in ``totals["airport"]["JFK"]["departures"]``."""

_Who = tuple[str, str]


def totals(flights: Iterable[Flight]) -> Totals:
    """Add up *flights* without any entity."""
    tally = _Tally()
    for flight in flights:
        tally.add(flight)
    return tally.result()


class _Tally:
    """Dictionaries of sums by (kind, key)."""

    def __init__(self) -> None:
        self.sums: dict[_Who, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.days: dict[_Who, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.peaks: dict[_Who, tuple[str, int]] = {}
        self.last: dict[str, Flight] = {}
        self.left: dict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, flight: Flight) -> None:
        """Count one flight at both airports, its carrier and its plane."""
        origin, carrier = ("airport", flight.origin), ("carrier", flight.carrier)
        plane = ("plane", flight.plane)
        self.last[flight.plane] = flight
        self.sums[origin]["departures"] += 1
        self.sums[carrier]["flights"] += 1
        self.sums[plane]["flights"] += 1
        delays = self.left[flight.day, flight.carrier]
        if flight.departure_delay is None:
            for who in (origin, carrier, plane):
                self.sums[who]["cancelled"] += 1
        else:
            self._late(origin, flight.day, flight.departure_delay)
            self._late(carrier, flight.day, flight.departure_delay)
            self.sums[plane]["delay"] += flight.departure_delay
            delays.append(flight.departure_delay)
            for who in (carrier, plane):
                self.sums[who]["miles"] += flight.distance
        self._land(("airport", flight.destination), flight)

    def _land(self, target: _Who, flight: Flight) -> None:
        if flight.arrival_delay is None:
            self.sums[target]["missed"] += 1
        else:
            self.sums[target]["arrivals"] += 1
            self._late(target, flight.day, flight.arrival_delay)

    def _late(self, who: _Who, day: str, minutes: int) -> None:
        """Add to the day's sum; the worst day is where the running sum was highest."""
        self.sums[who]["delay"] += minutes
        self.days[who][day] += minutes
        if self.days[who][day] > self.peaks.get(who, ("", 0))[1]:
            self.peaks[who] = (day, self.days[who][day])

    def result(self) -> Totals:
        """What was counted, in the fields' names."""
        result: Totals = defaultdict(dict)
        for (kind, key), counted in self.sums.items():
            result[kind][key] = {name: value for name, value in counted.items() if value}
        for (kind, key), (day, minutes) in self.peaks.items():
            result[kind][key] |= {"worst_day": day, "worst_day_delay": minutes}
        for key, flight in self.last.items():
            route = f"{flight.origin}-{flight.destination}"
            result["plane"][key] |= {"day": flight.day, "route": route}
        result["ledger"] = self._ledgers()
        return dict(result)

    def _ledgers(self) -> dict[str, Fields]:
        """What the nights post: each airline's sums, its days, and the outliers among them."""
        ledgers: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (kind, carrier), counted in self.sums.items():
            if kind == "carrier":
                for name in ("flights", "cancelled", "miles", "delay"):
                    ledgers[carrier][name] = counted[name]
                    ledgers[ALL][name] += counted[name]
        for (_, carrier), delays in self.left.items():
            late = len(delays) >= OUTLIER_FLIGHTS
            late = late and sum(delays) >= OUTLIER_MINUTES * len(delays)
            ledgers[carrier]["days"] += 1
            for key in (carrier, ALL):
                ledgers[key]["outliers"] += late
        ledgers[ALL]["days"] = len({day for day, _ in self.left})
        return {key: dict(fields) for key, fields in ledgers.items()}


def differences(expected: Totals, found: Mapping[str, Mapping[str, Fields]]) -> list[str]:
    """Every total that is not as it should be, for people; empty when all are.

    Fields that are zero or empty count as absent, and *found* may have fields of its own
    that say where the counting stands (``day``, ``day_delay``).
    """
    wrong: list[str] = []
    for kind, rows in expected.items():
        others = found.get(kind, {})
        wrong += [f"{kind} {key} is there for nothing" for key in others.keys() - rows.keys()]
        for key, fields in rows.items():
            has = others.get(key, {})
            for name in sorted(fields.keys() | has.keys() - {"day", "day_delay"}):
                want, got = fields.get(name, 0) or 0, has.get(name, 0) or 0
                if want != got:
                    wrong.append(f"{kind} {key} {name}: {got} instead of {want}")
    return wrong
