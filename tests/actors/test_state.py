from __future__ import annotations

from typing import Any

import pytest

from perdure.actors.definition import define_entity
from perdure.actors.entity import Entity, field
from perdure.actors.state import fresh_state, join_fields, loaded_state
from perdure.errors import DecodingError


class Cart(Entity):
    items: list[str] = field(factory=list[str])
    total: int = 0
    derived: int = field(default=0, init=False)


class Renamed(Entity):
    cents: int = 0

    @classmethod
    def upcast_state(cls, state: dict[str, Any]) -> dict[str, Any]:
        if "euros" in state:
            state["cents"] = state.pop("euros") * 100
        return state


class BadUpcast(Entity):
    @classmethod
    def upcast_state(cls, state: dict[str, Any]) -> dict[str, Any]:
        raise KeyError(state["nothing"])


CART = define_entity(Cart)


def test_a_stored_state_comes_back() -> None:
    stored = b'{"items":["a"],"total":3,"derived":4}'

    state, differs = loaded_state(CART, stored)

    assert isinstance(state.entity, Cart)
    assert (state.entity.items, state.entity.total, state.entity.derived) == (["a"], 3, 4)
    assert join_fields(CART.fields, state.encoded) == stored
    assert not differs


def test_an_added_field_has_its_default() -> None:
    state, differs = loaded_state(CART, b'{"total":3}')

    assert join_fields(CART.fields, state.encoded) == b'{"items":[],"total":3,"derived":0}'
    assert differs


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (b'{"total":3,"gone":1}', "a field 'gone', which its class has not"),
        (
            b'{"items":[],"total":"x","derived":0}',
            'got `str`: "x"; give it its old type again, or override upcast_state',
        ),
        (b"[]", "no JSON object"),
        (b'{"total":', "no JSON object"),
        (b"\xff", "no JSON object"),
    ],
)
def test_a_state_that_does_not_fit_names_the_field(stored: bytes, says: str) -> None:
    with pytest.raises(DecodingError) as caught:
        loaded_state(CART, stored)

    assert says in str(caught.value)


def test_an_old_state_can_be_upcast() -> None:
    definition = define_entity(Renamed)

    state, differs = loaded_state(definition, b'{"euros":2}')

    assert join_fields(definition.fields, state.encoded) == b'{"cents":200}'
    assert differs
    assert not loaded_state(definition, b'{"cents":200}')[1]


def test_an_upcast_that_fails_is_a_decoding_error() -> None:
    with pytest.raises(DecodingError, match="upcast_state failed"):
        loaded_state(define_entity(BadUpcast), b"{}")


def test_changes_are_what_differs_from_what_was_kept() -> None:
    state = fresh_state(CART)
    assert isinstance(state.entity, Cart)

    state.entity.items.append("a")
    state.entity.total += 0
    changes = state.changes()
    state.keep(changes)

    assert changes == [(0, b'["a"]')]
    assert state.changes() == []


def test_a_value_changed_and_changed_back_is_unchanged() -> None:
    state = fresh_state(CART)
    assert isinstance(state.entity, Cart)

    state.entity.total = 10**15
    state.keep(state.changes())
    state.entity.total = int("1000000000000000")

    assert state.changes() == []
