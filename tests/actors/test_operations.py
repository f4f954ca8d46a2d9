from __future__ import annotations

import dataclasses
import traceback
from typing import Any

import pytest

from perdure.actors.definition import define_entity
from perdure.actors.entity import Entity
from perdure.actors.operations import OperationSpec, encode_untyped, operation_name
from perdure.errors import DecodingError, DefinitionError, InvalidInputError


@dataclasses.dataclass
class Price:
    amount: int

    def __post_init__(self) -> None:
        if self.amount < 0:
            msg = "below zero"
            raise ValueError(msg)


class Shop(Entity):
    def nothing(self) -> None: ...

    def one(self, amount: int) -> int:
        return amount

    def widened(self, amount: int, note: str = "-") -> None: ...

    def several(self, a: int, b: list[int], *, c: str = "c") -> None: ...

    def keyword(self, *, amount: int = 1) -> None: ...

    def anything(self, value) -> None: ...  # type: ignore[no-untyped-def]  # pyright: ignore

    def validated(self, price: Price) -> None: ...

    async def Later(self) -> str:  # noqa: N802 - the case is the point
        return ""


SHOP = define_entity(Shop)


def spec(name: str) -> OperationSpec:
    return SHOP.operations[name]


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "data", "form"),
    [
        ("nothing", (), {}, b"", ""),
        ("one", (1,), {}, b"1", "value"),
        ("one", (), {"amount": 1}, b"1", "value"),
        ("widened", (1,), {}, b'{"amount":1}', "object"),
        ("several", (1, [2]), {"c": "x"}, b'{"a":1,"b":[2],"c":"x"}', "object"),
        ("keyword", (), {}, b"", ""),
        ("anything", ({"a": 1},), {}, b'{"a":1}', "value"),
    ],
)
def test_arguments_become_one_json_value(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], data: bytes, form: str
) -> None:
    assert spec(name).encode_input(args, kwargs) == (data, form)


@pytest.mark.parametrize(
    ("name", "data", "form", "args", "kwargs"),
    [
        ("nothing", b"", "", (), {}),
        ("one", b"1", "value", (1,), {}),
        ("one", b'{"amount":1}', "object", (1,), {}),
        ("widened", b"1", "value", (1,), {}),
        ("widened", b'{"amount":1}', "object", (1,), {}),
        ("widened", b'{"note":"x","amount":1}', "object", (1, "x"), {}),
        ("several", b'{"a":1,"b":[2]}', "object", (1, [2]), {}),
        ("keyword", b"", "", (), {}),
        ("keyword", b"5", "value", (), {"amount": 5}),
    ],
)
def test_every_form_is_read_for_ever(
    name: str, data: bytes, form: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    assert spec(name).decode_input(data, form) == (args, kwargs)


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "says"),
    [
        ("one", (), {}, r"shop\.one\(amount: int\): missing a required argument: 'amount'"),
        ("one", ("1",), {}, r"parameter amount .*Expected `int`, got `str`"),
        ("one", (1, 2), {}, "too many positional arguments"),
        ("one", (), {"x": 1}, "x is no parameter$"),
        ("one", (), {"amonut": 1}, "amonut is no parameter; did you mean 'amount'?"),
        ("one", ("1",), {}, r"got `str`: \"1\"$"),
        ("several", (1, 2), {}, r"Expected `JSON array`, got `int`: 2$"),
        ("several", (1, ["x"]), {}, r"parameter b .*\[0\]"),
        ("one", (2**70,), {}, r"shop\.one\(amount: int\): parameter amount is an int beyond"),
    ],
)
def test_wrong_arguments_are_refused_by_the_sender(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says):
        spec(name).encode_input(args, kwargs)


@pytest.mark.parametrize(("args", "kwargs"), [(("x",), {}), ((), {}), ((float("nan"),), {})])
def test_a_wrong_argument_has_one_traceback_with_the_senders_line_first(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        spec("one").encode_input(args, kwargs)

    told = "".join(traceback.format_exception(caught.value))
    assert told.count("Traceback") == 1
    assert told.splitlines()[1].endswith("the_senders_line_first")


def test_what_a_validator_of_the_users_raised_is_shown() -> None:
    with pytest.raises(InvalidInputError) as caught:
        spec("validated").encode_input(({"amount": -1},), {})

    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value.__cause__) == "below zero"


@pytest.mark.parametrize(
    ("name", "data", "form", "says"),
    [
        (
            "one",
            b'"x"',
            "value",
            r"shop\.one\(amount: int\): parameter amount .*Expected `int`, got `str`",
        ),
        ("one", b"", "", "amount is missing"),
        ("one", b'{"b":1,"amount":2}', "object", "b is no parameter"),
        ("several", b"1", "value", "b is missing"),
        ("nothing", b"1", "value", "takes no input"),
        ("one", b"[]", "object", "not an object"),
        ("one", b"1", "later", "form 'later'"),
    ],
)
def test_stored_input_that_does_not_fit_names_operation_and_parameters(
    name: str, data: bytes, form: str, says: str
) -> None:
    with pytest.raises(DecodingError, match=says):
        spec(name).decode_input(data, form)


def test_names_are_lower_case_on_the_wire() -> None:
    assert spec("later").is_async
    assert operation_name(Shop.Later) == "later"
    assert operation_name("LATER") == "later"


def test_what_is_no_operation_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="use the method"):
        operation_name(3)


def test_results_are_read_by_annotation() -> None:
    assert spec("one").decode_result(b"3") == 3
    with pytest.raises(DecodingError, match=r"the result of shop\.one"):
        spec("one").decode_result(b'"x"')


def test_arguments_for_unknown_parameters_need_names_when_there_are_several() -> None:
    assert encode_untyped("add", (1,), {}) == (b"1", "value")
    assert encode_untyped("add", (), {"a": 1}) == (b'{"a":1}', "object")
    assert encode_untyped("add", (), {}) == (b"", "")
    with pytest.raises(InvalidInputError, match="use keywords"):
        encode_untyped("add", (1, 2), {})


def test_an_operation_with_a_catch_all_is_refused() -> None:
    class Wide(Entity):
        def take(self, *args: int) -> None: ...

    with pytest.raises(DefinitionError, match=r"wide\.take parameter args"):
        define_entity(Wide)
