from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
import pytest

from perdure.actors.definition import define_entity
from perdure.actors.entity import Entity, applies, ephemeral, event, field, readonly
from perdure.errors import DefinitionError, UnknownOperationError


@event(name="paid")
class Paid:
    amount: int


class Mixin:
    def mixed_in(self) -> None: ...

    def _private(self) -> None: ...


class Base(Entity):
    first: int = 0

    def inherited(self) -> None: ...

    def overridden(self) -> int:
        return 1


class Shop(Mixin, Base):
    second: str = "s"
    _third: list[int] = field(factory=list[int])
    cache: Any = ephemeral(default=None)

    constant = 5

    def own(self, item: Paid | None = None) -> None: ...

    @readonly
    def overridden(self) -> int:
        return 2

    @applies
    def when_paid(self, event: Paid) -> None: ...

    @property
    def total(self) -> int:
        return 3

    @staticmethod
    def static() -> None: ...

    @classmethod
    def build(cls) -> None: ...

    class Nested:
        pass


def test_operations_are_the_public_methods_of_the_class_and_its_bases() -> None:
    definition = define_entity(Shop)

    assert sorted(definition.operations) == ["inherited", "mixed_in", "overridden", "own"]
    assert definition.operations["overridden"].readonly


def test_the_state_is_every_field_but_the_ephemeral() -> None:
    definition = define_entity(Shop)

    assert [spec.name for spec in definition.fields] == ["first", "second", "_third"]
    assert definition.ephemerals == ("cache",)


def test_the_kind_is_the_name_in_lower_case() -> None:
    assert define_entity(Shop).kind == "shop"
    assert define_entity(Shop, "Store-2").kind == "store-2"


def test_a_function_with_one_parameter_is_an_entity() -> None:
    def tally(ctx: Any) -> None: ...

    definition = define_entity(tally)

    assert definition.kind == "tally"
    assert definition.operation("anything") is None


def test_an_unknown_operation_is_named_with_those_there_are() -> None:
    with pytest.raises(
        UnknownOperationError, match="'sell'; it has delete, inherited, mixed_in"
    ):
        define_entity(Shop).operation("sell")


def test_delete_is_there_unless_the_class_has_its_own() -> None:
    class Own(Entity):
        def delete(self, really: bool) -> None: ...

    implicit = define_entity(Shop).operation("DELETE")
    own = define_entity(Own).operation("delete")

    assert implicit is not None
    assert implicit.parameters == ()
    assert own is not None
    assert len(own.parameters) == 1


class NoDefault(Entity):
    value: int


class WrongDefault(Entity):
    value: int = None  # type: ignore[assignment]  # pyright: ignore


class NoJson(Entity):
    value: type = int


class Cases(Entity):
    def add(self) -> None: ...

    def Add(self) -> None: ...  # noqa: N802 - the case is the point


class Hides(Entity):
    def record(self, event: object) -> None: ...


class HidesByField(Entity):
    context: str = ""  # type: ignore[assignment]  # pyright: ignore


class Abstract(Entity, abc.ABC):
    @abc.abstractmethod
    def act(self) -> None: ...


@attrs.define
class Slotted(Entity):
    value: int = 0


class BadHandler(Entity):
    @applies
    def when(self, event: int) -> None: ...


class TwoHandlers(Entity):
    @applies
    def when(self, event: Paid) -> None: ...

    @applies
    def when_again(self, event: Paid) -> None: ...


class Generator(Entity):
    def numbers(self) -> Iterator[int]:
        yield 1

    def _helper(self) -> Iterator[int]:
        yield 1


class AsyncGenerator(Entity):
    async def numbers(self) -> AsyncIterator[int]:
        yield 1


def generating(ctx: Any) -> Iterator[int]:
    yield ctx


class Unresolved(Entity):
    value: Missing = 0  # type: ignore[name-defined] # noqa: F821  # pyright: ignore


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (NoDefault, "NoDefault.value has no default"),
        (WrongDefault, "WrongDefault.value: its default does not fit"),
        (NoJson, "field nojson.value"),
        (Cases, "operations add and Add differ in case only"),
        (Hides, "Hides.record hides perdure's own"),
        (HidesByField, "HidesByField.context hides perdure's own"),
        (Abstract, "Abstract cannot be made without arguments"),
        (Slotted, "Slotted has __slots__"),
        (BadHandler, "BadHandler.when: a handler takes one parameter"),
        (TwoHandlers, "when_again: another handler already applies Paid"),
        (Unresolved, "Missing"),
        (
            Generator,
            "Generator.numbers yields, so a call would run nothing of it; return a list",
        ),
        (AsyncGenerator, "AsyncGenerator.numbers yields"),
        (generating, "generating yields"),
        (Entity, "derive it from perdure.Entity"),
        (int, "derive it from perdure.Entity"),
        (lambda: 1, "cannot be registered"),
        (len, "use a class, or a function with one parameter ctx"),
    ],
)
def test_what_is_not_well_formed_is_refused_with_the_remedy(target: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define_entity(target)

    assert says in str(caught.value)


def test_local_classes_can_be_annotations() -> None:
    @attrs.frozen
    class Line:
        sku: str

    class Order(Entity):
        lines: list[Line] = field(factory=list[Line])
        before: Order | None = ephemeral(default=None)

        def add(self, line: Line) -> None: ...

    assert define_entity(Order).operations["add"].parameters[0].codec.annotation is Line


def test_other_code_has_another_print() -> None:
    def one(self: Any) -> bool:
        return self in {"a", "b"} and all(part for part in self)

    def two(self: Any) -> bool:
        return self in {"a", "b"} and any(part for part in self)

    prints = {
        define_entity(type("Thing", (Entity,), {"act": function})).handlers_print
        for function in (one, two)
    }

    assert len(prints) == 2
