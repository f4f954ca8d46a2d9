"""Mistakes planted in orchestrations on purpose: the simulation must find each of them."""

from __future__ import annotations

import pytest

from tests.simulation.orchestrated import journeys
from tests.simulation.planted.planting import IN_ORCHESTRATIONS, Plant, is_found

BUDGET = 150
"""Seeds within which a planted mistake has to be found."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", IN_ORCHESTRATIONS, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_found(plant: Plant) -> None:
    assert is_found(plant, journeys, within=BUDGET)
