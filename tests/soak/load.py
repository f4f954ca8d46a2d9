"""Clients in threads: a mixed load at a given pace, and as much as there is room for."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import attrs

import perdure
from perdure import errors
from tests.soak.works import Meter, errand, gate

METERS = 100


@attrs.define(eq=False)
class Load:
    """Threads that ask without end, until they are stopped.

    Attributes:
        done: operations that were acknowledged.
        refused: the names of the errors with which others were refused.
        broken: anything else that was raised: there must be nothing.
    """

    client: perdure.Client
    done: int = 0
    refused: Counter[str] = attrs.Factory(Counter[str])
    broken: list[str] = attrs.Factory(list[str])
    _stop: threading.Event = attrs.Factory(threading.Event)
    _threads: list[threading.Thread] = attrs.Factory(list[threading.Thread])
    _lock: threading.Lock = attrs.Factory(threading.Lock)

    def begin(
        self, clients: int, work: Callable[[Load, random.Random], int], pause: float
    ) -> None:
        """Start so many clients, each of which waits for a *pause* between two rounds."""
        for number in range(clients):
            thread = threading.Thread(target=self._run, args=(number, work, pause), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(
        self, number: int, work: Callable[[Load, random.Random], int], pause: float
    ) -> None:
        chance = random.Random(number)
        while not self._stop.wait(pause) if pause else not self._stop.is_set():
            try:
                count = work(self, chance)
            except errors.PerdureError as error:
                with self._lock:
                    self.refused[type(error).__name__] += 1
            except Exception as error:
                with self._lock:
                    self.broken.append(repr(error))
            else:
                with self._lock:
                    self.done += count

    def end(self) -> None:
        """Stop all."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def rate_for(self, seconds: float) -> float:
        """Operations per second, over so many from now on."""
        before, begun = self.done, time.monotonic()
        time.sleep(seconds)
        return (self.done - before) / (time.monotonic() - begun)


def mixed(load: Load, chance: random.Random) -> int:
    """A bit of everything: signals, calls, reads, reminders, pipelines, orchestrations."""
    client = load.client
    meter = client.entity(Meter, f"m{chance.randrange(METERS)}")
    meter.signal(Meter.add, 1)
    meter.signal(Meter.pass_on, f"m{chance.randrange(METERS)}")
    meter.call(Meter.add, 1).get(30)
    meter.call(Meter.look).get(30)
    meter.signal(Meter.remind)
    meter.get()
    client.entities(Meter, limit=10)
    if chance.random() < 0.3:
        client.start(errand, chance.randrange(1_000)).result(30)
    with client.pipeline() as pipeline:
        for _ in range(20):
            pipeline.entity(Meter, f"m{chance.randrange(METERS)}").signal(Meter.add, 1)
    return 26


def pressing(load: Load, chance: random.Random) -> int:
    """A pipeline of signals, as fast as they are taken."""
    with load.client.pipeline() as pipeline:
        for _ in range(500):
            pipeline.entity(Meter, f"m{chance.randrange(METERS)}").signal(Meter.add, 1)
    return 500


def flood(client: perdure.Client, calls: int) -> Counter[str]:
    """More calls than a mailbox takes, to an entity that is blocked: what becomes of them."""
    meter = client.entity(Meter, "flooded")
    gate.clear()
    replies = [meter.call(Meter.add_when_open, 1) for _ in range(calls)]
    gate.set()
    outcomes: Counter[str] = Counter()
    for reply in replies:
        try:
            reply.get(60)
        except errors.PerdureError as error:
            outcomes[type(error).__name__] += 1
        else:
            outcomes["answered"] += 1
    snapshot = meter.get()
    assert snapshot is not None
    outcomes["applied"] = snapshot.state.value
    return outcomes
