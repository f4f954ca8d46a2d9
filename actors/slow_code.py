"""Orchestrators that hold their thread: told in the log, once of each, with the remedy.

Only code that has lost the baton is looked at, so what is quick costs nothing.
"""

from __future__ import annotations

import logging
import math
import time

from perdure.actors import limits
from perdure.actors.behavior import Step
from perdure.actors.logs import fields_of

logger = logging.getLogger("perdure")


class SlowCode:
    """When steps lost the baton, and which orchestrators were told of."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}
        self._told: set[str] = set()

    def lost_baton(self, step: Step) -> None:
        """*step* goes on alone from now on."""
        self._since[id(step)] = time.monotonic()

    def ended(self, step: Step) -> None:
        """Tell of a step that went on for long: what it did belongs in activities."""
        seconds = time.monotonic() - self._since.pop(id(step), math.inf)
        name = getattr(step.cell.instance, "orchestrator", "")
        if not name or seconds < limits.SLOW_CODE_SECONDS or name in self._told:
            return
        self._told.add(name)
        logger.warning(
            "orchestrator %s of %r held its thread for %.2f s: time.sleep, I/O or computing in "
            "it runs again on each replay; wait with ctx.create_timer(…), and work in an "
            "activity",
            name,
            step.cell.address,
            seconds,
            extra={**fields_of(step.message), "orchestrator": name},
        )
