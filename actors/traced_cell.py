"""A cell that tells what it does: used in place of the plain one when there is a tracer.

So tracing costs the engine nothing while it is off: no step looks whether it is on.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from perdure.actors.behavior import Instance, Outcome, Step
from perdure.actors.cell import Cell, CellHost
from perdure.actors.ids import kind_of
from perdure.actors.messages import Message
from perdure.actors.pending import Record
from perdure.actors.tracing import OPERATION, Span, Tracer


@runtime_checkable
class Told(Protocol):
    """An instance that knows its spans itself."""

    def span_of(self, step: Step, outcome: Outcome, now: int) -> Span | None:
        """What to tell of a step when its outcome is durable; ``None`` for nothing."""


class TracedCell(Cell):
    """An active actor whose messages carry the trace of what caused them."""

    def __init__(
        self, tracer: Tracer, address: str, instance: Instance, version: int, now_micros: int
    ) -> None:
        super().__init__(address, instance, version, now_micros)
        self._tracer = tracer
        self._told = instance if isinstance(instance, Told) else None
        self._is_entity = address.startswith("@") and not address.startswith("@@")
        self._begun_micros = now_micros

    def take_turn(self, partition: CellHost) -> bool:
        """Handle a turn's messages: the first step begins now, each other where one ends."""
        self._begun_micros = partition.runtime.now_micros()
        return super().take_turn(partition)

    def conclude(
        self,
        partition: CellHost,
        record: Record,
        step: Step,
        returned: tuple[Any, BaseException | None],
    ) -> Outcome:
        """Note a step's outcome, and its span; what it sends carries its trace."""
        first = len(record.accepted)
        outcome = super().conclude(partition, record, step, returned)
        if outcome.put_back:
            return outcome
        message: Message = step.message
        now = partition.runtime.now_micros()
        span: Span | None = None
        if self._told is not None:
            span = self._told.span_of(step, outcome, now)
        elif self._is_entity and not message.operation.startswith("$"):
            span = self._operation(message, outcome, now)
        self._begun_micros = now
        trace = getattr(self.instance, "trace", "") or (message.trace if span is None else "")
        if span is not None:
            trace = trace or span.trace
            record.spans = [*(record.spans or ()), span]
        for sent in record.accepted[first:]:
            if not sent.trace:
                sent.trace = trace
        return outcome

    def _operation(self, message: Message, outcome: Outcome, now: int) -> Span:
        failure = outcome.failure
        attributes: dict[str, str | int] = {
            "perdure.entity": self.address,
            "perdure.request_id": message.request_id,
        }
        if message.caller:
            attributes["perdure.caller"] = message.caller
        return Span(
            category=OPERATION,
            name=f"{kind_of(self.address)}:{message.operation}",
            trace=self._tracer.child(message.trace),
            parent=message.trace,
            begun_micros=self._begun_micros,
            ended_micros=now,
            outcome="completed" if failure is None else "failed",
            failure=failure,
            attributes=attributes,
        )
