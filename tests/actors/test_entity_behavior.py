from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from perdure.actors.entity import Entity, ephemeral, field, readonly
from perdure.actors.messages import Message
from perdure.errors import DecodingError, UnknownOperationError
from tests.actors.steps import NOW, activate, events, handle, message_of, state_of


class Bag(Entity):
    count: int = 0
    items: list[str] = field(factory=list[str])
    ratio: float = 0.0
    tags: set[str] = field(factory=set[str])
    loose: Any = None
    _secret: str = ""
    cache: list[int] = ephemeral(factory=list[int])

    def add(self, item: str) -> int:
        self.items.append(item)
        self.count += 1
        return self.count

    def put(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def set_nan(self) -> None:
        self.ratio = math.nan

    def result_nan(self) -> float:
        self.count = 9
        return math.nan

    def drop(self) -> None:
        del self.count

    def tag(self, names: list[str]) -> None:
        self.tags = set(names)

    def fail_after(self, item: str) -> None:
        self.add(item)
        self.cache.append(1)
        self.context.entity(Bag, "x").signal(Bag.add, "y")
        msg = "refused \ud800"
        raise ValueError(msg)

    @readonly
    def look(self) -> int:
        return len(self.items)

    @readonly
    def peek(self) -> None:
        self.items.append("x")

    @readonly
    def call_out(self) -> None:
        self.context.entity(Bag, "x").signal(Bag.look)

    def only_signal(self) -> None:
        self.context.entity(Bag, "x").signal(Bag.look)

    def cached(self) -> int:
        self.cache.append(1)
        return len(self.cache)

    async def later(self) -> None: ...


def test_the_first_event_holds_all_fields_and_later_ones_what_changed() -> None:
    bag = activate(Bag)

    first = handle(bag, "add", "a", request_id="r1", caller="@it@b")
    second = handle(bag, "add", "b")

    assert events(first) == [
        {
            "event": "changed",
            "operation": "add",
            "time": NOW,
            "request": "r1",
            "caller": "@it@b",
            "whole": True,
            "changes": {
                "count": 1,
                "items": ["a"],
                "ratio": 0.0,
                "tags": [],
                "loose": None,
                "_secret": "",
            },
        }
    ]
    assert events(second) == [
        {
            "event": "changed",
            "operation": "add",
            "time": NOW,
            "changes": {"count": 2, "items": ["a", "b"]},
        }
    ]
    assert second.result == b"2"
    assert state_of(bag)["items"] == ["a", "b"]


def test_an_operation_that_changed_nothing_leaves_no_event() -> None:
    bag = activate(Bag)

    outcome = handle(bag, "look")

    assert outcome.result == b"0"
    assert outcome.events == ()
    assert bag.state() is None


def test_an_operation_that_only_sent_leaves_an_event() -> None:
    bag = activate(Bag)
    handle(bag, "add", "a")

    outcome = handle(bag, "only_signal")

    assert events(outcome)[0]["changes"] == {}
    assert [effect.target for effect in outcome.effects] == ["@bag@x"]
    assert outcome.effects[0].caller == "@it@a"


def test_a_failure_leaves_everything_as_before() -> None:
    bag = activate(Bag)
    handle(bag, "add", "a")
    before = bag.state()

    outcome = handle(bag, "fail_after", "b")

    assert message_of(outcome) == "ValueError: refused \\ud800"
    assert bag.state() == before
    assert handle(bag, "add", "c").result == b"2"
    assert state_of(bag)["items"] == ["a", "c"]


def test_a_failure_of_the_first_operation_leaves_no_entity() -> None:
    bag = activate(Bag)

    handle(bag, "fail_after", "b")

    assert bag.state() is None
    assert handle(bag, "look").result == b"0"


def test_ephemeral_fields_last_until_a_failure() -> None:
    bag = activate(Bag)

    assert [handle(bag, "cached").result for _ in range(2)] == [b"1", b"2"]
    handle(bag, "fail_after", "b")
    assert handle(bag, "cached").result == b"1"
    assert bag.state() is None


@pytest.mark.parametrize(
    ("operation", "value", "says"),
    [
        ("set_nan", None, "EncodingError: field bag.ratio is nan"),
        ("result_nan", None, "EncodingError: the result of bag.result_nan is nan"),
        ("put", {"name": "count", "value": "x"}, "field bag.count does not fit its type int"),
        ("put", {"name": "items", "value": ["a", 1]}, "field bag.items does not fit"),
        ("put", {"name": "other", "value": 1}, "Bag.other is no field and would be lost"),
        ("put", {"name": "_secret", "value": "x" * 3_000_000}, "PayloadTooLargeError"),
        ("drop", None, "field count was deleted"),
        ("peek", None, "ReadonlyViolationError: peek of bag is @perdure.readonly and changes"),
        ("call_out", None, "call_out of bag is @perdure.readonly and sends"),
    ],
)
def test_an_operation_that_leaves_something_wrong_fails(
    operation: str, value: Any, says: str
) -> None:
    bag = activate(Bag)
    handle(bag, "add", "a")
    before = bag.state()

    outcome = handle(bag, operation, value)

    assert says in message_of(outcome)
    assert bag.state() == before
    assert handle(bag, "look").result == b"1"


def test_fields_which_together_are_too_large_are_refused() -> None:
    bag = activate(Bag)
    handle(bag, "put", {"name": "_secret", "value": "x" * 1_500_000})

    outcome = handle(bag, "put", {"name": "loose", "value": "x" * 1_500_000})

    assert "the state of bag takes 3000" in message_of(outcome)


def test_a_state_read_again_is_unchanged_until_an_operation_changes_it() -> None:
    bag = activate(Bag)
    handle(bag, "put", {"name": "ratio", "value": 3})
    handle(bag, "tag", [f"tag{number}" for number in range(20)])
    handle(bag, "put", {"name": "loose", "value": {"b": [1, {"a": None}]}})
    stored = bag.state()

    again = activate(Bag, stored)

    assert handle(again, "look").failure is None
    assert handle(again, "put", {"name": "ratio", "value": 3}).events == ()
    assert again.state() == stored


def test_an_int_that_became_a_bool_is_a_change() -> None:
    bag = activate(Bag)
    handle(bag, "put", {"name": "loose", "value": 1})

    assert events(handle(bag, "put", {"name": "loose", "value": True}))[0]["changes"] == {
        "loose": True
    }


def test_delete_removes_the_state_and_the_next_message_starts_anew() -> None:
    bag = activate(Bag)
    handle(bag, "add", "a")

    outcome = handle(bag, "delete", request_id="r")

    assert events(outcome) == [
        {"event": "deleted", "operation": "delete", "time": NOW, "request": "r"}
    ]
    assert bag.state() is None
    assert handle(bag, "delete").events == ()
    assert events(handle(bag, "add", "b"))[0]["whole"] is True


def test_unknown_operations_and_wrong_input_cannot_be_prepared() -> None:
    bag = activate(Bag)

    with pytest.raises(UnknownOperationError, match="bag has no operation 'nope'"):
        handle(bag, "nope")
    with pytest.raises(DecodingError, match=r"bag\.add\(item: str\)"):
        handle(bag, "add", 3)
    with pytest.raises(UnknownOperationError):
        handle(bag, "record", 3)
    with pytest.raises(UnknownOperationError):
        handle(bag, "upcast_state", {})


def test_names_fold_case() -> None:
    assert handle(activate(Bag), "LOOK").result == b"0"


def test_an_async_operation_says_so() -> None:
    step = activate(Bag).prepare(Message(target="@bag@a", operation="later"), NOW)

    assert step.is_async
    step.run().close()


def test_an_entity_whose_defaults_fail_cannot_be_prepared() -> None:
    fails = [False]

    def check(_: Any, __: Any, value: int) -> None:
        if fails[0]:
            msg = "not today"
            raise ValueError(msg)

    class Picky(Entity):
        value: int = field(default=0, validator=check)

        def act(self) -> None: ...

    picky = activate(Picky)
    fails[0] = True

    with pytest.raises(DecodingError, match="Picky cannot be made from its fields: not today"):
        handle(picky, "act")


def test_fields_of_attrs_classes_are_compared_by_their_content() -> None:
    @attrs.define
    class Line:
        sku: str
        quantity: int = 0

    class Order(Entity):
        line: Line = field(factory=lambda: Line("tea"))

        def more(self) -> None:
            self.line.quantity += 1

    order = activate(Order)

    handle(order, "more")

    assert state_of(order) == {"line": {"sku": "tea", "quantity": 1}}


def test_a_change_from_outside_is_of_the_next_operation_and_gone_after_a_failure() -> None:
    bag = activate(Bag)
    handle(bag, "add", "a")
    kept = kept_object(bag)

    kept.items.append("from outside")
    kept.count = 40
    [event] = events(handle(bag, "add", "b"))
    assert event["changes"] == {"items": ["a", "from outside", "b"], "count": 41}

    kept.count = 0
    handle(bag, "fail_after", "c")
    assert state_of(bag)["count"] == 41


def kept_object(instance: Any) -> Bag:
    """The object itself, as code that kept ``self`` would have it."""
    entity: Bag = instance._state.entity
    return entity
