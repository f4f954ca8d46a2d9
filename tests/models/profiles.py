"""How long the models run: ``PERDURE_PROOF=night`` for the long sizes, else a few seconds."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SIZES = {"test": 1, "ci": 10, "night": 100}
"""How many times the usual number of examples."""

TIMES = SIZES[os.environ.get("PERDURE_PROOF", "test")]


def sized(examples: int, steps: int = 50) -> settings:
    """Settings for so many examples in ``make test``, of so many steps each."""
    return settings(
        max_examples=examples * TIMES,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
