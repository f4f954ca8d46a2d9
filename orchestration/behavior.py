"""What an orchestration does with a message: the behavior port for instances.

An instance is an actor like an entity; what differs is how it decides: its code goes on from
where it is. The code is alive while the actor is active; after an activation the history is
replayed, once.
"""

from __future__ import annotations

from perdure.actors.behavior import Surroundings
from perdure.actors.directory import Resolve
from perdure.actors.tracing import Tracer
from perdure.orchestration.instance import OrchestrationInstance
from perdure.orchestration.programs import Programs
from perdure.orchestration.state import (
    read_state,
)


class OrchestrationBehavior:
    """All orchestrations, as the engine runs them."""

    def __init__(
        self, programs: Programs, resolve: Resolve, tracer: Tracer | None = None
    ) -> None:
        """Serve what *programs* knows; *resolve* finds kinds of entities."""
        self._programs = programs
        self._resolve = resolve
        self._tracer = tracer

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings
    ) -> OrchestrationInstance:
        """Rebuild an instance from its row; its history is read when it is needed."""
        present = None if state is None else read_state(target, state)
        return OrchestrationInstance(
            self._programs, self._resolve, target, version, present, engine, self._tracer
        )
