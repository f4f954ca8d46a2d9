"""Scenarios: what is done in a simulated world, and what must be true afterwards."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from perdure.errors import InvalidInputError
from perdure.importing import import_from_here
from perdure.orchestration.app import App
from perdure.testing.simulating.world import World


@attrs.frozen
class Scenario:
    """A function over a world, and the app that runs in it.

    Attributes:
        app: whose entities, orchestrations and activities run.
        function: sends requests during the trouble, and checks when it is calm.
    """

    app: App
    function: Callable[[World], object]

    @property
    def target(self) -> str:
        """How the command line names it: ``module:function``."""
        return f"{self.function.__module__}:{getattr(self.function, '__name__', '')}"


def scenario(app: App) -> Callable[[Callable[[World], object]], Scenario]:
    """Make a scenario of a function: ``perdure simulate module:function`` runs it.

    Args:
        app: whose entities, orchestrations and activities run.
    """

    def decorate(function: Callable[[World], object]) -> Scenario:
        return Scenario(app, function)

    return decorate


def load_scenario(target: str) -> Scenario:
    """Import the scenario that ``module:function`` names; modules in the current folder too.

    Raises:
        InvalidInputError: it names none, or cannot be imported.
    """
    module_name, _, name = target.partition(":")
    module = import_from_here(module_name, InvalidInputError)
    found = getattr(module, name, None)
    if isinstance(found, Scenario):
        return found
    known = [key for key, value in vars(module).items() if isinstance(value, Scenario)]
    msg = (
        f"{target!r} is no scenario; decorate a function with "
        f"@perdure.testing.scenario(app), and name it as {module_name}:{(known or ['run'])[0]}"
    )
    raise InvalidInputError(msg)
