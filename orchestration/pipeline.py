"""Pipelines that start orchestrations as well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from perdure.actors.context import due_micros
from perdure.actors.directory import UNCONDITIONAL, Starter, Starts
from perdure.actors.pipeline import EntityPipeline, Origin


class Pipeline(EntityPipeline, Starts):
    """Signals and starts sent without waiting for each; ``with client.pipeline() as p``.

    Memory stays flat: after 10,000 on their way, the next one waits for earlier ones.

    Attributes:
        failures: what was refused; the block's end raises the first one's error.
        sent: how many were handed over.
    """

    def __init__(self, client: Origin, starter: Starter) -> None:
        super().__init__(client)
        self._starter = starter

    def _start(
        self,
        orchestrator: Any,
        input: Any,
        instance_id: str | None,
        start_at: datetime | timedelta | None,
        version: str | None,
        tags: Mapping[str, str] | None,
    ) -> str:
        due = due_micros(start_at, self.now_micros())
        message = self._starter(
            orchestrator, input, instance_id, due, version, tags, UNCONDITIONAL
        )
        message.request_id = self.new_id()
        self.send_signal(message)
        return message.target
