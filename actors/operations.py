"""Operations: an entity's public methods, and how their input travels.

One JSON value is an operation's input. With one parameter it is the value itself (form
``value``), with several an object by parameter name (form ``object``), with none nothing. A
stored message says which form it has and every form is decoded for ever, so adding an optional
parameter breaks no message that waits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import msgspec

from perdure.actors.codec import PAYLOAD_LIMIT, Codec, encode, type_name
from perdure.actors.ids import near_name
from perdure.errors import (
    DecodingError,
    DefinitionError,
    EncodingError,
    InvalidInputError,
    PayloadTooLargeError,
    UnknownOperationError,
)

NO_INPUT = ""
VALUE = "value"
OBJECT = "object"

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
_NO_ARGUMENTS: Arguments = ((), {})
_NOTHING: dict[str, Any] = {}
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_write_object = msgspec.json.Encoder().encode


@attrs.frozen(eq=False)
class Parameter:
    """One parameter of an operation."""

    name: str
    codec: Codec
    required: bool
    by_position: bool


class OperationSpec:
    """One operation of an entity class.

    Attributes:
        owner: how errors name the entity, ``counter``.
        name: the name on the wire, lower case.
        function: the method, to be called with the entity first.
        parameters: without ``self``.
        is_async: it is a coroutine function.
        readonly: it promises to change nothing.
    """

    __slots__ = (
        "_by_name",
        "_decode_one",
        "_one",
        "_positional",
        "_required",
        "_result",
        "_returns",
        "_signature",
        "function",
        "is_async",
        "name",
        "owner",
        "parameters",
        "readonly",
    )

    def __init__(
        self,
        owner: str,
        name: str,
        function: Callable[..., Any],
        hints: Mapping[str, Any],
        *,
        readonly: bool = False,
    ) -> None:
        """Read the signature of *function*, with its resolved annotations *hints*.

        Raises:
            DefinitionError: a parameter cannot be sent as JSON.
        """
        self.owner = owner
        self.name = name.lower()
        self.function = function
        self.readonly = readonly
        self.is_async = inspect.iscoroutinefunction(function)
        listed = list(inspect.signature(function).parameters.values())[1:]
        self._signature = inspect.Signature(listed)
        self.parameters = tuple(self._parameter(item, hints) for item in listed)
        self._by_name = {parameter.name: parameter for parameter in self.parameters}
        self._positional = tuple(p.name for p in self.parameters if p.by_position)
        self._required = tuple(p.name for p in self.parameters if p.required)
        self._one = self.parameters[0].codec if len(self.parameters) == 1 else None
        first = self.parameters[0] if self.parameters else None
        others_optional = not any(p.required for p in self.parameters[1:])
        plain = first is not None and first.by_position and others_optional
        self._decode_one = first.codec.decode if first is not None and plain else None
        returns = hints.get("return", Any)
        self._returns: Any = None if returns is type(None) else returns
        self._result: Codec | None = None

    def _parameter(self, item: inspect.Parameter, hints: Mapping[str, Any]) -> Parameter:
        what = f"{self.owner}.{self.name} parameter {item.name}"
        if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
            msg = f"{what}: an operation takes no *args or **kwargs; name each parameter"
            raise DefinitionError(msg)
        codec = Codec(hints.get(item.name, Any), what)
        codec.what = f"parameter {item.name}"  # the operation itself is in front of it
        return Parameter(
            name=item.name,
            codec=codec,
            required=item.default is item.empty,
            by_position=item.kind is not item.KEYWORD_ONLY,
        )

    def __str__(self) -> str:
        """The operation as people write it: ``counter.add(amount: int)``."""
        parts = [
            f"{p.name}: {type_name(p.codec.annotation)}" + ("" if p.required else " = …")
            for p in self.parameters
        ]
        return f"{self.owner}.{self.name}({', '.join(parts)})"

    def encode_input(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[bytes, str]:
        """Check and encode the arguments of one call.

        Returns:
            The JSON and its form.

        Raises:
            InvalidInputError: they do not fit the parameters, which the message lists.
        """
        one = self._one
        if one is not None and len(args) == 1 and not kwargs:
            return self._encode_argument(one, args[0]), VALUE
        bound = dict(zip(self._positional, args, strict=False))
        surely_fits = len(bound) == len(args) and not kwargs
        if not (surely_fits and all([name in bound for name in self._required])):
            try:
                bound = self._signature.bind(*args, **kwargs).arguments
            except TypeError as error:
                raise InvalidInputError(self._misfit(kwargs) or f"{self}: {error}") from None
        if not bound:
            return b"", NO_INPUT
        encoded = {
            name: self._encode_argument(self._by_name[name].codec, value)
            for name, value in bound.items()
        }
        if one is not None:
            return next(iter(encoded.values())), VALUE
        data = _write_object({name: msgspec.Raw(part) for name, part in encoded.items()})
        if len(data) > PAYLOAD_LIMIT:
            msg = f"{self}: the input takes {len(data)} bytes, the limit is {PAYLOAD_LIMIT}"
            raise PayloadTooLargeError(msg)
        return data, OBJECT

    def _misfit(self, kwargs: Mapping[str, Any]) -> str:
        """What is wrong with the names of arguments; empty when nothing is."""
        for name in kwargs:
            if name not in self._by_name:
                near = near_name(name, self._by_name)
                return f"{self}: {name} is no parameter{near and ';' + near}"
        return ""

    def _encode_argument(self, codec: Codec, value: Any) -> bytes:
        try:
            data = codec.encode(value)
            if type(value) is not codec.exact:
                codec.decode(data)
        except DecodingError as error:
            msg = f"{self}: {error}"
            raise InvalidInputError(msg) from error.__cause__
        except (EncodingError, PayloadTooLargeError) as error:
            msg = f"{self}: {error}"
            raise type(error)(msg) from error.__cause__
        return data

    def decode_input(self, data: bytes, form: str) -> Arguments:
        """The positional and keyword arguments for ``function``, after ``self``.

        Raises:
            DecodingError: the input does not fit the parameters, which the message lists.
        """
        if form == VALUE:
            decode_one = self._decode_one
            if decode_one is not None:
                try:
                    return (decode_one(data),), _NOTHING
                except DecodingError as error:
                    msg = f"{self}: {error}"
                    raise DecodingError(msg) from error
            if not self.parameters:
                msg = f"{self} takes no input, and was sent {data[:40]!r}"
                raise DecodingError(msg)
            return self._from_parts({self.parameters[0].name: data})
        if form == OBJECT:
            try:
                return self._from_parts(_read_object(data))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                msg = f"{self}: the input is not an object by parameter name: {error}"
                raise DecodingError(msg) from error
        if form != NO_INPUT:
            msg = f"{self}: the input has the form {form!r}, which this version does not know"
            raise DecodingError(msg)
        return _NO_ARGUMENTS if not self._required else self._from_parts({})

    def _from_parts(self, parts: Mapping[str, bytes | msgspec.Raw]) -> Arguments:
        missing = [name for name in self._required if name not in parts]
        unknown = [name for name in parts if name not in self._by_name]
        if missing or unknown:
            text = [f"{name} is missing" for name in missing]
            text += [f"{name} is no parameter" for name in unknown]
            msg = f"{self}: {', '.join(text)}"
            raise DecodingError(msg)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        try:
            for place, parameter in enumerate(self.parameters):
                part = parts.get(parameter.name)
                if part is None:
                    continue
                value = parameter.codec.decode(part)
                if parameter.by_position and len(args) == place:
                    args.append(value)
                else:
                    kwargs[parameter.name] = value
        except DecodingError as error:
            msg = f"{self}: {error}"
            raise DecodingError(msg) from error
        return tuple(args), kwargs

    def encode_result(self, result: Any) -> bytes:
        """Check and encode what the method returned.

        Raises:
            EncodingError, PayloadTooLargeError: it has no JSON form.
            DecodingError: it is not what the method's annotation says.
        """
        if result is None and self._returns is None:
            return b"null"
        codec = self._result_codec()
        data = codec.encode(result)
        if type(result) is not codec.exact and self._returns is not Any:
            codec.decode(data)
        return data

    def decode_result(self, data: bytes) -> Any:
        """A result, by the annotation that the method has for it.

        Raises:
            DecodingError: it does not fit.
        """
        return self._result_codec().decode(data)

    def _result_codec(self) -> Codec:
        if self._result is None:
            self._result = Codec(self._returns, f"the result of {self.owner}.{self.name}")
        return self._result


def encode_arguments(
    spec: OperationSpec | None, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bytes, str]:
    """Encode the arguments for an operation; *spec* is ``None`` where it is not known here.

    Raises:
        InvalidInputError: they do not fit, or cannot be encoded.
    """
    if spec is None:
        return encode_untyped(operation, args, kwargs)
    return spec.encode_input(args, kwargs)


def encode_untyped(
    operation: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[bytes, str]:
    """Encode the arguments for an operation whose parameters are not known here.

    Raises:
        InvalidInputError: several arguments without names, or none that can be encoded.
    """
    what = f"the input of {operation}"
    if not args and not kwargs:
        return b"", NO_INPUT
    if len(args) == 1 and not kwargs:
        return encode(args[0], what=what), VALUE
    if args:
        msg = f"{what}: several arguments need their names; use keywords"
        raise InvalidInputError(msg)
    return encode(dict(kwargs), what=what), OBJECT


def operation_name(operation: Any) -> str:
    """The name on the wire of a method, as ``Counter.add``, or of a name.

    Raises:
        InvalidInputError: it is neither.
        UnknownOperationError: it begins with ``$``, as only the engine's own do.
    """
    name = operation if isinstance(operation, str) else getattr(operation, "__name__", None)
    if not isinstance(name, str) or not name:
        msg = f"{operation!r} is no operation; use the method, as Counter.add, or its name"
        raise InvalidInputError(msg)
    if name.startswith("$"):
        msg = f"no entity has an operation {name!r}: names with $ are the engine's"
        raise UnknownOperationError(msg)
    return name.lower()
