"""What an entity does with a message: the behavior port for entity classes.

An operation runs on the entity's object itself. Afterwards the fields are compared with what
they were; what differs becomes an event. After a failure the object is thrown away and built
anew from the JSON that was kept, so nothing the operation did can stay.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from perdure.actors.behavior import Instance, Outcome, Step, Surroundings
from perdure.actors.context import OperationScope
from perdure.actors.definition import DELETE, EntityDefinition
from perdure.actors.directory import Directory, Target
from perdure.actors.entity_events import NOTHING, Changed, Deleted, Recorded, write_event
from perdure.actors.failures import describe_failure
from perdure.actors.function_entity import FunctionInstance
from perdure.actors.locks import Lockable, is_locked, sealed
from perdure.actors.messages import Message
from perdure.actors.operations import OperationSpec
from perdure.actors.state import (
    Changes,
    EntityState,
    fresh_state,
    join_changes,
    join_fields,
    loaded_state,
    rebuilt_state,
)
from perdure.errors import (
    DecodingError,
    DefinitionError,
    ReadonlyViolationError,
    UnknownEntityError,
)


class EntityBehavior:
    """One kind of entity, as the engine runs it."""

    def __init__(
        self, definition: EntityDefinition, directory: Directory | None = None
    ) -> None:
        """Serve *definition*.

        Args:
            definition: of the class or function.
            directory: what its operations can send to; only itself unless given.
        """
        self.definition = definition
        self._directory = directory or Directory(self._resolve_self)

    def _resolve_self(self, kind: Any) -> Target | None:
        definition = self.definition
        if kind in (definition.cls, definition.function):
            return definition
        if isinstance(kind, str):
            return definition if kind.lower() == definition.kind else None
        msg = f"{kind!r} is not registered; add it to the app"
        raise UnknownEntityError(msg)

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings | None = None
    ) -> Instance:
        """Rebuild an entity from its stored state.

        Raises:
            DecodingError: the state does not fit the class; the message names the field.
        """
        of_its_style = EntityInstance if self.definition.function is None else FunctionInstance
        try:
            return of_its_style(self.definition, self._directory, state)
        except DecodingError as error:
            if state is None or not is_locked(state):
                raise
            return sealed(target, state, error)


def _nothing() -> None:
    """Do nothing: what the implicit ``delete`` runs."""


class _Scope(OperationScope):
    """One run of one operation of an entity class."""

    __slots__ = ("broken", "definition", "readonly", "recorded", "spec", "state")

    def __init__(
        self,
        message: Message,
        now_micros: int,
        directory: Directory,
        definition: EntityDefinition,
        state: EntityState,
        spec: OperationSpec,
    ) -> None:
        self.spec = spec
        self.message = message
        self.now_micros = now_micros
        self.directory = directory
        self.effects = None
        self.is_open = True
        self.sent_bytes = 0
        self.definition = definition
        self.state = state
        self.recorded: list[tuple[str, int, bytes]] | None = None
        self.broken: BaseException | None = None

    def close(self) -> None:
        """The same; the entity's object may outlive it."""
        super().close()
        self.state.entity._perdure_scope = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def record(self, event: object) -> None:
        """Record a domain event and apply it."""
        kind = type(event)
        spec = self.definition.events.get(kind)
        if spec is None:
            msg = (
                f"{self.definition.kind} has no handler for {kind.__qualname__}; add a "
                "method marked @perdure.applies with it as the parameter's annotation"
            )
            raise DefinitionError(msg)
        data = spec.codec.encode(event)
        value = spec.codec.decode(data)
        if self.recorded is None:
            self.recorded = []
            self.state = self.state.copied()
        self.count_in(len(self.recorded), len(data))
        self.refuse_direct_changes()
        entity: Any = self.state.entity
        entity._perdure_scope = None  # noqa: SLF001 - a handler sees no context
        try:
            spec.apply(entity, value)
            self.state.keep(self.state.changes())
        except BaseException as error:
            self.broken = error
            raise
        finally:
            entity._perdure_scope = self  # noqa: SLF001
        self.recorded.append((spec.name, spec.version, data))

    def refuse_direct_changes(self) -> None:
        """Fail when an operation that records events also changed a field by itself."""
        changes = self.state.changes()
        if changes:
            name = self.definition.fields[changes[0][0]].name
            error = DefinitionError(
                f"{self.message.operation} of {self.definition.kind} records events and also "
                f"changes {name} itself; change it in a method marked @perdure.applies only"
            )
            self.broken = error
            raise error


