"""An app in simulated time: the real engine over a store in memory, on a clock you move."""

from __future__ import annotations

from perdure.actors.simulation import EntitySimulation
from perdure.orchestration.app import App
from perdure.orchestration.client import EmbeddedClient


class Simulation(EntitySimulation[EmbeddedClient]):
    """One app, one store in memory, one clock that only you move; use it in a ``with`` block.

    Attributes:
        client: sends to entities and orchestrations, as in production. What blocks there lets
            simulated things happen here until there is an answer.
    """


def simulate(app: App, *, seed: int = 0) -> Simulation:
    """Run *app* in simulated time; the same *seed* gives the same run."""
    return Simulation(app, seed=seed)
