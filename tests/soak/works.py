"""The app under load: entities that count and remind themselves, and small orchestrations."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import attrs

import perdure

app = perdure.App(name="soak")
REMINDER_SECONDS = 0.5


@attrs.define
class Lateness:
    """How late timers were, in seconds; taken by whoever measures."""

    lock: threading.Lock = attrs.Factory(threading.Lock)
    seconds: list[float] = attrs.Factory(list[float])

    def note(self, seconds: float) -> None:
        with self.lock:
            self.seconds.append(seconds)

    def take(self) -> list[float]:
        with self.lock:
            taken, self.seconds = self.seconds, []
            return taken


lateness = Lateness()
gate = threading.Event()
"""What a blocked entity waits for."""


@app.entity(retention=timedelta(seconds=10))
class Meter(perdure.Entity):
    value: int = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def pass_on(self, key: str) -> None:
        self.value += 1
        self.context.entity(Meter, key).signal(Meter.add, 1)

    def remind(self) -> None:
        at = self.context.now + timedelta(seconds=REMINDER_SECONDS)
        later = self.context.entity(Meter, self.context.id.key).options(at=at)
        later.signal(Meter.reminded, at.timestamp())

    def reminded(self, due: float) -> None:
        lateness.note(time.time() - due)
        self.value += 1

    def add_when_open(self, amount: int) -> int:
        gate.wait(120)
        self.value += amount
        return self.value

    @perdure.readonly
    def look(self) -> int:
        return self.value


@app.activity
def double(number: int) -> int:
    return 2 * number


@app.orchestrator(retention=timedelta(seconds=10))
async def errand(ctx: perdure.OrchestrationContext, number: int) -> int:
    """An activity, a timer, an entity."""
    doubled = await ctx.call_activity(double, number)
    await ctx.create_timer(timedelta(seconds=0.2))
    return await ctx.entity(Meter, f"m{number % 100}").call(Meter.add, doubled)
