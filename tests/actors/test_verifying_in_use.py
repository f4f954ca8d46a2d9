"""Verification and retention while others commit and purge between their looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import perdure
from perdure.actors.retention import Retention
from perdure.actors.verification import verify
from perdure.orchestration.simulation import Simulation
from perdure.storage.ports import Reader
from perdure.testing import simulate

app = perdure.App("in use")
DAY = timedelta(days=1)


@app.entity(retention=DAY)
class Counter(perdure.Entity):
    value: int = 0
    first: int = 0
    """Told by the first event alone: who reads a log without its beginning misses it."""

    def add(self, amount: int) -> int:
        self.first = self.first or amount
        self.value += amount
        return self.value


class Between:
    """A reader that lets something happen right before each of its looks of one kind."""

    def __init__(self, reader: Reader, look: str, happen: Callable[[], object]) -> None:
        self._reader = reader
        self._look = look
        self._happen = happen

    def __getattr__(self, name: str) -> Any:
        if name == self._look:
            self._happen()
        return getattr(self._reader, name)


def add(world: Simulation) -> int:
    return world.client.entity(Counter, "a").call(Counter.add, 1).get(5)


def purge(world: Simulation) -> int:
    return world.client.purge_history(world.client.entity(Counter, "a").id, keep=2)


def found(world: Simulation, look: str, happen: Callable[[], object]) -> list[str]:
    reader: Any = Between(world.client.node.store, look, happen)
    return [finding.what for finding in verify(reader, app.definitions)]


def test_turns_between_the_looks_of_a_verification_are_no_damage() -> None:
    for look in ("base", "state", "turns"):
        with simulate(app) as world:
            for _ in range(5):
                add(world)

            assert found(world, look, lambda: add(world)) == []


def test_purges_between_the_looks_of_a_verification_are_no_damage() -> None:
    def happen() -> None:
        if len(purged) < 3:
            add(world)
            purged.append(purge(world))

    for look in ("base", "state", "turns"):
        purged: list[int] = []
        with simulate(app) as world:
            for _ in range(9):
                add(world)

            assert found(world, look, happen) == []
            assert sum(purged) >= 7


def test_a_purge_while_old_history_is_folded_is_not_undone() -> None:
    with simulate(app) as world:
        for _ in range(9):
            add(world)
        world.advance(DAY / 2)
        add(world)
        store, now = world.client.node.store, world.client.now_micros()
        reader: Any = Between(store, "turns", lambda: purge(world))
        late = now + 86_400_000_000 * 3 // 4

        Retention(app.definitions.values()).step(reader, lambda work: work(store), late)

        assert list(world.client.verify()) == []
        base = store.base("@counter@a")
        assert base is not None
        assert base.state == b'{"value":8,"first":1}'
