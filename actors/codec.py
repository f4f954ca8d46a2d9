"""Values as JSON and back: the one edge that everything stored passes.

msgspec writes and reads; this module refuses what it would write wrongly (NaN becomes ``null``,
numbers beyond 64 bit are read differently by every reader) and says where in the value the
trouble is. Scalars are checked before they are written; of anything else the written bytes are
searched for signs of trouble, which is faster than a walk through the value, and only where
they show one is the value walked.
"""

from __future__ import annotations

import functools
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import msgspec

from perdure.actors import tagged
from perdure.errors import DecodingError, DefinitionError, EncodingError, PayloadTooLargeError

PAYLOAD_LIMIT = 2 * 1024 * 1024
DEPTH_LIMIT = 100
_INT_MIN = -(2**63)
_INT_MAX = 2**64 - 1

_SIGNS = (b"\\u0000", b'"nan"', b'inf"', b'infinity"')
_SMALL = 64
_SIGNS_IN_SMALL = re.compile(rb'\\u0000|"nan"|inf(?:inity)?"|[0-9]{19}').search
_LONG_NUMBER = b"0" * 19
_DIGITS_TO_0 = bytes(ord("0") if code in b"0123456789" else ord("x") for code in range(256))
_JSON_WORDS = re.compile("`(object|array|null)`")
_SHOWN = 60
_encode_finite = json.JSONEncoder(allow_nan=False, check_circular=False).encode
_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))


def _is_pydantic(kind: Any) -> bool:
    """True for a pydantic model class; pydantic is never imported for asking."""
    pydantic = sys.modules.get("pydantic")
    return (
        pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)
    )


def _enc_hook(value: Any) -> Any:
    if _is_pydantic(type(value)):
        return value.model_dump(mode="json")
    remedy = "use an attrs class, a dataclass or plain values"
    if hasattr(value, "__await__"):
        remedy = "await it first"
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    msg = f"a {name} has no JSON form; {remedy}"
    raise EncodingError(msg)


def _dec_hook(kind: type[Any], value: Any) -> Any:
    if _is_pydantic(kind):
        model: Any = kind
        return model.model_validate_json(_encode(value))
    if issubclass(kind, tagged.Tagged):
        return kind.build(value, _convert)
    if kind is object:  # any JSON value, as people who check their types write it
        return value
    msg = f"a {kind.__qualname__} cannot be read from JSON"
    raise NotImplementedError(msg)


def _convert(value: Any, annotation: Any) -> Any:
    return msgspec.convert(value, annotation, dec_hook=_dec_hook)


_encode: Callable[[Any], bytes] = msgspec.json.Encoder(enc_hook=_enc_hook).encode
_encode_sorted: Callable[[Any], bytes] = msgspec.json.Encoder(
    enc_hook=_enc_hook, order="deterministic"
).encode


def _encode_keyed(value: Any) -> bytes:
    """The same where keys are no texts, which msgspec does not sort."""
    plain = msgspec.to_builtins(value, str_keys=True, order="deterministic", enc_hook=_enc_hook)
    return _encode_sorted(plain)


def encode(value: Any, limit: int = PAYLOAD_LIMIT, what: str = "value") -> bytes:
    """Write *value* as JSON that every store keeps unchanged.

    Args:
        value: what to write.
        limit: the most bytes it may take.
        what: how an error names the value, as ``parameter amount``.

    Raises:
        EncodingError: it has no such form; the message names the place and the remedy.
        PayloadTooLargeError: it takes more than *limit* bytes.
    """
    subject: object = value
    kind = type(subject)
    if kind is int:
        if not _INT_MIN <= value <= _INT_MAX:
            _refuse_int(what)
        return _encode(value)
    if kind is bool or value is None:
        return _encode(value)
    if kind is float:
        if not math.isfinite(value):
            _refuse_float(what, value)
        return _encode(value)
    data = _written(value, what, _encode)
    _check(data, value, limit, what)
    return data


def _written(value: Any, what: str, write: Callable[[Any], bytes]) -> bytes:
    """Write a value of any type; what msgspec refuses is an EncodingError."""
    try:
        return write(value)
    except UnicodeEncodeError:
        _walk(value, what)
        raise
    except RecursionError:
        _refuse_depth(what)
    except EncodingError as error:
        msg = f"{what}: {error}"
        raise EncodingError(msg) from None
    except Exception as error:  # writing asks the user's classes
        msg = f"{what} cannot be written as JSON: {error}"
        raise EncodingError(msg) from error


