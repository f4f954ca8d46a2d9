"""Sections and transactions of many holders under faults: nothing is lost or half done."""

from __future__ import annotations

import random
from typing import Any

import pytest

from perdure.actors.client import EntityClient
from perdure.actors.simulated import Chances
from perdure.actors.simulation import EntitySimulation
from perdure.errors import OutcomeUnknownError, StoreUnavailableError
from tests.actors.holder import Asked, Purse, app, lock, plan_of, release, run
from tests.simulation.failing import DiskFaults

World = EntitySimulation[EntityClient]


HOLDERS = [f"order-{number}" for number in range(4)]
KEYS = ["a", "b", "c"]
SECTIONS = 16


def section(draw: random.Random, name: str) -> tuple[list[Asked], bool]:
    """One section that moves coins and leaves its name, and whether it is undone."""
    targets = [f"@purse@{key}" for key in sorted(draw.sample(KEYS, 2))]
    transaction, undo = draw.random() < 0.7, draw.random() < 0.5
    undone = transaction and undo
    coins = draw.randint(1, 9)
    plan = [lock(target, name, transaction=transaction) for target in targets]
    plan += [(targets[0], "put", -coins), (targets[1], "put", coins)]
    plan += [(targets[1], "note", f"{name} "), (targets[0], "fail", 50)]
    plan += [(targets[0], "pay_fee", 1)]
    plan += [release(target, name, undo=undo) for target in targets]
    return plan, undone


def signal_surely(world: World, text: str) -> None:
    """Have the first purse note *text* once, whatever the disk does."""
    while True:
        ref = world.client.entity(Purse, "a").options(request_id=text)
        try:
            return ref.signal(Purse.note, f"{text} ")
        except (OutcomeUnknownError, StoreUnavailableError):
            world.advance(seconds=1)


@pytest.mark.parametrize("seed", range(30))
def test_sections_under_faults_are_whole(seed: int) -> None:
    draw = random.Random(seed)
    faults = DiskFaults(draw, not_written=0.04, written_unknown=0.04)
    chances = Chances(lost_baton=0.1, passivation=0.3, short_turns=0.3)
    kept: set[str] = set()
    signals: list[str] = []
    with EntitySimulation(app, seed=seed, faults=faults, chances=chances) as world:
        for number in range(SECTIONS):
            plan, undone = section(draw, f"s{number}")
            if not undone:
                kept.add(f"s{number}")
            run(world.client, draw.choice(HOLDERS), *plan)
            if draw.random() < 0.6:
                signals.append(f"n{number}")
                signal_surely(world, signals[-1])
            for _ in range(draw.randint(0, 30)):
                world.runtime.step()
            if draw.random() < 0.2:
                world.crash()
        faults.calm = True
        world.advance(seconds=60)

        check(world, kept, signals)


def check(world: World, kept: set[str], signals: list[str]) -> None:
    """All sections are over, and what was not undone has happened once."""
    plans = [plan_of(world.client, holder) for holder in HOLDERS]
    assert [(plan.todo, plan.waiting) for plan in plans] == [([], False)] * len(plans)
    answers: list[Any] = [answer for plan in plans for answer in plan.answers]
    assert len(answers) == SECTIONS * 7
    told = [str(answer) for answer in answers if "locked" not in str(answer)]
    failures = [text for text in told if "Error" in text or "crash" in text]
    assert [("planned" in text) for text in failures] == [True] * SECTIONS
    page = world.client.entities()
    assert {snapshot.locked_by for snapshot in page.items} == {None}
    assert sum(snapshot.state.coins for snapshot in page.items) == 0
    fees = world.client.entity(Purse, "fees").get()
    assert (0 if fees is None else fees.state.coins) == len(kept)
    notes = " ".join(snapshot.state.notes for snapshot in page.items).split()
    assert sorted(note for note in notes if note.startswith("s")) == sorted(kept)
    assert [note for note in notes if note.startswith("n")] == signals
    assert list(world.client.verify()) == []
