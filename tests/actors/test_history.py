from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.actors.behavior import Instance, Outcome
from perdure.actors.definition import EntityDefinition, define_entity
from perdure.actors.entity import Entity, applies, event, field, readonly
from perdure.actors.entity_behavior import EntityBehavior
from perdure.actors.history import (
    Folded,
    fold,
    history_events,
    read_state,
    read_turn,
    same_state,
)
from perdure.actors.messages import Message
from perdure.errors import CorruptionError, DecodingError, UnknownEventError

NOW = 1_700_000_000_000_000


@event(name="deposited")
class Deposited:
    amount: int


class Account(Entity):
    balance: int = 0
    owner: str = ""

    def deposit(self, amount: int) -> None:
        self.record(Deposited(amount))

    def rename(self, owner: str) -> None:
        self.owner = owner

    @applies
    def when_deposited(self, event: Deposited) -> None:
        self.balance += event.amount


ACCOUNT = define_entity(Account)


def play(
    definition: EntityDefinition, *calls: tuple[str, bytes]
) -> tuple[bytes, bytes | None, list[bytes | None]]:
    """The events as one stored turn, the last state, and the state after each event."""
    instance = EntityBehavior(definition).activate("@account@a", 0, None)
    stored: list[bytes] = []
    states: list[bytes | None] = []
    for name, data in calls:
        message = Message(
            target="@account@a",
            operation=name,
            input=data,
            form="value" if data else "",
            request_id="r",
        )
        step = instance.prepare(message, NOW)
        outcome = instance.finish(step, step.run())
        assert outcome.failure is None
        stored += outcome.events
        states.append(instance.state())
    return b"[" + b",".join(stored) + b"]", instance.state(), states


CALLS = [
    ("deposit", b"5"),
    ("rename", b'"eve"'),
    ("deposit", b"2"),
    ("delete", b""),
    ("rename", b'"bob"'),
    ("deposit", b"1"),
]


def test_the_fold_of_the_events_is_the_state_at_every_version() -> None:
    turn, _, states = play(ACCOUNT, *CALLS)
    stored = read_turn(turn)

    folded = [fold(ACCOUNT, None, stored[:length]) for length in range(1, len(stored) + 1)]

    assert folded == [Folded(state) for state in states]


def test_a_fold_can_start_at_a_later_base() -> None:
    turn, last, states = play(ACCOUNT, *CALLS)

    assert fold(ACCOUNT, states[1], read_turn(turn)[2:]) == Folded(last)
    assert fold(ACCOUNT, last, []) == Folded(last)


def test_events_are_public_values() -> None:
    turn, _, _ = play(ACCOUNT, *CALLS[:4])

    first, second, _, fourth = history_events(7, turn)

    assert (first.version, first.kind, first.name) == (7, "recorded", "deposited")
    assert (first.data, first.event_version) == ({"amount": 5}, 1)
    assert first.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (second.kind, second.operation, second.changes) == (
        "changed",
        "rename",
        {"owner": "eve"},
    )
    assert (second.request_id, second.caller) == ("r", None)
    assert (fourth.version, fourth.kind) == (10, "deleted")


def test_changed_handlers_are_told_from_damage() -> None:
    turn, last, _ = play(ACCOUNT, *CALLS[:3])

    class Account2(Account):
        @applies
        def when_deposited(self, event: Deposited) -> None:
            self.balance += event.amount * 100

    folded = fold(define_entity(Account2, "account"), None, read_turn(turn))

    assert not folded.same_code
    assert not same_state(folded.state, last)
    assert fold(ACCOUNT, None, read_turn(turn)).same_code


def test_a_changed_default_does_not_change_the_past() -> None:
    turn, last, _ = play(ACCOUNT, *CALLS[:3])

    class Rich(Account):
        balance: int = 1000

    assert same_state(fold(define_entity(Rich), None, read_turn(turn)).state, last)


def test_an_event_without_handler_is_an_error() -> None:
    turn, _, _ = play(ACCOUNT, *CALLS[:1])

    class Plain(Entity):
        balance: int = 0
        owner: str = ""

    with pytest.raises(UnknownEventError, match=r"no @perdure\.applies handler.*'deposited'"):
        fold(define_entity(Plain), None, read_turn(turn))


@event(name="deposited", version=2)
class DepositedCents:
    cents: int

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        assert version == 1
        return {"cents": data["amount"] * 100}


@event(name="deposited", version=2)
class NoUpcast:
    cents: int


def test_an_old_event_is_upcast_to_the_class_of_today() -> None:
    turn, _, _ = play(ACCOUNT, *CALLS[:1])

    class Cents(Entity):
        balance: int = 0
        owner: str = ""

        @applies
        def when_deposited(self, event: DepositedCents) -> None:
            self.balance += event.cents

    folded = fold(define_entity(Cents), None, read_turn(turn))

    assert folded.state == b'{"balance":500,"owner":""}'


