from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.actors.codec import Codec
from perdure.errors import DecodingError, DefinitionError


@attrs.frozen
class Circle:
    radius: float


@dataclasses.dataclass
class Square:
    side: int
    _hidden: int = 3


@attrs.define
class Counted:
    shape: Circle | Square
    size: int = attrs.field(default=0, init=False)


@attrs.frozen
class Drawing:
    shapes: list[Circle | Square]
    extra: Circle | Square | int | None = None
    parent: Drawing | None = None
    _note: str = attrs.field(default="", alias="note")


@attrs.frozen
class Tree:
    children: list[Tree] = attrs.field(factory=list["Tree"])


SMALL = Drawing([Circle(1.5)], extra=7)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Circle | Square, Square(1, 9)),
        (list[Circle | Square | None], [Circle(1.0), None, Square(2)]),
        (Drawing, Drawing([Square(4, 5)], Square(8), SMALL, note="n")),
        (dict[str, Drawing], {"a": SMALL}),
        (Tree, Tree([Tree(), Tree([Tree()])])),
        (Annotated[list[Square], msgspec.Meta(max_length=2)], [Square(1)]),
        (Annotated[list[int], msgspec.Meta(max_length=2)], [1]),
        (tuple[int, Square], (1, Square(3, 4))),
        (tuple[Square, ...], (Square(3, 4), Square(1))),
        (Square | None, None),
        (Square | int, Square(3, 4)),
        (Square | int | dict[str, int], {"a": 3}),
        (list[Circle | Square] | int, [Square(3)]),
        (list[Circle | Square] | int | None, 4),
    ],
)
def test_unions_of_classes_and_private_fields_come_back(annotation: Any, value: Any) -> None:
    codec = Codec(annotation, "value")

    assert codec.decode(codec.encode(value)) == value


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SHAPES = st.builds(Circle, NUMBERS) | st.builds(Square, st.integers(-9, 9), st.integers(-9, 9))
DRAWINGS = st.recursive(
    st.builds(Drawing, st.lists(SHAPES, max_size=2), SHAPES | st.integers(0, 9) | st.none()),
    lambda inner: st.builds(Drawing, st.lists(SHAPES, max_size=2), st.none(), inner),
    max_leaves=4,
)


@given(DRAWINGS)
def test_any_nesting_of_such_classes_comes_back(drawing: Drawing) -> None:
    assert ANY_DRAWING.decode(ANY_DRAWING.encode(drawing)) == drawing


ANY_DRAWING = Codec(Drawing, "value")


def test_a_field_that_is_not_in_the_constructor_comes_back() -> None:
    counted = Counted(Square(1))
    counted.size = 7

    assert Codec(Counted, "value").decode(Codec(Counted, "value").encode(counted)) == counted


def test_what_is_no_object_is_no_record() -> None:
    with pytest.raises(DecodingError, match="an object is needed for Square"):
        Codec(Square, "value").decode(b"3")


def test_a_union_writes_the_name_of_the_class() -> None:
    assert Codec(Circle | Square, "value").encode(Circle(1.0)) == (
        b'{"@type":"Circle","radius":1.0}'
    )


def test_what_was_written_before_a_union_was_widened_is_read_as_its_first_class() -> None:
    stored = Codec(Circle, "value").encode(Circle(1.0))

    assert Codec(Circle | Square, "value").decode(stored) == Circle(1.0)


def test_what_was_written_before_a_union_was_narrowed_is_read() -> None:
    stored = Codec(Circle | Square, "value").encode(Circle(1.0))

    assert Codec(Circle, "value").decode(stored) == Circle(1.0)


def test_an_unknown_tag_is_named_with_those_there_are() -> None:
    with pytest.raises(DecodingError, match="'Oval' is none of Circle, Square"):
        Codec(Circle | Square, "value").decode(b'{"@type":"Oval"}')


def test_two_classes_of_one_name_are_refused() -> None:
    other = attrs.make_class("Circle", {"x": attrs.field(type=int)})

    with pytest.raises(DefinitionError, match="same name"):
        Codec(Circle | other, "value")
