from __future__ import annotations

import enum
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.actors.codec import PAYLOAD_LIMIT, Codec, encode
from perdure.errors import (
    DecodingError,
    DefinitionError,
    EncodingError,
    PayloadTooLargeError,
)


class Color(enum.Enum):
    RED = "red"


@attrs.frozen
class Point:
    x: int
    y: float = 0.0


class Model(pydantic.BaseModel):
    when: datetime
    names: list[str] = []


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


LOOP: list[Any] = []
LOOP.append(LOOP)


@attrs.frozen
class Labelled:
    label: object
    more: dict[str, object] = attrs.field(factory=dict[str, object])


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (object, {"a": [1, None]}),
        (object | None, "x"),
        (dict[str, object], {"a": {"b": 1.5}}),
        (list[object], [1, "x", None]),
        (Labelled, Labelled({"a": 1}, {"b": [2]})),
    ],
)
def test_an_object_is_any_json_value(annotation: Any, value: Any) -> None:
    codec = Codec(annotation, "value")

    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (float("nan"), "value is nan"),
        ({"a": [1, float("inf")]}, "value.a[1] is inf"),
        ({"a": [None, Point(1, float("nan"))]}, "value.a[1].y is nan"),
        ({float("nan"): 1}, "a key of value is nan"),
        ("\ud800", "value has half a surrogate pair"),
        ({"a": ["x\udfff"]}, "value.a[0] has half a surrogate pair"),
        ({"a\x00": 1}, "NUL"),
        (2**64, "value is an int beyond 64 bit"),
        ([-(2**63) - 1], "value[0] is an int beyond 64 bit"),
        (nested(101), "nested deeper than 100"),
        (nested(100_000), "nested deeper than 100"),
        (LOOP, "contains itself"),
        (object(), "value: a builtins.object has no JSON form"),
        ({"a": {1: object()}}, "value: a builtins.object has no JSON form"),
    ],
)
def test_a_value_that_json_cannot_hold_is_refused_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(EncodingError) as caught:
        encode(value)

    assert says in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -(2**63),
        2**64 - 1,
        None,
        True,
        1.5,
        "",
        "null",
        "\x00",
        "nan",
        {"nan": None, "inf": "\\u0000"},
        nested(100),
        ["[[[[" * 100],
        [nested(3)] * 1000,
        "1" * 30,
        "日本 🎉",
    ],
)
def test_what_only_looks_like_trouble_is_written(value: Any) -> None:
    assert Codec(Any, "value").decode(encode(value)) == value


def test_a_payload_may_take_the_limit_and_not_one_byte_more() -> None:
    at_the_limit = "x" * (PAYLOAD_LIMIT - 2)

    assert len(encode(at_the_limit)) == PAYLOAD_LIMIT
    with pytest.raises(PayloadTooLargeError, match="store the data elsewhere"):
        encode(at_the_limit + "x")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Point, Point(1, 2.5)),
        (list[Point], [Point(1), Point(2)]),
        (Color, Color.RED),
        (datetime, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        (date, date(2026, 1, 2)),
        (timedelta, timedelta(seconds=1.5)),
        (Decimal, Decimal("1.10")),
        (UUID, UUID(int=5)),
        (bytes, b"\x00\xff"),
        (tuple[int, str], (1, "a")),
        (dict[int, str], {1: "a"}),
        (set[int], {3, 1, 2}),
        (frozenset[str], frozenset({"b", "a"})),
        (int | str | None, "a"),
        (Model, Model(when=datetime(2026, 1, 1, tzinfo=UTC), names=["a"])),
        (list[Model], [Model(when=datetime(2026, 1, 1, tzinfo=UTC))]),
    ],
)
def test_values_of_many_types_come_back_as_they_were(annotation: Any, value: Any) -> None:
    codec = Codec(annotation, "value")

    assert codec.decode(codec.encode(value)) == value


def test_equal_sets_are_equal_bytes() -> None:
    codec = Codec(set[str], "value")
    names = [f"name{number}" for number in range(50)]

    assert codec.encode(set(names)) == codec.encode(set(reversed(names)))


def test_a_value_of_the_wrong_type_is_named_when_read() -> None:
    codec = Codec(list[Point], "parameter points")

    with pytest.raises(DecodingError, match=r"parameter points .*Expected `int`.*\[0\]\.x"):
        codec.decode(b'[{"x":"a"}]')


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 200_000, b"1e400", b"9" * 5000])
def test_damaged_json_is_a_decoding_error(data: bytes) -> None:
    with pytest.raises(DecodingError):
        Codec(int, "value").decode(data)


def test_a_pydantic_model_that_does_not_validate_is_a_decoding_error() -> None:
    with pytest.raises(DecodingError, match="when"):
        Codec(Model, "value").decode(b'{"when":"never"}')


def test_a_type_without_json_form_is_refused_at_definition() -> None:
    class Socket:
        pass

    with pytest.raises(DefinitionError, match=r"field x\.y"):
        Codec(dict[str, Socket], "field x.y")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_value_comes_back_as_it_was(value: Any) -> None:
    assert Codec(Any, "value").decode(encode(value)) == value


@given(st.recursive(st.floats() | st.text(), st.lists, max_leaves=6))
def test_a_value_comes_back_or_is_refused(value: Any) -> None:
    try:
        data = encode(value)
    except EncodingError:
        return

    assert Codec(Any, "value").decode(data) == value


@pytest.mark.parametrize(
    ("annotation", "value", "written"),
    [
        (dict[int, set[int]], {3: {2, 1}, 1: set[int]()}, b'{"1":[],"3":[1,2]}'),
        (dict[date, set[str]], {date(2026, 1, 1): {"x"}}, b'{"2026-01-01":["x"]}'),
        (list[dict[int, frozenset[int]]], [{1: frozenset({2, 1})}], b'[{"1":[1,2]}]'),
    ],
)
def test_sets_may_be_in_dicts_whose_keys_are_no_texts(
    annotation: Any, value: Any, written: bytes
) -> None:
    codec = Codec(annotation, "value")

    assert codec.encode(value) == written
    assert codec.decode(written) == value
    assert codec.encode_changed(value, written) is None
