"""Whoever ends the process is found: alone in hand at three crashes, and no others with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from perdure.actors import limits
from perdure.actors.entity import Entity
from perdure.orchestration.app import App
from perdure.orchestration.simulation import Simulation
from perdure.storage.memory import MemoryStore
from perdure.testing.crashing import SimulatedCrash

app = App("suspects")
moods = {"deadly": True}
FAR = 1 << 62


@app.entity
class Actor(Entity):
    """Counts, sleeps, or ends the process."""

    count: int = 0

    def add(self) -> None:
        """Count."""
        self.count += 1

    async def sleep(self, seconds: float) -> None:
        """Count, after a while."""
        await asyncio.sleep(seconds)
        self.count += 1

    def die(self) -> None:
        """End the process, while that is so."""
        if moods["deadly"]:
            raise SimulatedCrash
        self.count += 1


def scheduled(world: Simulation, key: str, operation: str, *args: object) -> None:
    """Have a signal wait in the store, due in a second."""
    ref = world.client.entity(Actor, key).options(at=timedelta(seconds=1))
    ref.signal(operation, *args)


def crashes_until_quiet(world: Simulation) -> int:
    """Start the process again each time that it ends."""
    for crashes in range(20):
        try:
            world.advance(seconds=10)
        except SimulatedCrash:
            world.crash()
        else:
            return crashes
    msg = "it dies for ever"
    raise AssertionError(msg)


def counts(world: Simulation) -> dict[str, int]:
    return {s.id.key: s.state.count for s in world.client.entities(Actor).items}


@pytest.mark.parametrize("seed", range(5))
def test_a_killer_that_waits_alone_is_set_aside_after_three_noted_crashes(seed: int) -> None:
    world = Simulation(app, seed=seed)
    scheduled(world, "killer", "die")

    # at the first nothing was noted yet: no message was from before a crash
    assert crashes_until_quiet(world) == 1 + limits.ATTEMPTS

    [row] = world.client.quarantine()
    assert row.stream == "@actor@killer"
    assert row.attempts == limits.ATTEMPTS
    assert f"only message in hand at {row.attempts} crashes" in row.reason


@pytest.mark.parametrize("seed", range(5))
def test_a_killer_among_others_costs_one_crash_more_and_them_nothing(seed: int) -> None:
    world = Simulation(app, seed=seed)
    keys = [f"k{number}" for number in range(8)]
    for key in keys:
        scheduled(world, key, "add")
        if key == "k4":
            scheduled(world, "killer", "die")

    assert crashes_until_quiet(world) == 2 + limits.ATTEMPTS

    [row] = world.client.quarantine()
    assert (row.stream, row.attempts) == ("@actor@killer", limits.ATTEMPTS)
    assert f"at {row.attempts} crashes" in row.reason
    assert counts(world) == dict.fromkeys(keys, 1)


def crash_twice(world: Simulation, *keys: str) -> None:
    """A killer waits behind those that add: at the second crash all were in hand together, and
    from now on each runs alone.
    """
    for key in keys:
        scheduled(world, key, "add")
    scheduled(world, "killer", "die")
    for _ in range(2):
        with pytest.raises(SimulatedCrash):
            world.advance(seconds=10)
        world.crash()


def test_a_suspect_set_aside_for_another_reason_has_no_attempts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Simulation(app)
    crash_twice(world, "a")
    definition = app.resolve(Actor)
    assert definition is not None
    monkeypatch.delitem(definition.operations, "add")  # another release of the code
    crashes_until_quiet(world)

    rows = {row.stream: row for row in world.client.quarantine()}
    assert rows["@actor@a"].attempts == 0
    assert "add" in rows["@actor@a"].reason


def test_a_suspect_that_runs_for_long_holds_up_the_others_for_a_while_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Simulation(app, seed=3)
    scheduled(world, "slow", "sleep", 600.0)
    crash_twice(world, "a", "b")
    monkeypatch.setitem(moods, "deadly", False)
    world.advance(seconds=0.5)
    assert "slow" not in counts(world)
    held_up = counts(world)

    world.advance(seconds=limits.SUSPECT_SECONDS - 1)
    assert counts(world) == held_up
    world.advance(seconds=2)
    assert counts(world) == {"a": 1, "b": 1, "killer": 1}
    world.advance(seconds=600)
    assert counts(world) == {"a": 1, "b": 1, "killer": 1, "slow": 1}
    assert not list(world.client.quarantine())
    assert not world.client.node.partition.recovery.careful


def waiting_from_before(world: Simulation, operation: str, count: int, *args: object) -> None:
    """Have *count* signals wait, and be due, after the process ended without a word."""
    for number in range(count):
        scheduled(world, f"old{number}", operation, *args)
    world.settle()
    world.crash(downtime=timedelta(seconds=1))


def test_what_comes_after_a_crash_waits_for_one_group_and_not_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SUSPECTS", 2)
    monkeypatch.setattr(limits, "MOST_SUSPECTS", 2)
    world = Simulation(app, seed=1)
    waiting_from_before(world, "sleep", 6, 3.0)

    world.client.entity(Actor, "new").call(Actor.add).get(4)

    assert world.client.node.partition.recovery.careful
    assert counts(world) == {"new": 1, "old0": 1, "old1": 1}
    world.advance(seconds=10)
    assert sum(counts(world).values()) == 7


def test_what_goes_on_coming_does_not_hold_up_the_suspects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SUSPECTS", 1)
    monkeypatch.setattr(limits, "MOST_SUSPECTS", 1)
    world = Simulation(app, seed=2)
    waiting_from_before(world, "add", 5)
    for _ in range(10):
        world.client.entity(Actor, "new").call(Actor.add).get(1)

    assert not world.client.node.partition.recovery.careful
    assert counts(world) == {"new": 10, **{f"old{number}": 1 for number in range(5)}}


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were noted together, one after the other."""
    found: list[int] = []
    note = MemoryStore.count_attempts

    def noted(store: MemoryStore, message_ids: Sequence[int]) -> None:
        found.append(len(message_ids))
        note(store, message_ids)

    monkeypatch.setattr(MemoryStore, "count_attempts", noted)
    monkeypatch.setattr(limits, "SUSPECTS", 2)
    monkeypatch.setattr(limits, "MOST_SUSPECTS", 8)
    return found


