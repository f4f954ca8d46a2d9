"""Orchestrations under seeded trouble: nothing is lost, nothing is done twice, all ends."""

from __future__ import annotations

import os

import pytest

from tests.simulation.orchestrated import OrchestratedWorld
from tests.simulation.promises import check

SEEDS = int(os.environ.get("PERDURE_ORCHESTRATED_SEEDS", "100"))
FIRST = int(os.environ.get("PERDURE_FIRST_SEED", "0"))
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_orchestrations_keep_every_promise_whatever_fails(group: int) -> None:
    for seed in range(FIRST + group, FIRST + SEEDS, GROUPS):
        world = OrchestratedWorld(seed)
        try:
            world.run()
            check(world)
        except Exception as error:
            msg = f"seed {seed}: PERDURE_FIRST_SEED={seed} PERDURE_ORCHESTRATED_SEEDS=1"
            raise AssertionError(msg) from error


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = OrchestratedWorld(7), OrchestratedWorld(7)

    first.run()
    second.run()

    assert first.trace == second.trace
    assert len(first.trace) > 100
