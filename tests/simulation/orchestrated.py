"""A simulated world of orchestrations: random programs, clients that interfere, and faults.

Everything that happens follows from the seed. Faults come while ``troubled``; then they stop,
and within a minute all that was acknowledged has finished, and left what it must leave.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

from perdure.actors.answers import ANSWER, Answer
from perdure.actors.messages import Chunk, Message
from perdure.actors.replies import Reply
from perdure.actors.simulated import Chances, SimulatedRuntime
from perdure.errors import InstanceNotFoundError
from perdure.orchestration import requests
from perdure.orchestration.client import Client
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.history import EventRaised, TaskCompleted, TaskScheduled
from perdure.orchestration.simulation import Simulation
from perdure.testing.crashing import SimulatedCrash
from tests.simulation.asking import Ask, Asking
from tests.simulation.journeys import app, bare, journey, listener, outside
from tests.simulation.world import DiskFaults, some

PURSES = ["x", "y", "z"]
GAUGES = ["a", "b"]
LISTENERS = ["l0", "l1", "l2"]
JOURNEYS = [f"j{number}" for number in range(6)]
SPARED = {"l0", "l1", "j0", "j1"}
"""Instances that nobody ends from outside, so that nothing excuses a loss."""
WRONG = 777_777
"""What a forged answer says."""


class OrchestratedWorld:
    """One run of the scenario."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        draw = self.random

        self.faults = DiskFaults(
            random.Random(seed + 1),
            some(draw, 0.08),
            some(draw, 0.08),
            some(draw, 0.08),
            some(draw, 0.08),
            some(draw, 0.1) if draw.random() < 0.3 else 0.0,
        )
        self.outside = (seed + 2, some(draw, 0.6), some(draw, 0.1))
        self.chances = Chances(some(draw, 0.6), some(draw, 0.5), some(draw, 1.0))
        self.crash_anywhere = some(draw, 0.02)
        self.jumps = some(draw, 0.05)
        self.forged = some(draw, 0.5)
        self.interferes = some(draw, 1.0)
        self.quota = 30
        self.asks: list[Ask] = []
        self.waiting: list[Ask] = []
        self.deployed = app
        self.generations: set[tuple[str, str]] = set()
        self.simulation = Simulation(
            app, seed=seed, faults=self.faults, chances=self.chances, patience=20_000
        )
        self.trace = self.simulation.trace

    @property
    def client(self) -> Client:
        """The present process's client."""
        return self.simulation.client

    @property
    def runtime(self) -> SimulatedRuntime:
        """The present process's world."""
        return self.simulation.runtime

    # ---- what clients do ------------------------------------------------------------------

    def _steps(self, depth: int) -> list[Any]:
        return [self._step(depth) for _ in range(self.random.randint(1, 4 - depth))]

    def _step(self, depth: int) -> list[Any]:
        draw = self.random
        number = draw.randint(1, 99)
        pay = ["pay", *draw.sample(PURSES, 2), draw.randint(1, 70)]
        choices: list[list[Any]] = [
            ["work_once", number],
            ["work_again", number],
            ["work_together", [number, number + 1]],
            ["wait", draw.choice([0.0, 0.5, 3.0])],
            ["race", number, draw.choice([0.05, 1.0, 3600.0])],
            ["note"],
            ["note_and_wait"],
            ["tell", draw.choice(LISTENERS)],
            [*pay, draw.choice(["", "work", "wait"])],
            [*pay, draw.choice(["work", "wait"])],
            ["swap", draw.choice(GAUGES), draw.random() < 0.5],
            ["leave", number],
            ["again"],
        ]
        if depth < 2:
            choices.append(["call_child", self._steps(depth + 1)])
            choices.append(["call_children", [self._steps(depth + 1) for _ in range(2)]])
        return ["fail"] if draw.random() < 0.03 else draw.choice(choices)

    def _ask(self) -> None:
        draw = self.random
        if self.deployed is app and draw.random() < 0.5:
            instance = draw.choice(JOURNEYS + LISTENERS)
            self.ask("start", instance)
            return
        if draw.random() > self.interferes:
            instance = draw.choice(LISTENERS)
            with_start = self.deployed is app and draw.random() < 0.2
            for _ in range(draw.randint(1, 4)):
                self.ask("signal with start" if with_start else "raise", instance)
            return
        kind = draw.choice(
            [
                "terminate",
                "cancel",
                "suspend",
                "suspend",
                "resume",
                "rewind",
                "restart",
                "purge",
            ]
        )
        harmless = kind in {"suspend", "resume", "rewind"}
        among = [i for i in JOURNEYS + LISTENERS if harmless or i not in SPARED]
        self.ask(kind, draw.choice(among))

    def ask(self, kind: str, instance: str, data: str = "") -> Ask:
        """Send one request without waiting."""
        draw = self.random
        ask = Ask(kind, instance, draw.random() < 0.6)
        asking = Asking(self.client, ask, len(self.asks))
        ref = asking.ref()
        match kind:
            case "start":
                code: Any = listener if instance in LISTENERS else journey
                given: Any = 0 if code is listener else {"steps": self._steps(0), "done": []}
                start, _ = self.client.prepare_start(code, given, instance, None, None)
                if draw.random() < 0.2:
                    start.start_at = self.runtime.now_micros() + 500_000
                ref.ask(requests.START, start)
            case "raise":
                ask.mark = data or f"item {len(self.asks)}"
                ref.raise_event("item", ask.mark)
            case "signal with start":
                ask.mark = f"item {len(self.asks)}"
                start, _ = self.client.prepare_start(listener, 0, instance, None, None)
                start.if_exists = "return"
                start.events = [EventRaised(name="Item", data=encode_plain(ask.mark, "item"))]
                ref.ask(requests.START, start)
            case "terminate":
                ref.terminate("enough", recursive=draw.random() < 0.8)
            case "restart":
                try:
                    ref.restart()
                except InstanceNotFoundError:
                    return ask
            case _:
                getattr(ref, kind)()
        self.asks.append(ask)
        self.waiting.append(ask)
        return ask

    def _forge(self) -> None:
        """An answer comes twice, or for a generation that is over."""
        instance = self.random.choice(JOURNEYS)
        state = self.client.orchestration(instance).status()
        if state is None or not state.generation:
            return
        self.generations.add((instance, state.generation))
        past = list(self.client.orchestration(instance).history())
        # not of those that failed: a rewind asks for them again, and takes what comes first
        done = {event.id for event in past if isinstance(event, TaskCompleted)}
        tasks = [e for e in past if isinstance(e, TaskScheduled) and e.id in done]
        stale = sorted(
            generation
            for of, generation in self.generations
            if of == instance and generation != state.generation
        )
        if stale and self.random.random() < 0.5:
            request = f"{self.random.choice(stale)}:{self.random.randint(1, 4)}"
        elif tasks:
            request = f"{state.generation}:{self.random.choice(tasks).id}"
        else:
            return
        message = Message(
            target=instance,
            operation=ANSWER,
            input=msgspec.json.encode(Answer(result=msgspec.Raw(str(WRONG).encode()))),
            form="value",
            request_id=request,
            caller="@@work",
        )
        reply: Reply[Any] = Reply(self.runtime, instance, ANSWER, request)
        self.client.node.submit(Chunk([message], reply))

    # ---- trouble, then calm ---------------------------------------------------------------

    def crash(self) -> None:
        """The process dies; another one opens the store, perhaps with other code."""
        draw = self.random
        outside.broken = self.quota > 0 and draw.random() < 0.15
        outside.patched = outside.patched or draw.random() < 0.2
        self.deployed = bare if self.quota > 0 and draw.random() < 0.1 else app
        self.simulation._app = self.deployed
        if self.jumps and draw.random() < 0.3:
            self.runtime.clock.micros -= draw.randint(1, 2_000_000)  # it was set right
        self.simulation.crash()
        for ask in self.waiting:
            ask.lost(self.client)

    def _look(self) -> None:
        for ask in self.waiting:
            ask.look(self.client)
        self.waiting = [ask for ask in self.waiting if not ask.outcome]

    def run(self) -> None:
        """Trouble, then calm, until nothing is left to do."""
        outside.begin(*self.outside)
        for _ in range(2500):
            if not self._happen() and self.quota <= 0:
                break
        self.quota = 0
        self.faults.calm = True
        self.chances.lost_baton = self.chances.passivation = 0.0
        outside.fails = outside.kills = 0.0
        if outside.broken or self.deployed is bare:
            self.crash()
        self._calmly(10.0)
        self._redrive()
        self._until_answered()
        for instance in LISTENERS + JOURNEYS:
            self.ask("resume", instance)
        self._until_answered()
        for instance in LISTENERS:
            self.ask("raise", instance, "stop")
        self._until_answered()
        self._calmly(60.0)

    def _happen(self) -> bool:
        draw = self.random
        try:
            if self.crash_anywhere and draw.random() < self.crash_anywhere:
                self.crash()
            if self.jumps and draw.random() < self.jumps:
                self.runtime.clock.micros += draw.randint(1, 3_000_000)
            if self.forged and draw.random() < self.forged:
                self._forge()
            if self.quota > 0 and len(self.waiting) < 3:
                self.quota -= 1
                self._ask()
            self._look()
            return self.runtime.step() or self.runtime.pass_time()
        except SimulatedCrash:
            self.crash()
            return True

    def _calmly(self, seconds: float) -> None:
        self.runtime.advance(seconds)
        self._look()

    def _until_answered(self) -> None:
        for _ in range(60):
            if not self.waiting:
                return
            self._calmly(1.0)
        unanswered = [(ask.kind, ask.instance) for ask in self.waiting]
        assert not unanswered, f"never answered: {unanswered}"

    def _redrive(self) -> None:
        for row in list(self.client.quarantine()):
            blamed = "crashes" in row.reason or "simulated: rejected" in row.reason
            assert blamed, f"an innocent was quarantined: {row.reason}"
            assert self.client.redrive(row.id)
        self.runtime.advance(10.0)
