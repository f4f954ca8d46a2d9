"""What an orchestrator asks of entities: calls, signals, critical sections, transactions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

import attrs
import msgspec

from perdure.actors.answers import NULL
from perdure.actors.context import due_micros, encode_operation
from perdure.actors.directory import Target
from perdure.actors.ids import EntityId
from perdure.errors import (
    CriticalSectionError,
    InvalidInputError,
)
from perdure.orchestration.definitions import decoder_for
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
)
from perdure.orchestration.programming import Open
from perdure.orchestration.scheduling import Scheduling
from perdure.orchestration.sections import Section, in_order
from perdure.orchestration.tasks import Task

E = TypeVar("E")
I = TypeVar("I")  # noqa: E741 - the input
P = ParamSpec("P")
R = TypeVar("R")


class EntityCalls(Scheduling):
    """The part of an orchestrator's context that is about entities."""

    # ---- entities -------------------------------------------------------------------------

    @overload
    def entity(self, kind: type[E], key: str) -> OrchestrationEntityRef[E]: ...
    @overload
    def entity(
        self, kind: str | Callable[..., object], key: str
    ) -> OrchestrationEntityRef[Any]: ...
    def entity(self, kind: Any, key: str) -> OrchestrationEntityRef[Any]:
        """An entity, to be called or signalled.

        Raises:
            InvalidIdError: the key or name breaks the rules.
            UnknownEntityError: the class is not registered.
        """
        target = self._resolve(kind)
        name: str = kind if target is None else target.kind
        return OrchestrationEntityRef(EntityId(name, key), self._execution, target)

    def call_entity(
        self,
        entity: EntityId,
        operation_name: str,
        input: Any = None,
    ) -> Task[Any]:
        """Call an operation by name; see :meth:`entity` for the typed way."""
        given = () if input is None else (input,)
        return self.entity(entity.kind, entity.key).call(operation_name, *given)

    def signal_entity(
        self,
        entity: EntityId,
        operation_name: str,
        input: Any = None,
    ) -> None:
        """Signal an operation by name; see :meth:`entity` for the typed way."""
        given = () if input is None else (input,)
        self.entity(entity.kind, entity.key).signal(operation_name, *given)

    def lock_entities(self, *entities: Lockable | Sequence[Lockable]) -> LockTask:
        """A critical section: ``async with ctx.lock_entities(a, b):``.

        Inside it the entities take messages of this orchestration only. They are locked in one
        order for all, so two sections never wait for each other. In a generator:
        ``with (yield ctx.lock_entities([a, b])):``.

        Raises:
            CriticalSectionError: it is in one already, or there is no entity.
        """
        return self._section(entities, transaction=False)

    def transaction(self, *entities: Lockable | Sequence[Lockable]) -> LockTask:
        """A critical section that is all or nothing: ``async with ctx.transaction(a, b):``.

        If its body raises, or the orchestration ends in it, everything done inside to the
        entities is undone. What they send is held until the end.

        Raises:
            CriticalSectionError: it is in a section already, or there is no entity.
        """
        return self._section(entities, transaction=True)

    def _section(
        self, given: Sequence[Lockable | Sequence[Lockable]], *, transaction: bool
    ) -> LockTask:
        self._execution.require_open()
        execution = self._execution
        if execution.section is not None:
            msg = "critical sections do not nest; lock all entities in one"
            raise CriticalSectionError(msg)
        ids: list[EntityId] = []
        for item in given:
            ids.extend(_ids_in(item))
        if not ids:
            msg = "lock_entities() locks nothing; name at least one entity"
            raise CriticalSectionError(msg)
        name = f"{self.instance_id}:{self._started.generation}:{execution.next_task()}"
        section = Section(name, in_order(ids), transaction)
        execution.section = section
        task = LockTask(execution, section)
        self._request_lock(section, task)
        return task

    def _request_lock(self, section: Section, task: LockTask) -> None:
        execution = self._execution
        entity = section.entities[section.granted]
        task_id = section.asked = execution.next_task()
        execution.decide(
            EntityLockRequested(
                id=task_id,
                entity=entity,
                section=section.id,
                transaction=section.transaction,
            )
        )
        one: Task[Any] = Task()
        execution.open(task_id, Open(one, "lock", f"locking {entity}", _nothing))

        def granted(answer: Task[Any]) -> None:
            if answer.is_failed:
                execution.leave(section, undo=section.transaction)
                task.fail(answer.get_exception())
                return
            section.granted += 1
            if section.is_complete:
                task.complete(None)
            else:
                self._request_lock(section, task)

        one.follow(granted)


