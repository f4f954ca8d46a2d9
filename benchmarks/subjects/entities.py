"""The entities that the benchmarks run, all small: the engine is measured, not they."""

from __future__ import annotations

import time

from perdure.actors.entity import Entity, readonly
from perdure.benchmarks.subjects.orchestrators import include_orchestrations
from perdure.orchestration.app import App


class Counter(Entity):
    value: int = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    @readonly
    def total(self) -> int:
        return self.value


class Relay(Entity):
    """Hands on to its successor until no hop is left: ``0`` to ``1`` to ``2`` …"""

    passed: int = 0

    def hand_on(self, hops: int) -> None:
        self.passed += 1
        if hops > 1:
            place = int(self.context.id.key)
            self.context.entity(Relay, str(place + 1)).signal(Relay.hand_on, hops - 1)


class Sleeper(Entity):
    naps: int = 0

    def sleep(self, seconds: float) -> None:
        self.naps += 1
        time.sleep(seconds)

    def compute(self, seconds: float) -> None:
        self.naps += 1
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass


def bench_app() -> App:
    """A new app with all of them, and with the orchestrations."""
    app = App(name="bench")
    app.include([Counter, Relay, Sleeper])
    include_orchestrations(app)
    return app
