"""Orchestrations under seeded trouble: nothing is lost, nothing is done twice, all ends."""

from __future__ import annotations

import os

import pytest

from perdure.testing import assert_survives
from tests.simulation.orchestrated import journeys

SEEDS = int(os.environ.get("PERDURE_SEEDS", "150"))
GROUPS = 10


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", range(GROUPS))
def test_orchestrations_keep_every_promise_whatever_fails(group: int) -> None:
    seeds = SEEDS // GROUPS

    assert assert_survives(journeys, seeds=seeds, first_seed=group * seeds) >= 1_000 * seeds