def test_groups_grow_as_long_as_all_is_quick(groups: list[int]) -> None:
    world = Simulation(app)
    waiting_from_before(world, "add", 25)
    world.advance(seconds=10)

    assert groups == [2, 4, 8, 8, 3]
    assert sum(counts(world).values()) == 25


def test_a_group_that_takes_long_makes_the_next_one_small_again(groups: list[int]) -> None:
    world = Simulation(app)
    waiting_from_before(world, "sleep", 16, limits.SUSPECT_SECONDS + 1)
    world.advance(seconds=60)

    assert groups == [2] * 8
    assert sum(counts(world).values()) == 16


@pytest.mark.parametrize("seed", range(10))
def test_nobody_is_charged_with_what_came_after_it(seed: int) -> None:
    world = Simulation(app, seed=seed)
    waiting_from_before(world, "add", 1)

    node = world.client.node
    while not node.partition.writing:  # the suspect has had its turn, and is not durable yet
        node.world.pause(0)
    with pytest.raises(SimulatedCrash):
        world.client.entity(Actor, "killer").call(Actor.die).get(5)

    stored = world.client.node.store.load(["@actor@old0"], FAR)["@actor@old0"]
    assert stored.version == 1, "what the suspect did was not durable when the killer ran"
    assert not stored.messages


def test_charged_ones_have_their_turn_though_others_always_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Simulation(app, seed=4)
    crash_twice(world, "a", "b")
    monkeypatch.setitem(moods, "deadly", False)

    for number in range(60):  # there is always one that has begun within the last second
        world.client.entity(Actor, f"new{number}").signal(Actor.sleep, 1.0)
        world.advance(seconds=0.5)

    assert not world.client.node.partition.recovery.careful
    assert {"a", "b", "killer"} <= counts(world).keys()
