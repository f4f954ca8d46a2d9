"""An app on real threads and a store in memory, by a clock that only the test moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import perdure
from perdure.actors.simulated import VirtualClock
from perdure.actors.threads import Clock, ThreadedRuntime
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.memory import MemoryStore


class HandClock(Clock):
    """A threaded runtime's clock, moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()

    def now_micros(self) -> int:
        """The time that it was set to."""
        return self.clock.micros


class Threads:
    """A client, and its time."""

    def __init__(self, client: EmbeddedClient, clock: HandClock) -> None:
        self.client = client
        self._clock = clock.clock

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and the node look at the clock."""
        self._clock.micros += round(seconds * 1_000_000)
        self.client.node.world.wake()


@contextmanager
def threads(app: perdure.App) -> Generator[Threads]:
    """Run *app* on threads, by a clock that stands still."""
    store = MemoryStore.open()
    clock = HandClock()
    with app.attach(store, ThreadedRuntime(store, clock)) as client:
        yield Threads(client, clock)


def wait_until(fact: Callable[[], object]) -> None:
    """Wait for something that other threads, or processes, bring about."""
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.002)
