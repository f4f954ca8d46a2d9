"""The whole engine under seeded trouble: what was acknowledged happens once, in order."""

from __future__ import annotations

import os

import pytest

from perdure.testing import assert_survives
from tests.simulation.ledgers import ledgers

SEEDS = int(os.environ.get("PERDURE_SEEDS", "150"))
GROUPS = 10
FOUND = (202580816,)
"""Seeds that have found something."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_acknowledged_message_is_applied_once_whatever_fails(group: int) -> None:
    seeds = SEEDS // GROUPS

    assert assert_survives(ledgers, seeds=seeds, first_seed=group * seeds) >= 1_000 * seeds


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_is_not_found_again(seed: int) -> None:
    assert assert_survives(ledgers, seeds=1, first_seed=seed) >= 1_000
