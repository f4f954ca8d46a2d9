from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import attrs
import pytest

from perdure.actors.context import OPERATION_BYTES, OPERATION_ITEMS, SignalRef, due_micros
from perdure.actors.definition import define_entity
from perdure.actors.entity import Entity, ephemeral, event, field
from perdure.errors import (
    DefinitionError,
    InvalidIdError,
    InvalidInputError,
    NotAllowedHereError,
    PayloadTooLargeError,
    UnknownOperationError,
)
from perdure.testing import Sent, given


class Counter(Entity):
    value: int = 0
    _secret: int = 0

    def add(self, amount: int = 1) -> int:
        self.value += amount
        return self.value

    def who(self) -> list[Any]:
        context = self.context
        return [str(context.id), context.now.isoformat(), context.request_id, context.caller]


class Sender(Entity):
    kept: Any = ephemeral(default=None)

    def send(self) -> None:
        other = self.context.entity(Counter, "b")
        other.signal(Counter.add, 5)
        other.signal("ADD", amount=6)
        other.options(at=timedelta(seconds=1)).signal(Counter.add)
        self.context.entity("unknown", "c").signal("act", 1)

    def at(self, moment: str) -> None:
        later = datetime.fromisoformat(moment)
        self.context.entity(Counter, "b").options(at=later).signal(Counter.add)

    def wrong_argument(self) -> None:
        self.context.entity(Counter, "b").signal("add", "x")

    def wrong_operation(self) -> None:
        self.context.entity(Counter, "b").signal("subtract", 1)

    def wrong_key(self) -> None:
        self.context.entity(Counter, "").signal(Counter.add)

    def flood(self, count: int, size: int) -> None:
        for _ in range(count):
            self.context.entity("sink", "a").signal("take", "x" * size)

    def keep(self) -> None:
        self.kept = self.context.entity(Counter, "b")

    def use(self) -> None:
        kept: SignalRef[Counter] = self.kept
        kept.signal(Counter.add)


def test_fields_are_made_by_keyword_and_compared() -> None:
    assert Counter(value=3, _secret=1) == Counter(value=3, _secret=1)
    assert Counter(value=3) != Counter()


def test_the_context_tells_id_time_and_sender() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    given(Counter, key="k", now=now, caller="@counter@x").when(Counter.who).then_result(
        ["@counter@k", "2026-05-01T12:00:00+00:00", "", "@counter@x"]
    )
    given(Counter, now=now).when(Counter.who).then_result(
        ["@counter@test", "2026-05-01T12:00:00+00:00", "", None]
    )


def test_outside_of_an_operation_there_is_no_context() -> None:
    with pytest.raises(NotAllowedHereError, match=r"perdure\.testing"):
        Counter().who()
    with pytest.raises(NotAllowedHereError, match=r"perdure\.testing"):
        Counter().record(1)


def test_signals_are_sent_when_the_operation_commits() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)

    given(Sender, now=now).when(Sender.send).then_effects(
        Sent("@counter@b", "add", 5),
        Sent("@counter@b", "add", 6),
        Sent("@counter@b", "add", at=now + timedelta(seconds=1)),
        Sent("@unknown@c", "act", 1),
    )


def test_a_signal_can_be_due_at_a_time_which_is_in_utc_unless_it_says_otherwise() -> None:
    given(Sender).when(Sender.at, "2026-05-01T12:00:00+02:00").then_effects(
        Sent("@counter@b", "add", at=datetime(2026, 5, 1, 10, tzinfo=UTC))
    )
    given(Sender).when(Sender.at, "2026-05-01T10:00:00").then_effects(
        Sent("@counter@b", "add", at=datetime(2026, 5, 1, 10, tzinfo=UTC))
    )


def test_a_signal_is_checked_when_it_is_sent() -> None:
    given(Sender).when(Sender.wrong_argument).then_fails(InvalidInputError, "amount: int")
    given(Sender).when(Sender.wrong_operation).then_fails(UnknownOperationError, "it has add")
    given(Sender).when(Sender.wrong_key).then_fails(InvalidIdError)


@pytest.mark.parametrize(
    ("count", "size"), [(OPERATION_ITEMS + 1, 0), (OPERATION_BYTES // 10**6 + 1, 10**6)]
)
def test_an_operation_that_sends_too_much_fails(count: int, size: int) -> None:
    given(Sender).when(Sender.flood, count, size).then_fails(
        PayloadTooLargeError, "in parts"
    ).then_effects()


def test_a_time_that_no_clock_reaches_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="after the year 9999"):
        due_micros(timedelta.max, 0)
    assert due_micros(timedelta.min, 0) == 1
    assert due_micros(None, 5) == 0


def test_a_reference_ends_with_its_operation() -> None:
    kept = given(Sender).when(Sender.keep)

    kept.when(Sender.use).then_fails(NotAllowedHereError, "has ended").then_effects()


@pytest.mark.parametrize("default", [[], {}, set[int](), ([],)])
def test_a_mutable_default_is_refused_with_the_remedy(default: Any) -> None:
    kind = type(default).__name__

    with pytest.raises(DefinitionError, match=rf"items: .*perdure\.field\(factory={kind}\)"):
        type("Bag", (Entity,), {"__annotations__": {"items": Any}, "items": default})


def test_a_shared_attribute_without_annotation_is_refused() -> None:
    with pytest.raises(DefinitionError, match="annotate it"):
        type("Bag", (Entity,), {"items": []})
    with pytest.raises(DefinitionError, match="annotate each field"):
        type("Bag", (Entity,), {"items": field(factory=list)})


def test_class_variables_are_no_state() -> None:
    class Limited(Entity):
        limits: ClassVar[list[int]] = [1, 2]

    assert define_entity(Limited).fields == ()


def test_an_event_is_a_frozen_value() -> None:
    @event
    class Paid:
        amount: int

    assert Paid(3) == Paid(3)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(Paid(3), "amount", 4)  # noqa: B010 - the type checkers refuse it too
