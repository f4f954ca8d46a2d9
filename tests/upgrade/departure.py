"""Brings everything under way, and writes the store of that moment into one file."""

from __future__ import annotations

import lzma
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from perdure.actors.simulated import START_MICROS, SimulatedRuntime, VirtualClock
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.sqlite import SqliteStore
from perdure.testing.crashing import SimulatedCrash
from tests.upgrade.voyage import (
    HOUR,
    Ship,
    Shop,
    Spot,
    app,
    begins_anew,
    buoy,
    locks,
    sails,
    sails_slowly,
    transacts,
    tries_again,
    waits_for_children,
    waits_for_timer,
    waits_for_word,
    waits_in_vain,
    weather,
)


class Sea:
    """A store in a file, in simulated time; it may be left and entered again."""

    def __init__(self, path: Path, at_micros: int = START_MICROS) -> None:
        self._path = path
        self._clock = VirtualClock(at_micros)
        self.enter()

    def enter(self) -> None:
        """Open the store."""
        store = SqliteStore.open(str(self._path), durability="process")
        self._world = SimulatedRuntime(store, clock=self._clock)
        self.client: EmbeddedClient = app.attach(store, self._world)

    def crash(self) -> None:
        """Leave it as it is, and open it again."""
        self._world.stop(0)
        self.client.node.store.close(clean=False)
        self.enter()

    def advance(self, duration: timedelta) -> None:
        """Let time pass; what kills is met again until it is set aside."""
        for _ in range(10):
            try:
                self._world.advance(duration.total_seconds())
            except SimulatedCrash:
                self.crash()
            else:
                return


def depart(sea: Sea) -> None:
    """Bring everything under way."""
    weather.is_bad = False
    _entities(sea.client)
    sea.advance(timedelta(seconds=1))
    _orchestrations(sea.client)
    sea.advance(timedelta(minutes=5))
    sea.client.entity(Ship, "locked").signal(Ship.add, 100)  # waits at the gate
    sea.client.entity(Ship, "held").signal(Ship.add, 1000)
    sea.client.orchestration("suspended").suspend("for a while")
    sea.client.orchestration("suspended").raise_event("word", 7)
    sea.client.orchestration("terminated").terminate("enough")
    sea.client.schedule("paused").pause("winter")
    weather.is_bad = True
    sea.client.start(tries_again, 3, instance_id="retry")
    sea.client.start(sails, 4, instance_id="failed")
    poisoned = sea.client.entity(Ship, "poisoned").options(at=timedelta(seconds=1))
    poisoned.signal(Ship.drink)
    sea.advance(timedelta(minutes=5))
    weather.is_bad = False


def _entities(client: EmbeddedClient) -> None:
    ship = client.entity(Ship, "one")
    for amount in range(1, 6):
        ship.signal(Ship.add, amount)
    ship.signal(Ship.name, "ü\U0001f600")
    ship.signal(Ship.go, Spot(3, 1.25))
    ship.options(at=6 * HOUR).signal(Ship.add, 1000)
    ship.options(request_id="named").call(Ship.add, 10).get()
    client.purge_history("@ship@one", up_to_version=3)
    gone = client.entity(Ship, "gone")
    gone.signal(Ship.add, 1)
    gone.signal("delete")
    client.entity(Shop, "one").signal(Shop.sell, 3)
    client.entity(Shop, "one").signal(Shop.sell, 4)
    client.entity(buoy, "one").signal("tick", 5)
    client.entity(Ship, "sender").signal(Ship.send, "sent")


def _orchestrations(client: EmbeddedClient) -> None:
    client.start(waits_for_timer, 2, instance_id="timer", tags={"a": "b"}, request_id="t")
    client.start(waits_for_word, 1, instance_id="event")
    client.start(waits_in_vain, instance_id="vain")
    client.start(waits_for_children, 2, instance_id="children")
    client.start(sails_slowly, 1, instance_id="slow")
    client.start(sails, 1, instance_id="completed")
    client.start(locks, "locked", instance_id="locking")
    client.start(transacts, "held", instance_id="holding")
    client.start(begins_anew, 3, instance_id="anew")
    client.start(waits_for_word, 2, instance_id="suspended")
    client.start(waits_for_word, 3, instance_id="terminated")
    client.start(waits_for_timer, 1, instance_id="pending", start_at=4 * HOUR)
    client.schedule("hourly", sails, 1, every=HOUR)
    client.schedule("nightly", sails, 2, cron="0 3 * * *", timezone="Europe/Vienna")
    client.schedule("paused", sails, 3, every=HOUR)


def write(target: Path) -> int:
    """Write today's store, compressed; the number of bytes."""
    with TemporaryDirectory() as folder:
        sea = Sea(Path(folder) / "voyage.db")
        depart(sea)
        copy = Path(folder) / "copy.db"
        sea.client.backup(str(copy))
        data = lzma.compress(copy.read_bytes(), preset=9)
    target.write_bytes(data)
    return len(data)
