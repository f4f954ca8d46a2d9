"""For your tests: entities by themselves, apps in simulated time, and yesterday's histories."""

from perdure.orchestration.simulation import Simulation, simulate
from perdure.testing.crashing import crash_everywhere
from perdure.testing.deciding import Given, Sent, Started, Then, given
from perdure.testing.linting import assert_lint_clean
from perdure.testing.pinned import Histories
from perdure.testing.replays import assert_replays
from perdure.testing.simulating.asks import Ask
from perdure.testing.simulating.runs import Run, assert_survives
from perdure.testing.simulating.scenarios import Scenario, scenario
from perdure.testing.simulating.world import World

__all__ = [
    "Ask",
    "Given",
    "Histories",
    "Run",
    "Scenario",
    "Sent",
    "Simulation",
    "Started",
    "Then",
    "World",
    "assert_lint_clean",
    "assert_replays",
    "assert_survives",
    "crash_everywhere",
    "given",
    "scenario",
    "simulate",
]
