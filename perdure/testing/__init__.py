"""For your tests: entities by themselves, apps in simulated time, and yesterday's histories."""

from perdure.orchestration.simulation import Simulation, simulate
from perdure.testing.crashing import crash_everywhere
from perdure.testing.deciding import Given, Sent, Started, Then, given
from perdure.testing.linting import assert_lint_clean
from perdure.testing.pinned import Histories
from perdure.testing.replays import assert_replays

__all__ = [
    "Given",
    "Histories",
    "Sent",
    "Simulation",
    "Started",
    "Then",
    "assert_lint_clean",
    "assert_replays",
    "crash_everywhere",
    "given",
    "simulate",
]
