"""The simulated runtime with trouble: commits that stall, activities that misbehave."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from perdure.actors.behavior import Step
from perdure.actors.simulated import Chances, SimulatedRuntime, VirtualClock
from perdure.storage.ports import Store
from perdure.storage.records import Batch
from perdure.testing.crashing import SimulatedCrash
from perdure.testing.simulating.faults import Swarm

STALL_SECONDS = 30.0
LATE_SECONDS = 90.0
SOON_MICROS = 1_000_000
PATIENCE = 5_000
"""Steps after which an engine that does not come to rest without time passing never will."""


class TroubledRuntime(SimulatedRuntime):
    """Everything a partition needs of the world, which does not always give it.

    Attributes:
        hanging: activities that will never return in this process.
    """

    def __init__(self, store: Store, swarm: Swarm, *, seed: int, clock: VirtualClock) -> None:
        chances = Chances(
            swarm.rate("lost-baton"), swarm.rate("passivation"), swarm.rate("short-turns")
        )
        super().__init__(store, seed=seed, clock=clock, chances=chances, patience=PATIENCE)
        self.hanging = 0
        self._moment, self._steps = clock.micros, 0
        self._swarm = swarm

    def calm_down(self) -> None:
        """No more trouble from now on; what is late comes soon.

        One that was charged with a crash is alone in hand until it ends, for minutes if it
        takes so long, and all others wait for it: that would be no fault of theirs.
        """
        self.chances.lost_baton = self.chances.passivation = 0.0
        soon = self.clock.micros + SOON_MICROS
        self._later = [
            (min(at, soon) if name.startswith("late ") else at, place, name, task)
            for at, place, name, task in self._later
        ]
        heapq.heapify(self._later)

    def step(self) -> bool:
        """Let one thing happen; not for ever without time passing, whoever waits for it."""
        if self._moment != self.clock.micros:
            self._moment, self._steps = self.clock.micros, 0
        self._steps += 1
        if self._steps > PATIENCE:
            msg = f"the engine does not come to rest within {PATIENCE} steps"
            raise RuntimeError(msg)
        return super().step()

    def commit(self, batch: Batch, done: Callable[[BaseException | None], None]) -> None:
        """Have *batch* written, perhaps after a long while."""
        if not self._swarm.happens("commit-stalls"):
            super().commit(batch, done)
            return
        seconds = self._swarm.of("commit-stalls").uniform(0.01, STALL_SECONDS)
        write = super().commit
        self.after(seconds, f"stalled {batch.number}", lambda: write(batch, done))

    def start(self, step: Step) -> None:
        """Run a step's code; an activity's perhaps twice, and perhaps it ends the process."""
        if not step.concurrent:
            super().start(step)
            return
        if not self._store.messages([step.message.id]):
            msg = f"{step.cell.address} began before its message was durable"
            raise AssertionError(msg)
        if self._swarm.happens("activity-kills"):
            late = self._swarm.of("activity-kills").random() < 0.5
            self.task(f"kill {step.cell.address}", lambda: self._kill(step, late))
            return
        super().start(step)
        if self._swarm.happens("activity-twice"):
            super().start(step)

    def _kill(self, step: Step, late: bool) -> None:
        if late and not step.is_async:
            self._call(step)
        raise SimulatedCrash

    def _return_later(self, step: Step, returned: tuple[Any, BaseException | None]) -> None:
        if step.concurrent and self._swarm.happens("activity-never"):
            self.hanging += 1
            return
        if not (step.concurrent and self._swarm.happens("activity-late")):
            super()._return_later(step, returned)
            return
        seconds = self._swarm.of("activity-late").uniform(0.01, LATE_SECONDS)
        come_back = super()._return_later
        self.after(seconds, f"late {step.cell.address}", lambda: come_back(step, returned))
