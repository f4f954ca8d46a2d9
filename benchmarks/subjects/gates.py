"""An activity that does not end while a gate is closed: work to be killed in the middle of."""

from __future__ import annotations

import time
from pathlib import Path

import attrs

from perdure.orchestration.app import App
from perdure.orchestration.context import OrchestrationContext


@attrs.frozen
class Gate:
    """Closed while a file is there; whoever recovers opens it before anything starts."""

    path: Path

    def close(self) -> None:
        """Hold up all who come."""
        self.path.touch()

    def open(self) -> None:
        """Let them through."""
        self.path.unlink(missing_ok=True)

    def pass_through(self) -> None:
        """Return once it is open."""
        while self.path.exists():
            time.sleep(0.01)


def include_held(app: App, gate: Gate) -> None:
    """Register ``held_step`` and its activity, which waits at *gate*."""

    def held(number: int) -> int:
        gate.pass_through()
        return number + 1

    app.activity(held)
    app.orchestrator(held_step)


async def held_step(ctx: OrchestrationContext, number: int) -> int:
    """One activity, which stands at the gate."""
    return await ctx.call_activity("held", number, return_type=int)