def _ids_in(item: object) -> list[EntityId]:
    """The ids of an entity, or of a list of them."""
    if isinstance(item, EntityId):
        return [item]
    if isinstance(item, OrchestrationEntityRef):
        return [item.id]
    if isinstance(item, Sequence) and not isinstance(item, str | bytes):
        given = cast("Sequence[object]", item)
        return [entity_id for one in given for entity_id in _ids_in(one)]
    msg = f"{item!r} is no entity; lock what ctx.entity(…) returns, or an EntityId"
    raise InvalidInputError(msg)


class LockTask(Task["LockTask"]):
    """The wait for a critical section, and the section itself once it is there."""

    __slots__ = ("_execution", "_section")

    def __init__(self, execution: Execution, section: Section) -> None:
        super().__init__()
        self._execution = execution
        self._section = section

    def cancel(self) -> None:
        """Ask for no more locks, and let go of those that were granted."""
        if not self.is_complete:
            self._execution.leave(self._section, undo=self._section.transaction)

    def interrupt(self) -> None:
        """Whoever waited for it will not be in the section (engine only)."""
        self.cancel()

    def get_result(self) -> Self:
        """The section itself; it does not hold itself, or only the collector would free it."""
        super().get_result()
        return self

    async def __aenter__(self) -> Self:
        await self
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def __enter__(self) -> Self:
        if not self.is_complete:
            msg = "the entities are not locked yet: with (yield ctx.lock_entities([…])):"
            raise CriticalSectionError(msg)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        undo = self._section.transaction and kind is not None
        self._execution.leave(self._section, undo=undo)


@attrs.frozen(eq=False)
class OrchestrationEntityRef(Generic[E]):
    """An entity as an orchestration sees it: ``call`` gives a task, ``signal`` is one-way.

    Attributes:
        id: whom.
    """

    id: EntityId
    _execution: Execution = attrs.field(repr=False)
    _target: Target | None = attrs.field(repr=False)
    _at: datetime | timedelta | None = None

    def options(self, *, at: datetime | timedelta | None = None) -> OrchestrationEntityRef[E]:
        """The same entity, to be signalled not before *at* (a duration counts from now)."""
        return OrchestrationEntityRef(self.id, self._execution, self._target, at)

    @overload
    def call(
        self,
        operation: Callable[Concatenate[E, P], Coroutine[Any, Any, R]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Task[R]: ...
    @overload
    def call(
        self, operation: Callable[Concatenate[E, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Task[R]: ...
    @overload
    def call(self, operation: str, /, *args: Any, **kwargs: Any) -> Task[Any]: ...
    def call(self, operation: Any, /, *args: Any, **kwargs: Any) -> Task[Any]:
        """Have the entity do *operation*, and wait for its result.

        Raises:
            InvalidInputError, UnknownOperationError: nothing was asked for.
            CriticalSectionError: inside a section only what it locks may be called.
        """
        execution = self._execution
        execution.require_open()
        if self._at is not None:
            msg = f"{self.id}: a call is for now; only signals can be sent for a time"
            raise InvalidInputError(msg)
        name, data, form, spec = encode_operation(self._target, operation, args, kwargs)
        address = str(self.id)
        section = execution.section
        if section is not None:
            section.check_call(address)
            section.calls.add(address)
        task_id = execution.next_task()
        execution.decide(
            EntityOperationCalled(
                id=task_id, entity=address, operation=name, input=_stored(data), form=form
            )
        )
        decode = spec.decode_result if spec is not None else decoder_for(None, "the result")
        task: Task[Any] = Task()
        what = f"operation {name} of {address}"
        execution.open(task_id, Open(task, "entity", what, decode, address if section else ""))
        return task

    @overload
    def signal(
        self,
        operation: Callable[Concatenate[E, P], object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None: ...
    @overload
    def signal(self, operation: str, /, *args: Any, **kwargs: Any) -> None: ...
    def signal(self, operation: Any, /, *args: Any, **kwargs: Any) -> None:
        """Have the entity do *operation*, some time, exactly once.

        Raises:
            InvalidInputError, UnknownOperationError: nothing was asked for.
            CriticalSectionError: the entity is locked: call it instead.
        """
        execution = self._execution
        execution.require_open()
        name, data, form, _ = encode_operation(self._target, operation, args, kwargs)
        address = str(self.id)
        if execution.section is not None:
            execution.section.check_signal(address)
        execution.decide(
            EntityOperationSignaled(
                id=execution.next_task(),
                entity=address,
                operation=name,
                input=_stored(data),
                form=form,
                due=due_micros(self._at, execution.now),
            )
        )


Lockable = OrchestrationEntityRef[Any] | EntityId


def _nothing(_: Any) -> None:
    """Read nothing."""


def _stored(data: bytes) -> msgspec.Raw:
    return msgspec.Raw(data) if data else NULL