def _check(data: bytes, value: Any, limit: int, what: str) -> None:
    """Look for trouble in what was written, and if there may be some, in the value."""
    if len(data) > limit:
        msg = (
            f"{what} takes {len(data)} bytes as JSON, the limit is {limit}; "
            "store the data elsewhere and send a reference to it"
        )
        raise PayloadTooLargeError(msg)
    if type(value) is not str and (
        _may_be_wrong(data) or _may_be_deep(data) or (b"null" in data and not _is_finite(value))
    ):
        _walk(value, what)


def _may_be_wrong(data: bytes) -> bool:
    """False when *data* surely has no NUL in a key, number as a key, or long number.

    A search for each sign is ten times as fast as one regular expression, and slower for a
    few bytes.
    """
    if len(data) <= _SMALL:
        return _SIGNS_IN_SMALL(data) is not None
    if any([sign in data for sign in _SIGNS]):
        return True
    return _LONG_NUMBER in data.translate(_DIGITS_TO_0)


def _is_finite(value: Any) -> bool:
    """False when a null may stand for a NaN or infinity: the standard library tells."""
    try:
        _encode_finite(msgspec.to_builtins(value, enc_hook=_enc_hook))
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _may_be_deep(data: bytes) -> bool:
    """False when *data* surely nests no deeper than the limit: brackets cancel out in pairs."""
    if data.count(b"[") + data.count(b"{") <= DEPTH_LIMIT:
        return False
    brackets = data.translate(None, _NOT_BRACKETS)
    for _ in range(DEPTH_LIMIT):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def _walk(value: Any, what: str) -> None:
    """Find what JSON cannot hold, in the value as msgspec sees it, and raise."""
    try:
        plain = msgspec.to_builtins(value, enc_hook=_enc_hook)
    except RecursionError:
        _refuse_depth(what)
    stack: list[tuple[str, int, Any]] = [(what, 1, plain)]
    while stack:
        path, depth, item = stack.pop()
        if isinstance(item, str):
            _refuse_surrogate(path, item)
        elif isinstance(item, float):
            if not math.isfinite(item):
                _refuse_float(path, item)
        elif isinstance(item, int):
            if not _INT_MIN <= item <= _INT_MAX:
                _refuse_int(path)
        elif isinstance(item, (dict, list, tuple, set, frozenset)):
            if depth > DEPTH_LIMIT:
                _refuse_depth(what)
            stack.extend((inner, depth + 1, child) for inner, child in _children(path, item))


