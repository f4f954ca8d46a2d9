"""The whole engine under seeded trouble: what was acknowledged happens once, in order."""

from __future__ import annotations

import os

import pytest

from tests.simulation.world import World

SEEDS = int(os.environ.get("PERDURE_SEEDS", "300"))
FIRST = int(os.environ.get("PERDURE_FIRST_SEED", "0"))
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_acknowledged_message_is_applied_once_whatever_fails(group: int) -> None:
    for seed in range(FIRST + group, FIRST + SEEDS, GROUPS):
        world = World(seed)
        try:
            world.run()
            world.check()
        except Exception as error:
            msg = f"seed {seed}: PERDURE_FIRST_SEED={seed} PERDURE_SEEDS=1"
            raise AssertionError(msg) from error


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = World(7), World(7)

    first.run()
    second.run()

    assert first.trace == second.trace
    assert len(first.trace) > 100
