"""What activities at work tell of themselves, for those who follow their orchestrations.

Heartbeats are in the node's memory only, and no commit tells of them. So they are looked at
once a second, all together, and only while somebody follows an orchestration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from perdure.actors.ids import INSTANCES, kind_of
from perdure.errors import NodeClosedError
from perdure.gateway.engine import Engine
from perdure.gateway.streams.pump import Pump
from perdure.orchestration.running import RunningActivity, all_running


class Activities:
    """The attempts that are at work, as they were a second ago at most."""

    def __init__(self, engine: Engine, pump: Pump) -> None:
        self._engine = engine
        self._pump = pump
        self._found: dict[str, list[RunningActivity]] = {}
        self._look: asyncio.Task[None] | None = None
        pump.each_second(self._look_again)

    def of(self, instance_id: str) -> Sequence[RunningActivity]:
        """Those of one orchestration."""
        return self._found.get(instance_id, ())

    def _look_again(self) -> None:
        if not any(kind_of(topic) == INSTANCES for topic in self._pump.topics()):
            self._found = {}
        elif self._look is None or self._look.done():
            self._look = asyncio.create_task(self._compare())

    async def _compare(self) -> None:
        """Wake those who follow one of which something is new."""
        node, before = self._engine.client.node, self._found
        try:
            self._found = await self._engine.read(
                lambda: node.ask_partition(lambda p: all_running(p.attempts.steps()))
            )
        except NodeClosedError:
            return
        names = before.keys() | self._found.keys()
        self._pump.wake({name for name in names if before.get(name) != self._found.get(name)})
