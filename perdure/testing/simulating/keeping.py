"""Limits of the engine: made tight for a run, and watched while it goes on."""

from __future__ import annotations

from typing import Any

from perdure.actors import limits
from perdure.actors.partition import Partition
from perdure.testing.simulating.faults import Swarm

TIGHT: dict[str, int] = {
    "TURN_MESSAGES": 3,
    "INTAKE_MESSAGES": 3,
    "HANDOVER_RECORDS": 2,
    "PENDING_RECORDS": 6,
    "ACTIVE_CELLS": 4,
    "DUE_PAGE": 3,
    "SUSPECTS": 3,
    "MAILBOX_MESSAGES": 6,
    "IN_HAND_MESSAGES": 12,
    "TIDY_ROWS": 5,
}


class Tightened:
    """The engine's limits, which are tight with some seeds until they are loosened."""

    def __init__(self, swarm: Swarm) -> None:
        self._before: dict[str, int] = {}
        if swarm.has("tight-limits"):
            for name, tight in TIGHT.items():
                self._before[name] = getattr(limits, name)
                setattr(limits, name, tight)

    def loosen(self) -> None:
        """Put back what was there."""
        for name, value in self._before.items():
            setattr(limits, name, value)
        self._before.clear()


def check_bounds(partition: Partition) -> None:
    """No queue of the engine has more than it may.

    Raises:
        AssertionError: one has.
    """
    for cell in partition.cells.values():
        waiting = [
            message for message in cell.waiting() if not message.caller and not message.id
        ]
        count = len(waiting)
        assert count <= limits.MAILBOX_MESSAGES, f"{count} calls wait for {cell.address}"
    record: Any
    for record in partition.open.records:
        count = len(record.handled)
        assert count <= limits.TURN_MESSAGES, f"{count} messages in one turn"