def _children(path: str, item: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(item, "items"):
        for index, child in enumerate(item):
            yield f"{path}[{index}]", child
        return
    for key, child in item.items():
        if isinstance(key, str) and "\x00" in key:
            msg = f"{path} has a key with a NUL character, {key!r}; leave it out"
            raise EncodingError(msg)
        if isinstance(key, float) and not math.isfinite(key):
            _refuse_float(f"a key of {path}", key)
        if isinstance(key, str):
            _refuse_surrogate(f"a key of {path}", key)
        yield f"{path}.{key}", child


def _refuse_surrogate(path: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        msg = (
            f"{path} has half a surrogate pair at character {error.start}; "
            "decode it properly or use errors='replace'"
        )
        raise EncodingError(msg) from error


def _refuse_float(path: str, value: float) -> NoReturn:
    msg = f"{path} is {value}, which JSON cannot hold; use None, or a str"
    raise EncodingError(msg)


def _refuse_int(path: str) -> NoReturn:
    msg = f"{path} is an int beyond 64 bit; use a str or Decimal"
    raise EncodingError(msg)


def _refuse_depth(path: str) -> NoReturn:
    msg = f"{path} is nested deeper than {DEPTH_LIMIT} levels, or contains itself; flatten it"
    raise EncodingError(msg)


_EXACT = (bool, int, str)
"""Annotations for which a value of exactly this type always reads back the same."""


class Codec:
    """Writes and reads the values of one annotation.

    Attributes:
        annotation: the type as the user wrote it.
        exact: the scalar class whose own values need no checking, or ``None``.
    """

    __slots__ = ("_pack", "_read", "_write", "annotation", "exact", "what")

    def __init__(self, annotation: Any, what: str) -> None:
        """Prepare for *annotation*; errors name the value as *what*.

        Raises:
            DefinitionError: values of that type have no JSON form.
        """
        self.annotation = annotation
        self.what = what
        self.exact: type | None = annotation if annotation in _EXACT else None
        readable, pack = tagged.plan(annotation)
        self._pack = pack
        try:
            information = msgspec.inspect.type_info(readable)
            self._read = msgspec.json.Decoder(readable, dec_hook=_dec_hook).decode
        except (TypeError, ValueError, NotImplementedError) as error:
            msg = f"{what}: its type {annotation!r} cannot be read from JSON: {error}"
            raise DefinitionError(msg) from error
        kinds = list(_kinds(information))
        for kind in kinds:
            if isinstance(kind, msgspec.inspect.CustomType):
                _check_custom(kind.cls, what)
        has_sets = any(
            isinstance(kind, (msgspec.inspect.SetType, msgspec.inspect.FrozenSetType))
            for kind in kinds
        )
        has_keys = any(
            isinstance(kind, msgspec.inspect.DictType)
            and not isinstance(kind.key_type, msgspec.inspect.StrType)
            for kind in kinds
        )
        sorting = _encode_keyed if has_keys else _encode_sorted
        self._write = sorting if has_sets else _encode

    def encode(self, value: Any, limit: int = PAYLOAD_LIMIT) -> bytes:
        """Write a value; sets are sorted, so that equal values are equal bytes."""
        packed = value if self._pack is None else self._packed(value)
        if self._write is _encode:
            return encode(packed, limit, self.what)
        data = _written(packed, self.what, self._write)
        _check(data, packed, limit, self.what)
        return data

    def encode_changed(self, value: Any, kept: bytes) -> bytes | None:
        """Write a value as it will be once read back; ``None`` when that equals *kept*.

        Raises:
            EncodingError, PayloadTooLargeError: it cannot be written.
            DecodingError: it could not be read back: it does not fit the annotation.
        """
        packed = value if self._pack is None else self._packed(value)
        data = _written(packed, self.what, self._write)
        if data == kept and b"null" not in data:
            return None
        _check(data, packed, PAYLOAD_LIMIT, self.what)
        if data == kept:
            return None
        again = self.decode(data)
        data = self._write(again if self._pack is None else self._pack(again))
        return None if data == kept else data

    def _packed(self, value: Any) -> Any:
        assert self._pack is not None
        try:
            return self._pack(value)
        except (TypeError, ValueError, AttributeError) as error:
            msg = f"{self.what} does not fit {type_name(self.annotation)}: {error}"
            raise EncodingError(msg) from error

    def decode(self, data: bytes | msgspec.Raw) -> Any:
        """Read a value.

        Raises:
            DecodingError: it does not fit the annotation; the message names the value.
        """
        try:
            return self._read(data)
        except Exception as error:  # reading runs validators, the user's code
            told = isinstance(error, msgspec.ValidationError)  # its text tells all of it
            why = _in_words(str(error), bytes(data)) if told else str(error)
            msg = f"{self.what} does not fit its type {type_name(self.annotation)}: {why}"
            raise DecodingError(msg) from error.__cause__ if told else error


@functools.lru_cache(maxsize=512)
def codec_for(annotation: Any, what: str) -> Codec:
    """A codec that is kept for the next time.

    Raises:
        DefinitionError: values of that type have no JSON form.
    """
    return Codec(annotation, what)


def type_name(annotation: Any) -> str:
    """An annotation as people write it."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _in_words(why: str, data: bytes) -> str:
    """What msgspec says, with JSON's words told from Python's, and the value if it is short."""
    text = _JSON_WORDS.sub(r"`JSON \1`", why)
    if len(data) <= _SHOWN:
        text += f": {data.decode(errors='replace')}"
    return text


def _check_custom(kind: Any, what: str) -> None:
    if kind is object or _is_pydantic(kind):
        return
    if isinstance(kind, type) and issubclass(kind, tagged.Tagged):
        return
    remedy = "use an attrs class, a dataclass or plain values"
    if what.startswith("field "):
        remedy += " (or perdure.ephemeral() for a field that need not last)"
    msg = f"{what}: {kind!r} has no JSON form; {remedy}"
    raise DefinitionError(msg)


def _kinds(root: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    """Every type that occurs in *root*, each object once."""
    seen: set[int] = set()
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        if type(item) in (list, tuple):
            stack.extend(item)
        elif isinstance(item, (msgspec.inspect.Type, msgspec.inspect.Field)):
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, msgspec.inspect.Type):
                yield item
            stack.extend(
                getattr(item, name) for name in item.__struct_fields__ if name != "default"
            )