def test_an_old_event_without_upcast_is_an_error() -> None:
    turn, _, _ = play(ACCOUNT, *CALLS[:1])

    class Cents(Entity):
        balance: int = 0
        owner: str = ""

        @applies
        def when_deposited(self, event: NoUpcast) -> None: ...

    with pytest.raises(UnknownEventError, match="stored in version 1"):
        fold(define_entity(Cents), None, read_turn(turn))


def test_a_handler_that_fails_on_the_past_is_a_decoding_error() -> None:
    turn, _, _ = play(ACCOUNT, *CALLS[:1])

    class Strict(Account):
        @applies
        def when_deposited(self, event: Deposited) -> None:
            raise ValueError

    with pytest.raises(DecodingError, match="the handler of event 'deposited' failed"):
        fold(define_entity(Strict), None, read_turn(turn))


def test_an_upcast_state_is_written_whole_with_the_next_change() -> None:
    class Wallet(Entity):
        cents: int = 0

        def add(self, cents: int) -> None:
            self.cents += cents

        @classmethod
        def upcast_state(cls, state: dict[str, Any]) -> dict[str, Any]:
            return {"cents": state["euros"] * 100} if "euros" in state else state

    definition = define_entity(Wallet)
    instance = EntityBehavior(definition).activate("@wallet@a", 1, b'{"euros":2}')
    step = instance.prepare(Message(target="@a", operation="add", input=b"5", form="value"), 0)
    outcome = instance.finish(step, step.run())

    folded = fold(definition, b'{"euros":2}', read_turn(b"[%b]" % outcome.events[0]))

    assert folded.state == instance.state() == b'{"cents":205}'


class Ledger(Entity):
    total: int = 0
    lines: list[float | None] = field(factory=list[float | None])
    tags: set[str] = field(factory=set[str])

    def deposit(self, amount: int) -> None:
        self.record(Deposited(amount))
        if amount > 900:
            raise ValueError

    def write(self, line: float | None) -> None:
        self.lines.append(line)
        if len(self.lines) > 3:
            raise ValueError

    def tag(self, name: str) -> None:
        self.tags ^= {name}

    @readonly
    def look(self) -> int:
        return self.total

    @applies
    def when_deposited(self, event: Deposited) -> None:
        self.total += event.amount


LEDGER = define_entity(Ledger)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deposit"), st.integers(-1000, 1000)),
        st.tuples(
            st.just("write"), st.none() | st.floats(allow_nan=False, allow_infinity=False)
        ),
        st.tuples(st.just("tag"), st.sampled_from("abc")),
        st.tuples(st.sampled_from(["look", "delete", "passivate"]), st.just(None)),
    ),
    max_size=12,
)


@given(STEPS)
def test_whatever_happens_the_fold_of_the_events_is_the_state(
    steps: list[tuple[str, Any]],
) -> None:
    behavior = EntityBehavior(LEDGER)
    instance = behavior.activate("@ledger@a", 0, None)
    stored: list[bytes] = []

    for operation, value in steps:
        before = instance.state()
        if operation == "passivate":
            instance = behavior.activate("@ledger@a", len(stored), before)
            assert instance.state() == before
            continue
        outcome = perform(instance, operation, value)
        stored += outcome.events
        if operation == "look":
            assert outcome.failure is None
        if not outcome.events:
            assert instance.state() == before

    folded = fold(LEDGER, None, read_turn(b"[%b]" % b",".join(stored)))
    assert same_state(folded.state, instance.state())


def perform(instance: Instance, operation: str, value: Any) -> Outcome:
    spec = LEDGER.operation(operation)
    assert spec is not None
    data, form = spec.encode_input(() if not spec.parameters else (value,), {})
    message = Message(target="@ledger@a", operation=operation, input=data, form=form)
    step = instance.prepare(message, NOW)
    try:
        return instance.finish(step, step.run())
    except ValueError as error:
        return instance.fail(step, error)


@pytest.mark.parametrize("data", [b"", b"[{}]", b'[{"event":"new"}]', b"\xff", b"{}"])
def test_damaged_events_are_corruption(data: bytes) -> None:
    with pytest.raises(CorruptionError, match="cannot be read"):
        read_turn(data)


def test_states_are_compared_by_field() -> None:
    assert same_state(b'{"a":1,"b":[2]}', b'{"b":[2],"a":1}')
    assert not same_state(b'{"a":1}', b'{"a":2}')
    assert not same_state(None, b"{}")
    assert same_state(None, None)


def test_a_past_state_is_an_object_of_its_own() -> None:
    assert read_state(ACCOUNT, b'{"balance":3,"owner":"eve"}') == Account(
        balance=3, owner="eve"
    )
