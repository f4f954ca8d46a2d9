"""A crash at every commit of a scenario: does it come to the same end each time?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import attrs

from perdure.errors import InvalidInputError
from perdure.orchestration.app import App
from perdure.orchestration.simulation import Simulation
from perdure.storage.records import Batch


class SimulatedCrash(BaseException):
    """The process dies here."""


@attrs.define
class _CrashAt:
    """Ends the process once, at one commit, before or after that is durable."""

    number: int
    written: bool
    commits: int = 0

    def before_commit(self, batch: Batch) -> None:
        """Nothing is written yet."""
        self.commits += 1
        self._crash(written=False)

    def after_commit(self, batch: Batch) -> None:
        """It is durable, and nobody knows."""
        self._crash(written=True)

    def _crash(self, *, written: bool) -> None:
        if self.commits == self.number and written == self.written:
            raise SimulatedCrash


def crash_everywhere(
    app: App, scenario: Callable[[Simulation], object], *, seeds: int = 1, first_seed: int = 0
) -> int:
    """Run *scenario* once for each of its commits, with a crash there.

    It crashes right before the commit in one run, and right after it in another. After the
    crash the scenario begins again, over what the store then holds: so it names its
    orchestrations and requests by ids (``start_or_get``, ``options(request_id=…)``), as a
    program does that is started again, and asserts at its end what must be true.

    Args:
        app: whose entities, orchestrations and activities run.
        scenario: what is done with a :class:`Simulation`; it raises when something is wrong.
        seeds: in how many orders things that happen at once shall happen.
        first_seed: names the first of these orders.

    Returns:
        How many crashes there were.

    Raises:
        AssertionError: or what else the scenario raised; a note tells the crash and the seed.
        InvalidInputError: the scenario writes nothing.
    """
    crashes = 0
    for seed in range(first_seed, first_seed + seeds):
        for written in (False, True):
            crashes += _crash_at_each(app, scenario, seed, written=written)
    if not crashes:
        msg = f"{scenario!r} commits nothing, so nothing can crash"
        raise InvalidInputError(msg)
    return crashes


def _crash_at_each(
    app: App, scenario: Callable[[Simulation], object], seed: int, *, written: bool
) -> int:
    for number in count(1):
        faults = _CrashAt(number, written)
        try:
            _run(app, scenario, seed, faults)
        except BaseException as error:  # those of test runners are none of Exception's
            when = "after" if written else "before"
            error.add_note(f"with a crash {when} commit {number} (seed {seed})")
            raise
        if faults.commits < number:
            return number - 1
    raise AssertionError


def _run(
    app: App, scenario: Callable[[Simulation], object], seed: int, faults: _CrashAt
) -> None:
    world = Simulation(app, seed=seed, faults=faults)
    for _ in range(2):
        try:
            scenario(world)
            world.settle()
        except SimulatedCrash:
            world.crash()
        else:
            break
