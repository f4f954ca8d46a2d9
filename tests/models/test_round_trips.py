"""Values of every supported type, by generated annotations: read as they were written."""

from __future__ import annotations

import dataclasses
import enum
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Optional, cast
from uuid import UUID

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.actors.codec import codec_for
from tests.models.profiles import TIMES, sized

pytestmark = pytest.mark.timeout(60 * TIMES)

Typed = tuple[Any, st.SearchStrategy[Any]]
"""An annotation, and its values."""


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    left: int
    right: str


@attrs.frozen
class Point:
    x: int
    y: float = 0.0


@dataclasses.dataclass
class Line:
    points: list[Point]
    note: str | None = None


@attrs.define
class Secret:
    _key: str
    open: int = 0


class Form(pydantic.BaseModel):
    name: str
    born: date | None = None


texts = st.text(max_size=6)
integers = st.integers(-(2**63), 2**64 - 1)
points = st.builds(Point, integers, st.floats(allow_nan=False, allow_infinity=False))
SCALARS: list[Typed] = [
    (bool, st.booleans()),
    (int, integers),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (str, st.text(max_size=12)),
    (bytes, st.binary(max_size=12)),
    (datetime, st.datetimes(timezones=st.just(UTC))),
    (date, st.dates()),
    (timedelta, st.timedeltas(timedelta(days=-9_999), timedelta(days=9_999))),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (UUID, st.uuids()),
    (Color, st.sampled_from(Color)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (None, st.none()),
    (Pair, st.builds(Pair, integers, texts)),
    (Point, points),
    (Line, st.builds(Line, st.lists(points, max_size=2), st.none() | texts)),
    (Secret, st.builds(Secret, texts, integers)),
    (Point | Secret, points | st.builds(Secret, texts, integers)),
    (Form, st.builds(Form, name=texts, born=st.none() | st.dates())),
]
KEYS: list[Typed] = [(str, texts.filter(lambda text: "\0" not in text)), (int, integers)]
HASHABLE: list[Typed] = [SCALARS[index] for index in (1, 3, 6, 9)]


LIST, TUPLE, DICT, SET, FROZENSET = cast("tuple[Any, ...]", (list, tuple, dict, set, frozenset))
OPTIONAL: Any = Optional
"""For type checkers these are not types: what is in them is known at run time only."""


def wrapped(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Containers of what *inner* gives."""
    return st.one_of(
        inner.map(lambda one: (LIST[one[0]], st.lists(one[1], max_size=3))),
        inner.map(lambda one: (TUPLE[one[0], ...], st.lists(one[1], max_size=3).map(tuple))),
        st.tuples(inner, inner).map(
            lambda two: (TUPLE[two[0][0], two[1][0]], st.tuples(two[0][1], two[1][1]))
        ),
        st.tuples(st.sampled_from(KEYS), inner).map(
            lambda two: (
                DICT[two[0][0], two[1][0]],
                st.dictionaries(two[0][1], two[1][1], max_size=3),
            )
        ),
        inner.map(lambda one: (OPTIONAL[one[0]], st.none() | one[1])),
        st.sampled_from(HASHABLE).map(lambda one: (SET[one[0]], st.sets(one[1], max_size=3))),
        st.sampled_from(HASHABLE).map(
            lambda one: (FROZENSET[one[0]], st.frozensets(one[1], max_size=3))
        ),
    )


typed = st.recursive(st.sampled_from(SCALARS), wrapped, max_leaves=4)


@sized(150)
@given(kind=typed, chosen=st.data())
def test_what_is_read_is_what_was_written(kind: Typed, chosen: Any) -> None:
    annotation, values = kind
    value = chosen.draw(values)
    codec = codec_for(annotation, "value")

    data = codec.encode(value)
    again = codec.decode(data)

    assert again == value
    assert type(again) is type(value)
    assert codec.encode(again) == data
    assert codec.encode_changed(value, data) is None


@sized(60)
@given(kind=st.sampled_from([float, list[float], dict[str, float]]), value=st.floats())
def test_a_float_is_kept_to_the_bit_or_refused(kind: Any, value: float) -> None:
    held: Any = value if kind is float else [value] if kind == list[float] else {"a": value}
    codec = codec_for(kind, "value")
    try:
        data = codec.encode(held)
    except ValueError:
        assert not math.isfinite(value)
        return

    assert math.isfinite(value)
    assert repr(codec.decode(data)) == repr(held)
