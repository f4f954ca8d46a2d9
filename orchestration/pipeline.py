"""Pipelines that start orchestrations as well."""

from __future__ import annotations

from datetime import datetime, timedelta

from perdure.actors.context import due_micros
from perdure.actors.directory import UNCONDITIONAL, Conditions, Starter, Starts
from perdure.actors.messages import Message
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

    def _starting(
        self, start_at: datetime | timedelta | None
    ) -> tuple[Starter, int, Conditions]:
        return self._starter, due_micros(start_at, self.now_micros()), UNCONDITIONAL

    def _send_start(self, message: Message) -> None:
        message.request_id = self.new_id()
        self.send_signal(message)
