"""References to entities: what users signal and call.

A reference is an address and a way to send; it holds nothing of the entity. The same class
serves clients (each signal waits until it is durable) and pipelines (the block's end waits).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

import msgspec

from perdure.actors.context import due_micros, encode_operation
from perdure.actors.directory import Target
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.messages import Message
from perdure.actors.operations import OperationSpec
from perdure.actors.replies import Reply
from perdure.errors import DecodingError, InvalidInputError, RequestMismatchError

E = TypeVar("E")
P = ParamSpec("P")
R = TypeVar("R")

_NULL = b"null"

_decode_json = msgspec.json.Decoder().decode
"""A result whose type is not known here: plain JSON values."""


class Sender(Protocol):
    """Where a reference's messages go."""

    def now_micros(self) -> int:
        """The store's clock."""
        ...

    def new_id(self) -> str:
        """A request id nobody used before."""
        ...

    def send_signal(self, message: Message) -> None:
        """Send one signal; what it waits for is the sender's choice."""


class Caller(Sender, Protocol):
    """A sender that can also wait for answers."""

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        """Send one call and return what its answer comes with."""
        ...


class SignalRef(Generic[E]):
    """A reference to an entity that can be signalled.

    Attributes:
        id: whose it is.
    """

    __slots__ = ("_address", "_at", "_known", "_request_id", "_sender", "id")

    def __init__(
        self,
        sender: Sender,
        entity_id: EntityId,
        target: Target | None,
        request_id: str | None = None,
        at: datetime | timedelta | None = None,
    ) -> None:
        self.id = entity_id
        self._address = str(entity_id)
        self._sender = sender
        self._known = target
        self._request_id = request_id
        self._at = at

    @overload
    def signal(
        self, operation: Callable[Concatenate[E, P], Any], /, *args: P.args, **kwargs: P.kwargs
    ) -> None: ...
    @overload
    def signal(self, operation: str, /, *args: Any, **kwargs: Any) -> None: ...
    def signal(self, operation: Any, /, *args: Any, **kwargs: Any) -> None:
        """Have the entity do *operation*, some time, exactly once.

        From a client this returns when that is durable; in a pipeline when the block ends.

        Raises:
            UnknownOperationError, InvalidInputError: nothing was sent.
            StoreUnavailableError: the disk fails; nothing was accepted.
            OutcomeUnknownError: the disk failed just then; repeat with the same request id.
        """
        message, _ = self._message(operation, args, kwargs)
        if self._at is not None:
            message.due_micros = due_micros(self._at, self._sender.now_micros())
        self._sender.send_signal(message)

    def _message(
        self, operation: Callable[..., Any] | str, args: Any, kwargs: Any
    ) -> tuple[Message, OperationSpec | None]:
        name, data, form, spec = encode_operation(self._known, operation, args, kwargs)
        request_id = self._request_id
        message = Message(
            target=self._address,
            operation=name,
            input=data,
            form=form,
            request_id=request_id or self._sender.new_id(),
            chosen=request_id is not None,
        )
        return message, spec

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"


class PipelineRef(SignalRef[E]):
    """A reference inside ``with client.pipeline()``."""

    __slots__ = ()

    def options(
        self, *, request_id: str | None = None, at: datetime | timedelta | None = None
    ) -> PipelineRef[E]:
        """The same reference with a request id, or a time, for its next signals."""
        if request_id is not None:
            checked_name("request id", request_id)
        return PipelineRef(self._sender, self.id, self._known, request_id, at)


class CallRef(SignalRef[E]):
    """A reference that can also be called: its answer is durable when it arrives."""

    __slots__ = ()
    _sender: Caller

    @overload
    def call(
        self,
        operation: Callable[Concatenate[E, P], Coroutine[Any, Any, R]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Reply[R]: ...
    @overload
    def call(
        self, operation: Callable[Concatenate[E, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Reply[R]: ...
    @overload
    def call(self, operation: str, /, *args: Any, **kwargs: Any) -> Reply[Any]: ...
    def call(self, operation: Any, /, *args: Any, **kwargs: Any) -> Reply[Any]:
        """Have the entity do *operation* and answer: ``.get(timeout=5)`` or ``await``.

        Raises:
            UnknownOperationError, InvalidInputError: nothing was sent.
            RequestMismatchError: by ``get``: the id was a signal's, which has no result.
        """
        if self._at is not None:
            msg = f"{self.id}: a call is for now; only signals can be sent for a time"
            raise InvalidInputError(msg)
        message, spec = self._message(operation, args, kwargs)
        decode: Callable[[bytes], Any] = _decode_json if spec is None else spec.decode_result
        if message.chosen:
            decode = _unless_of_signal(decode, message)
        return self._sender.send_call(message, decode)


def _unless_of_signal(decode: Callable[[bytes], R], call: Message) -> Callable[[bytes], R]:
    """Read the result of a call, whose id may have been a signal's by mistake."""

    def read(result: bytes) -> R:
        try:
            return decode(result)
        except DecodingError as error:
            if result != _NULL:
                raise
            msg = (
                f"request {call.request_id!r} has no result: its id was first used by a signal "
                f"to {call.operation} at {call.target}; choose a new id for the call"
            )
            raise RequestMismatchError(msg) from error

    return read
