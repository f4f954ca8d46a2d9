"""Cells that tell what they do: used in place of the plain one when there is a tracer.

So tracing costs the engine nothing while it is off: no step looks whether it is on.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, cast

from perdure.actors.activation import NewCell
from perdure.actors.answers import ANSWER
from perdure.actors.behavior import Instance, Outcome, Step
from perdure.actors.cell import Cell, CellHost
from perdure.actors.ids import kind_of
from perdure.actors.messages import Message
from perdure.actors.pending import Record
from perdure.actors.tracing import OPERATION, Span, Tracer


class Told(Protocol):
    """An instance that knows its spans itself."""

    @property
    def trace(self) -> str:
        """What all that it sends carries; empty for nothing."""
        ...

    def span_of(self, step: Step, outcome: Outcome) -> Span | None:
        """What to tell of a step when its outcome is durable; ``None`` for nothing."""


def traced(tracer: Tracer | None) -> NewCell:
    """What makes the cells of an engine with that tracer."""
    return Cell if tracer is None else partial(_new_traced, tracer)


def _new_traced(
    tracer: Tracer, address: str, instance: Instance, version: int, now_micros: int
) -> Cell:
    if hasattr(instance, "span_of"):
        return ToldCell(address, instance, version, now_micros)
    if address.startswith("@") and not address.startswith("@@"):
        return EntityCell(tracer, address, instance, version, now_micros)
    return Cell(address, instance, version, now_micros)


class TracedCell(Cell):
    """A cell that has spans; what it sends carries its trace."""

    def conclude(
        self,
        partition: CellHost,
        record: Record,
        step: Step,
        returned: tuple[Any, BaseException | None],
    ) -> Outcome:
        """Note a step's outcome, and its span."""
        first = len(record.accepted)
        outcome = super().conclude(partition, record, step, returned)
        if not outcome.put_back:
            trace = self.trace_of(partition, record, step, outcome)
            if len(record.accepted) > first:
                _stamp(record.accepted[first:], trace)
        return outcome

    def trace_of(
        self, partition: CellHost, record: Record, step: Step, outcome: Outcome
    ) -> str:
        """Note the span of a step that came to *outcome*, and give what its messages carry."""
        raise NotImplementedError


class ToldCell(TracedCell):
    """An orchestration or an activity, which knows its spans itself."""

    def trace_of(
        self, partition: CellHost, record: Record, step: Step, outcome: Outcome
    ) -> str:
        """What the instance says."""
        told = cast(Told, self.instance)
        span = told.span_of(step, outcome)
        if span is not None:
            _tell(record, span)
        return told.trace


class EntityCell(TracedCell):
    """An entity: each of its operations is a span."""

    def __init__(
        self, tracer: Tracer, address: str, instance: Instance, version: int, now_micros: int
    ) -> None:
        super().__init__(address, instance, version, now_micros)
        self._tracer = tracer
        self._begun_micros = now_micros

    def take_turn(self, partition: CellHost) -> bool:
        """Handle a turn's messages: the first step begins now, each other where one ends."""
        self._begun_micros = partition.runtime.now_micros()
        return super().take_turn(partition)

    def trace_of(
        self, partition: CellHost, record: Record, step: Step, outcome: Outcome
    ) -> str:
        """That of the operation's span; of what the engine asked for itself there is none."""
        message: Message = step.message
        begun, self._begun_micros = self._begun_micros, partition.runtime.now_micros()
        if message.operation.startswith("$"):
            return message.trace
        span = self._operation(message, outcome, begun)
        _tell(record, span)
        return span.trace

    def _operation(self, message: Message, outcome: Outcome, begun: int) -> Span:
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
            begun_micros=begun,
            ended_micros=self._begun_micros,
            outcome="completed" if failure is None else "failed",
            failure=failure,
            attributes=attributes,
        )


def _tell(record: Record, span: Span) -> None:
    if record.spans is None:
        record.spans = []
    record.spans.append(span)


def _stamp(sent: list[Message], trace: str) -> None:
    """What is sent carries *trace*; but answers, for whoever asked has one of its own."""
    for message in sent:
        if not message.trace and message.operation != ANSWER:
            message.trace = trace
