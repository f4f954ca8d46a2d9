"""The scenario of orchestrations: random programs, clients that interfere, and what they ask.

Some requests end, suspend or replace an instance; those that are spared show that nothing is
lost without an excuse.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import attrs
import msgspec

from perdure.actors.answers import ANSWER, Answer
from perdure.actors.messages import Chunk, Message
from perdure.actors.replies import Reply
from perdure.errors import InstanceNotFoundError
from perdure.orchestration.app import App
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.history import TaskCompleted, TaskScheduled
from perdure.testing import World, scenario
from tests.simulation.journeys import app, bare, broken, journey, listener, outside
from tests.simulation.ledger import Register
from tests.simulation.promises import GAUGES, LISTENERS, PURSES, REGISTERS, SPARED, Asked, check

JOURNEYS = [f"j{number}" for number in range(6)]
WRONG = 777_777
"""What a forged answer says."""
FLOOD = 12
"""Calls at once: more than a mailbox takes when limits are tight."""


@attrs.define(eq=False)
class Clients:
    """What clients ask in one run."""

    world: World
    asked: list[Asked] = attrs.Factory(list[Asked])
    generations: set[tuple[str, str]] = attrs.Factory(set[tuple[str, str]])

    @property
    def random(self) -> random.Random:
        """What they draw from."""
        return self.world.random

    def go_on(self) -> None:
        """Perhaps ask something, perhaps forge an answer."""
        if self.world.happens("forged-answer", 0.3):
            self._forge()
        if self.world.happens("flood", 0.02):
            for _ in range(FLOOD):
                self._call()
        if self.world.under_way < 3 and self.random.random() < 0.1:
            self._ask()

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
            *(["count", draw.choice(REGISTERS), draw.randint(1, 1_000_000)] for _ in range(2)),
            ["leave", number],
            ["again"],
        ]
        if depth < 2:
            choices.append(["call_child", self._steps(depth + 1)])
            choices.append(["call_children", [self._steps(depth + 1) for _ in range(2)]])
        return ["fail"] if draw.random() < 0.03 else draw.choice(choices)

    def _ask(self) -> None:
        draw = self.random
        if draw.random() < 0.2:
            self._call()
            return
        deployed = self.world.app is not bare
        if deployed and draw.random() < 0.5:
            self.ask("start", draw.choice(JOURNEYS + LISTENERS))
            return
        kind = next((kind for kind in VERBS if self.world.happens(kind, 0.15)), "")
        if kind:
            harmless = kind in {"suspend", "resume", "rewind"}
            among = [i for i in JOURNEYS + LISTENERS if harmless or i not in SPARED]
            self.ask(kind, draw.choice(among))
            return
        instance = draw.choice(LISTENERS)
        with_start = deployed and draw.random() < 0.2
        for _ in range(draw.randint(1, 4)):
            self.ask("signal with start" if with_start else "raise", instance)

    def _call(self) -> None:
        """Call a register that journeys call too."""
        draw = self.random
        key, amount = draw.choice(REGISTERS), draw.randint(1, 1_000_000)
        reads = draw.random() < 0.5

        def send(client: EmbeddedClient) -> None:
            ref = client.entity(Register, key)
            if reads:
                ref.call(Register.read)
            else:
                ref.call(Register.add, amount)

        name = f"read {key}" if reads else f"add {amount} to {key}"
        # each gets its answer at last: many that perhaps happened are too much to search
        self.world.ask(send, name=name)

    def ask(self, kind: str, instance: str, data: str = "") -> None:
        """Send one request without waiting."""
        draw = self.random
        mark = data or f"item {len(self.asked)}"
        code: Any = listener if instance in LISTENERS else journey
        given: Any = 0 if code is listener else {"steps": self._steps(0), "done": []}
        start_at = timedelta(seconds=0.5) if draw.random() < 0.2 else None
        recursive = draw.random() < 0.8

        def send(client: EmbeddedClient) -> None:
            ref: Any = client.orchestration(instance)
            match kind:
                case "start":
                    client.start(code, given, instance_id=instance, start_at=start_at)
                case "raise":
                    ref.raise_event("item", mark)
                case "signal with start":
                    client.signal_with_start(
                        listener, "Item", mark, instance_id=instance, input=0
                    )
                case "terminate":
                    ref.terminate("enough", recursive=recursive)
                case _:
                    getattr(ref, kind)()

        try:
            ask = self.world.ask(
                send, name=f"{kind} {instance} {mark}", repeats=draw.random() < 0.6
            )
        except InstanceNotFoundError:
            return  # of restart, which reads what there was
        has_mark = kind in {"raise", "signal with start"}
        self.asked.append(Asked(kind, instance, mark if has_mark else "", ask))

    def _forge(self) -> None:
        """An answer comes twice, or for a generation that is over."""
        instance = self.random.choice(JOURNEYS)
        state = self.world.client.orchestration(instance).status()
        if state is None or not state.generation:
            return
        self.generations.add((instance, state.generation))
        past = list(self.world.client.orchestration(instance).history())
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
        reply: Reply[Any] = Reply(self.world.runtime, instance, ANSWER, request)
        self.world.client.node.submit(Chunk([message], reply))


VERBS = ("terminate", "cancel", "suspend", "resume", "rewind", "restart", "purge")
"""How clients interfere; each is a fault of its own."""


def release(world: World) -> App:
    """What the next process runs: perhaps changed code, perhaps code that is not there."""
    outside.patched = outside.patched or world.happens("patched-release", 0.4)
    if world.happens("bare-release", 0.2):
        return bare
    outside.broken = world.happens("broken-release", 0.3)
    return broken if outside.broken else app


@scenario(app)
def journeys(world: World) -> None:
    """Journeys and listeners, and clients that start, end and disturb them."""
    outside.begin(world)
    world.release = lambda: release(world)
    clients = Clients(world)
    for _ in world.trouble():
        clients.go_on()
    world.calm()
    for instance in LISTENERS + JOURNEYS:
        clients.ask("resume", instance)
    world.calm()
    for instance in LISTENERS:
        clients.ask("raise", instance, "stop")
    world.calm()
    check(world, clients.asked)
