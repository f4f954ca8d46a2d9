"""Orchestrators and activities as values: their functions, read once."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import attrs
import msgspec

from perdure.actors.answers import NULL
from perdure.actors.codec import Codec, codec_for, encode, type_name
from perdure.actors.ids import checked_name
from perdure.errors import (
    DecodingError,
    DefinitionError,
    InvalidIdError,
    InvalidInputError,
)
from perdure.orchestration.pace import FASTEST, SLOWEST

POOLS = ("thread", "process")
CONTEXT_NAMES = ("ctx", "context", "_", "_ctx")


@attrs.frozen(eq=False)
class OrchestratorDefinition:
    """One orchestrator, in one version.

    Attributes:
        name: as it was registered; compared without regard to case.
        version: empty for none.
        function: the user's function.
        input: how its input is read; ``None`` when it takes none.
        output: how its result is written.
        retention_micros: how long a finished one is remembered; 0 for ever.
    """

    name: str
    version: str
    function: Callable[..., Any]
    input: Codec | None
    output: Codec
    retention_micros: int = 0

    def encode_input(self, value: Any) -> msgspec.Raw:
        """An input as JSON.

        Raises:
            InvalidInputError: it takes none.
            EncodingError, DecodingError: it does not fit.
        """
        return _encode_input(self.input, f"orchestrator {self.name}", value)


@attrs.frozen(eq=False)
class ActivityDefinition:
    """One activity.

    Attributes:
        name: as it was registered; compared without regard to case.
        function: the user's function.
        takes_context: its first parameter is the activity's context.
        input: how its input is read; ``None`` when it takes none.
        output: how its result is written and read.
        is_async: it runs on the event loop.
        pool: ``thread`` or ``process``.
        concurrency: how many attempts may run at once; ``None``: as many as there are threads.
        rate: how many may begin per second, evenly spread; ``None``: as many as there are.
        timeout_micros: how long an attempt may take; 0 for ever.
        heartbeat_micros: how long it may be silent; 0 for ever.
    """

    name: str
    function: Callable[..., Any]
    takes_context: bool
    input: Codec | None
    output: Codec
    is_async: bool = False
    pool: str = "thread"
    concurrency: int | None = None
    rate: float | None = None
    timeout_micros: int = 0
    heartbeat_micros: int = 0

    def encode_input(self, value: Any) -> msgspec.Raw:
        """An input as JSON.

        Raises:
            InvalidInputError: it takes none.
            EncodingError, DecodingError: it does not fit.
        """
        return _encode_input(self.input, f"activity {self.name}", value)


def _encode_input(codec: Codec | None, what: str, value: Any) -> msgspec.Raw:
    if codec is None:
        if value is not None:
            msg = f"{what} takes no input, and got {value!r}"
            raise InvalidInputError(msg)
        return NULL
    data = codec.encode(value)
    if type(value) is not codec.exact and codec.annotation is not Any:
        try:
            codec.decode(data)
        except DecodingError:
            if value is not None:
                raise
            msg = f"{what} takes an input, {type_name(codec.annotation)}, and got none"
            raise DecodingError(msg) from None
    return msgspec.Raw(data)


def encode_plain(value: Any, what: str) -> msgspec.Raw:
    """A value of any type as JSON."""
    return NULL if value is None else msgspec.Raw(encode(value, what=what))


def decoder_for(annotation: Any, what: str) -> Callable[[Any], Any]:
    """What reads values of that type; plain JSON values for ``None``."""
    return codec_for(Any if annotation is None else annotation, what).decode


# ---- reading functions -------------------------------------------------------------------


def define_orchestrator(
    function: Any, name: str | None, version: str, retention: timedelta | None = None
) -> OrchestratorDefinition:
    """Read an orchestrator: ``ctx`` and at most one input.

    Raises:
        DefinitionError: it is not well formed.
    """
    called, hints, parameters = _read(function, name, "orchestrator")
    given_version: object = version
    if not isinstance(given_version, str):
        msg = f"orchestrator {called}: version={version!r}; use a str"
        raise DefinitionError(msg)
    if not 1 <= len(parameters) <= 2:
        msg = (
            f"orchestrator {called}{inspect.signature(function)}: it takes ctx, and one input "
            "at most; put several values into a dataclass"
        )
        raise DefinitionError(msg)
    given = parameters[1] if len(parameters) == 2 else None
    returns = hints.get("return", Any)
    if inspect.isgeneratorfunction(function):
        returns = _generated(returns)
    return OrchestratorDefinition(
        called,
        version,
        function,
        None if given is None else _codec(given, hints, f"the input of {called}"),
        codec_for(returns, f"the result of {called}"),
        _micros(f"orchestrator {called}", "retention", retention),
    )


def define_activity(
    function: Any,
    name: str | None,
    *,
    pool: str = "thread",
    concurrency: int | None = None,
    rate: float | None = None,
    timeout: timedelta | None = None,
    heartbeat_timeout: timedelta | None = None,
) -> ActivityDefinition:
    """Read an activity: at most one input, perhaps after a context.

    Raises:
        DefinitionError: it is not well formed, or an option makes no sense.
    """
    called, hints, parameters = _read(function, name, "activity")
    takes_context = bool(parameters) and _is_context(parameters[0], hints, len(parameters))
    rest = parameters[1:] if takes_context else parameters
    if len(rest) > 1:
        msg = (
            f"activity {called}{inspect.signature(function)}: it takes one input at most; put "
            "several values into a dataclass"
        )
        raise DefinitionError(msg)
    is_async = inspect.iscoroutinefunction(function)
    if pool not in POOLS:
        msg = f"activity {called}: pool={pool!r}; use one of {', '.join(POOLS)}"
        raise DefinitionError(msg)
    if pool == "process":
        _check_process(called, function, is_async, takes_context, heartbeat_timeout)
    _check_limits(called, concurrency, rate)
    return ActivityDefinition(
        name=called,
        function=function,
        takes_context=takes_context,
        input=_codec(rest[0], hints, f"the input of {called}") if rest else None,
        output=codec_for(hints.get("return", Any), f"the result of {called}"),
        is_async=is_async,
        pool=pool,
        concurrency=concurrency,
        rate=rate,
        timeout_micros=_micros(f"activity {called}", "timeout", timeout),
        heartbeat_micros=_micros(f"activity {called}", "heartbeat_timeout", heartbeat_timeout),
    )


def _check_process(
    called: str, function: Any, is_async: bool, takes_context: bool, silence: object
) -> None:
    """Refuse what cannot run in a process pool."""
    if is_async or takes_context:
        what = "is a coroutine function" if is_async else "takes a context"
        msg = f"activity {called} {what}, which works in no process pool; use a plain function"
        raise DefinitionError(msg)
    if silence is not None:
        msg = (
            f"activity {called}: heartbeat_timeout={silence!r}, but in a process pool it can "
            "send no heartbeat; use timeout"
        )
        raise DefinitionError(msg)
    if "<" in f"{function.__module__}{function.__qualname__}":
        msg = (
            f"activity {called}: another process cannot import {function.__qualname__}; define "
            "it at the top of a module"
        )
        raise DefinitionError(msg)


def _check_limits(called: str, concurrency: object, rate: Any) -> None:
    if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
        msg = f"activity {called}: concurrency={concurrency!r}; use an int from 1, or None"
        raise DefinitionError(msg)
    if rate is None:
        return
    is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if not is_number or not SLOWEST <= rate <= FASTEST:
        msg = (
            f"activity {called}: rate={rate!r}; use a number of starts per second from "
            f"{SLOWEST:f} to {FASTEST}, or None"
        )
        raise DefinitionError(msg)


def _micros(what: str, option: str, value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, timedelta) or value <= timedelta():
        msg = f"{what}: {option}={value!r}; use a timedelta longer than 0"
        raise DefinitionError(msg)
    return value // timedelta(microseconds=1)


def _read(
    function: Any, name: str | None, what: str
) -> tuple[str, dict[str, Any], list[inspect.Parameter]]:
    if not callable(function):
        msg = f"{function!r} is no function; register the function of the {what}"
        raise DefinitionError(msg)
    called = name if name is not None else getattr(function, "__name__", "")
    try:
        checked_name(f"{what} name", called)
    except InvalidIdError as error:
        raise DefinitionError(str(error)) from error
    if "@" in called:
        msg = f"{what} name {called!r} has an @; leave it out"
        raise DefinitionError(msg)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        msg = f"{what} {called}: an annotation is not known: {error}; define it at module level"
        raise DefinitionError(msg) from error
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind not in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        ):
            msg = f"{what} {called}: parameter {parameter} cannot be given; leave it out"
            raise DefinitionError(msg)
    return called, hints, parameters


def _is_context(parameter: inspect.Parameter, hints: Mapping[str, Any], count: int) -> bool:
    annotation = hints.get(parameter.name)
    if annotation not in (None, Any):
        return getattr(annotation, "__name__", "") == "ActivityContext"
    return count == 2 or parameter.name in CONTEXT_NAMES


def _codec(parameter: inspect.Parameter, hints: Mapping[str, Any], what: str) -> Codec:
    return codec_for(hints.get(parameter.name, Any), what)


def _generated(annotation: Any) -> Any:
    """What a generator returns, by its annotation."""
    arguments = typing.get_args(annotation)
    return arguments[2] if len(arguments) == 3 else Any
