"""Mistakes planted in the engine on purpose: the simulation must find each of them."""

from __future__ import annotations

import pytest

from tests.simulation.ledgers import ledgers
from tests.simulation.planted.__main__ import PAGE
from tests.simulation.planted.planting import (
    IN_ENTITIES,
    IN_ORCHESTRATIONS,
    Plant,
    is_found,
)

BUDGET = 150
"""Seeds within which a planted mistake has to be found."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", IN_ENTITIES, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_found(plant: Plant) -> None:
    assert is_found(plant, ledgers, within=BUDGET)


def test_the_table_of_planted_mistakes_has_all_of_them() -> None:
    page = PAGE.read_text(encoding="utf-8")

    names = [getattr(plant, "__name__", "") for plant in (*IN_ENTITIES, *IN_ORCHESTRATIONS)]
    assert [name for name in names if f"| {name.replace('_', ' ')} |" not in page] == []
    assert "| never |" not in page
    assert len(set(names)) >= 20
