"""Function style: an entity as one function ``def counter(ctx)`` for all operations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

import msgspec

from perdure.actors.behavior import Outcome, Step
from perdure.actors.codec import codec_for, encode
from perdure.actors.context import EntityContext, OperationScope
from perdure.actors.definition import EntityDefinition
from perdure.actors.directory import Directory
from perdure.actors.entity_events import Changed, Deleted, write_event
from perdure.actors.failures import describe_failure
from perdure.actors.locks import Lockable
from perdure.actors.messages import Message

T = TypeVar("T")
_UNSET = object()


class FunctionContext(EntityContext):
    """What a function-style entity is given: its operation, input and state."""

    def __init__(self, kind: str, scope: OperationScope, state: bytes | None) -> None:
        super().__init__(scope)
        self._kind = kind
        self._state = state
        self._result: Any = _UNSET

    @property
    def operation_name(self) -> str:
        """The operation, lower case."""
        return self._scope.message.operation

    @overload
    def get_input(self) -> Any: ...
    @overload
    def get_input(self, input_type: type[T]) -> T: ...
    def get_input(self, input_type: Any = Any) -> Any:
        """The operation's input; ``None`` when there is none.

        Args:
            input_type: the type to read it as; plain JSON values unless given.

        Raises:
            DecodingError: it does not fit.
        """
        message = self._scope.message
        data = message.input if message.form else b"null"
        return codec_for(input_type, f"the input of {self._kind}.{message.operation}").decode(
            data
        )

    @overload
    def get_state(self, initializer: Callable[[], T], state_type: None = None) -> T: ...
    @overload
    def get_state(self, initializer: None = None, state_type: None = None) -> Any: ...
    @overload
    def get_state(self, initializer: Callable[[], T] | None, state_type: type[T]) -> T: ...
    def get_state(
        self, initializer: Callable[[], Any] | None = None, state_type: Any = None
    ) -> Any:
        """A copy of the state; keep changes with :meth:`set_state`.

        Args:
            initializer: makes the state where there is none.
            state_type: the type to read it as; plain JSON values unless given.

        Raises:
            DecodingError: it does not fit.
        """
        if self._state is None:
            return None if initializer is None else initializer()
        wanted: Any = Any if state_type is None else state_type
        return codec_for(wanted, f"the state of {self._kind}").decode(self._state)

    def set_state(self, state: Any) -> None:
        """Keep *state*; ``None`` removes the entity.

        Raises:
            EncodingError: it has no JSON form.
        """
        self._state = (
            None if state is None else encode(state, what=f"the state of {self._kind}")
        )

    def set_result(self, result: Any) -> None:
        """Answer the caller."""
        self._result = result

    def outcome(self, returned: Any) -> tuple[Any, bytes | None]:
        """The result and the state that the function left."""
        return (returned if self._result is _UNSET else self._result), self._state


class _FunctionScope(OperationScope):
    """One run of a function-style entity."""

    __slots__ = ("function_context",)
    function_context: FunctionContext


class FunctionInstance(Lockable):
    """One active function-style entity."""

    def __init__(
        self, definition: EntityDefinition, directory: Directory, stored: bytes | None
    ) -> None:
        assert definition.function is not None
        self._definition = definition
        self._function = definition.function
        self._is_async = inspect.iscoroutinefunction(definition.function)
        self._directory = directory
        super().__init__(stored)

    def load(self, state: bytes | None) -> None:
        """Be the entity with *state*, as JSON.

        Raises:
            DecodingError: it is no JSON.
        """
        self._state = state
        if state is not None:
            codec_for(Any, f"the stored state of {self._definition.kind}").decode(state)

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Bind the function to a context; any operation will do that is not the engine's.

        Raises:
            UnknownOperationError, DecodingError: one of the engine's that cannot be done.
        """
        if message.operation.startswith("$"):
            return self.prepare_own(message, now_micros)
        scope = _FunctionScope(message, now_micros, self._directory)
        scope.function_context = FunctionContext(self._definition.kind, scope, self._state)
        return Step(
            partial(self._function, scope.function_context), self._is_async, False, scope
        )

    def finish(self, step: Step, result: Any) -> Outcome:
        """Keep the state that the function left."""
        scope: OperationScope = step.scope
        if not isinstance(scope, _FunctionScope):
            outcome = self.finish_own(scope)
            assert outcome is not None
            return outcome
        result, state = scope.function_context.outcome(result)
        try:
            data = encode(result, what="the result")
        except Exception as error:
            return self.fail(step, error)
        scope.close()
        effects = tuple(scope.effects or ())
        if state == self._state and not effects:
            return Outcome(data)
        event: Changed | Deleted
        message = scope.message
        if state is None:
            event = Deleted(operation=message.operation, time=scope.now_micros)
        else:
            event = Changed(
                operation=message.operation,
                time=scope.now_micros,
                changes=msgspec.Raw(state),
                whole=True,
            )
        event.request = message.request_id
        event.caller = message.caller
        self._state = state
        return self.held_back(Outcome(data, None, (write_event(event),), effects))

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Leave the state as it was, and describe the failure."""
        step.scope.close()
        return Outcome(b"", describe_failure(error))

    def present(self) -> bytes | None:
        """The state as JSON; ``None`` when there is none."""
        return self._state

    def state(self) -> bytes | None:
        """What is to be stored; ``None`` when there is nothing to keep."""
        return self.stored()

    def close(self) -> None:
        """It holds nothing that could act."""