class EntityInstance(Lockable):
    """One active entity of a class."""

    __slots__ = (
        "_definition",
        "_directory",
        "_encoded",
        "_operations",
        "_rewrite",
        "_state",
        "_stored",
    )

    def __init__(
        self, definition: EntityDefinition, directory: Directory, stored: bytes | None
    ) -> None:
        self._definition = definition
        self._operations = definition.operations
        self._directory = directory
        super().__init__(stored)

    def load(self, state: bytes | None) -> None:
        """Be the entity with *state*, as JSON.

        Raises:
            DecodingError: it does not fit the class.
        """
        self._state: EntityState | None = None
        self._encoded: tuple[bytes, ...] | None = None
        self._rewrite = True
        self._stored = state  # holds until the first event, which then tells all of the state
        if state is not None:
            self._state, self._rewrite = loaded_state(self._definition, state)
            self._encoded = self._state.encoded
            if not self._rewrite:
                self._stored = None

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Find the operation and decode its input.

        Raises:
            UnknownOperationError, DecodingError: the message can never be run by this code.
        """
        spec = self._operations.get(message.operation)
        if spec is None:
            if message.operation.startswith("$"):
                return self.prepare_own(message, now_micros)
            spec = self._definition.operation(message.operation)
            assert spec is not None
            if spec.name == DELETE and DELETE not in self._operations:
                return Step(
                    _nothing, False, False, OperationScope(message, now_micros, self._directory)
                )
        args, kwargs = spec.decode_input(message.input, message.form)
        state = self._state
        if state is None:
            state = self._state = self._restored()
        scope = _Scope(message, now_micros, self._directory, self._definition, state, spec)
        entity: Any = state.entity
        entity._perdure_scope = scope  # noqa: SLF001 - the entity's hidden half is ours
        return Step(
            partial(spec.function, entity, *args, **kwargs), spec.is_async, spec.readonly, scope
        )

    def _restored(self) -> EntityState:
        if self._encoded is None:
            return fresh_state(self._definition)
        return rebuilt_state(self._definition, self._encoded)

    def finish(self, step: Step, result: Any) -> Outcome:
        """Compare the fields, and decide what is recorded and sent."""
        scope: OperationScope = step.scope
        if not isinstance(scope, _Scope):
            return self.finish_own(scope) or self._deleted(scope)
        try:
            data = scope.spec.encode_result(result)
            if scope.recorded is not None:
                return self._finish_recorded(step, scope, data)
            state = scope.state
            changes = state.changes()
            if step.readonly and (changes or scope.effects):
                self._refuse_readonly(scope)
        except Exception as error:
            return self.fail(step, error)
        scope.is_open = False  # scope.close(), in line for each operation
        state.entity._perdure_scope = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if not changes and not scope.effects:
            return Outcome(data)
        state.keep(changes)
        outcome = Outcome(
            data,
            None,
            (self._changed(scope.message, scope.now_micros, state, changes),),
            () if scope.effects is None else tuple(scope.effects),
        )
        return outcome if self.lock is None else self.held_back(outcome)

    def _changed(
        self, message: Message, now_micros: int, state: EntityState, changes: Changes
    ) -> bytes:
        """The event of what an operation changed; all fields when it is the first."""
        fields = self._definition.fields
        if self._rewrite:
            body = join_fields(fields, state.encoded)
        else:
            body = join_changes(fields, changes)
        event = Changed(
            operation=message.operation,
            time=now_micros,
            request=message.request_id,
            caller=message.caller,
            changes=msgspec.Raw(body),
            whole=self._rewrite,
        )
        self._rewrite = False
        self._encoded = state.encoded
        return write_event(event)

    def _finish_recorded(self, step: Step, scope: _Scope, data: bytes) -> Outcome:
        if scope.broken is not None:
            return self.fail(step, scope.broken)
        scope.refuse_direct_changes()
        if step.readonly:
            self._refuse_readonly(scope)
        base = NOTHING
        if self._rewrite:
            before = self._state
            assert before is not None
            base = msgspec.Raw(join_fields(self._definition.fields, before.encoded))
        events: list[bytes] = []
        message = scope.message
        for name, version, body in scope.recorded or ():
            event = Recorded(
                operation=message.operation,
                time=scope.now_micros,
                request=message.request_id,
                caller=message.caller,
                name=name,
                version=version,
                data=msgspec.Raw(body),
                code=self._definition.handlers_print,
                base=base,
            )
            events.append(write_event(event))
            base = NOTHING
        scope.close()
        self._rewrite = False
        self._state = scope.state
        self._encoded = scope.state.encoded
        return self.held_back(Outcome(data, None, tuple(events), tuple(scope.effects or ())))

    def _refuse_readonly(self, scope: _Scope) -> None:
        did = "sends a signal" if scope.effects else "changes the state"
        msg = (
            f"{scope.message.operation} of {self._definition.kind} is @perdure.readonly and "
            f"{did}; remove the mark, or the change"
        )
        raise ReadonlyViolationError(msg)

    def _deleted(self, scope: OperationScope) -> Outcome:
        if self._rewrite and self._stored is None:
            return Outcome()  # it never was, or is deleted
        message = scope.message
        event = Deleted(
            operation=message.operation,
            time=scope.now_micros,
            request=message.request_id,
            caller=message.caller,
        )
        self.load(None)
        return self.held_back(Outcome(events=(write_event(event),)))

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Throw away what the operation did, and describe the failure."""
        step.scope.close()
        self._state = None
        return Outcome(b"", describe_failure(error))

    def present(self) -> bytes | None:
        """The state as JSON; what was stored until the first event, which tells all of it."""
        if self._rewrite or self._encoded is None:
            return self._stored
        return join_fields(self._definition.fields, self._encoded)

    def state(self) -> bytes | None:
        """What is to be stored; ``None`` when there is nothing to keep."""
        return self.present() if self.lock is None else self.stored()

    def close(self) -> None:
        """It holds nothing that could act."""
