"""What an orchestrator sees: its surroundings, and everything durable it can ask for."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import attrs
import msgspec

from perdure.actors.context import Resolve, Target, due_micros, to_datetime
from perdure.actors.failures import describe_failure
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.operations import encode_arguments, operation_name
from perdure.errors import (
    CriticalSectionError,
    FailureDetails,
    InvalidInputError,
    NotAllowedHereError,
    TaskFailedError,
)
from perdure.orchestration.definitions import Registry, decoder_for, encode_plain
from perdure.orchestration.execution import Execution, Open
from perdure.orchestration.history import (
    ContinueAsNew,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EventSent,
    ExecutionStarted,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.retry import RetryPolicy, delay_micros
from perdure.orchestration.sections import Section, in_order
from perdure.orchestration.tasks import EventTask, Task, TimerTask

E = TypeVar("E")
I = TypeVar("I")  # noqa: E741 - the input
P = ParamSpec("P")
R = TypeVar("R")

_MICROSECOND = timedelta(microseconds=1)


class OrchestrationContext:
    """The first argument of an orchestrator.

    Everything an orchestrator does goes through it: it is replayed, so clocks, random numbers
    and I/O of its own would give other answers the next time.
    """

    def __init__(self, execution: Execution, registry: Registry, resolve: Resolve) -> None:
        self._execution = execution
        self._registry = registry
        self._resolve = resolve
        self._random: random.Random | None = None
        self._uuids = 0

    # ---- who and when ---------------------------------------------------------------------

    @property
    def instance_id(self) -> str:
        """Names this orchestration."""
        return self._execution.instance_id

    @property
    def parent_instance_id(self) -> str | None:
        """The orchestration that started it, or ``None``."""
        return self._started.parent or None

    @property
    def version(self) -> str:
        """The version that was stamped at the start; empty for none."""
        return self._started.version

    @property
    def tags(self) -> Mapping[str, str]:
        """What its starter said of it."""
        return dict(self._started.tags)

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of what happened last, in UTC; the same on replay."""
        return to_datetime(self._execution.now)

    @property
    def is_replaying(self) -> bool:
        """Whether the code does again what it did before."""
        return self._execution.is_replaying

    @property
    def random(self) -> random.Random:
        """Random numbers that are the same on replay."""
        if self._random is None:
            self._random = random.Random(self._started.generation)
        return self._random

    def new_uuid(self) -> uuid.UUID:
        """A UUID that is the same on replay, and differs from all others."""
        self._uuids += 1
        name = f"{self.instance_id}:{self._started.generation}:{self._uuids}"
        return uuid.uuid5(uuid.NAMESPACE_OID, name)

    def create_replay_safe_logger(self, logger: logging.Logger) -> logging.LoggerAdapter[Any]:
        """A logger that is silent during replay."""
        return _ReplaySafe(logger, {"execution": self._execution})

    def set_custom_status(self, status: Any) -> None:
        """Tell something to those who ask for the status; kept until overwritten."""
        self._require()
        self._execution.custom_status = encode_plain(status, "the custom status")

    def patched(self, patch: str) -> bool:
        """Whether to run the new form of code that was changed.

        True for executions that reach this for the first time since the change; false for
        those that had passed it before.
        """
        self._require()
        return self._execution.is_patched(checked_name("patch id", patch))

    # ---- activities and children ----------------------------------------------------------

    @overload
    def call_activity(
        self,
        activity: Callable[[], Coroutine[Any, Any, R]],
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_activity(
        self,
        activity: Callable[[I], Coroutine[Any, Any, R]],
        input: I,
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_activity(
        self,
        activity: Callable[[], R],
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_activity(
        self,
        activity: Callable[[I], R],
        input: I,
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_activity(
        self,
        activity: Callable[[Any, I], R],
        input: I,
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_activity(
        self,
        activity: str,
        input: Any = None,
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
        return_type: type[R],
    ) -> Task[R]: ...
    @overload
    def call_activity(
        self,
        activity: str,
        input: Any = None,
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[Any]: ...
    def call_activity(
        self,
        activity: Any,
        input: Any = None,
        *,
        retry_policy: RetryPolicy | None = None,
        tags: Mapping[str, str] | None = None,
        return_type: Any = None,
    ) -> Task[Any]:
        """Have an activity do outside work: at least once, its outcome recorded once.

        Args:
            activity: the function, or its name.
            input: its one input.
            retry_policy: how it is tried again; not at all unless given.
            tags: kept with the task in the history.
            return_type: how to read the result, where the activity is only known by name.

        Raises:
            UnknownActivityError, InvalidInputError: nothing was asked for.
        """
        self._require()
        decode: Callable[[Any], Any]
        definition = self._registry.activity(activity)
        if definition is None:
            name = checked_name("activity name", activity)
            data = encode_plain(input, f"the input of {name}")
            decode = decoder_for(return_type, f"the result of {name}")
        else:
            name = definition.name
            data = definition.encode_input(input)
            decode = definition.output.decode
            if return_type is not None:
                decode = decoder_for(return_type, f"the result of {name}")
        kept = dict(tags or {})

        def schedule() -> Task[Any]:
            execution = self._execution
            task_id = execution.next_task()
            execution.decide(TaskScheduled(id=task_id, name=name, input=data, tags=kept))
            task: Task[Any] = Task()
            execution.activities[task_id] = name
            execution.open(task_id, Open(task, "activity", f"activity {name}", decode))
            return task

        return self._with_retries(schedule, retry_policy)

    @overload
    def call_sub_orchestrator(
        self,
        orchestrator: Callable[[OrchestrationContext, I], Coroutine[Any, Any, R]],
        input: I,
        *,
        instance_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_sub_orchestrator(
        self,
        orchestrator: Callable[[OrchestrationContext], Coroutine[Any, Any, R]],
        *,
        instance_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_sub_orchestrator(
        self,
        orchestrator: Callable[..., Generator[Any, Any, R]],
        input: Any = None,
        *,
        instance_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Task[R]: ...
    @overload
    def call_sub_orchestrator(
        self,
        orchestrator: str,
        input: Any = None,
        *,
        instance_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        return_type: Any = None,
    ) -> Task[Any]: ...
    def call_sub_orchestrator(
        self,
        orchestrator: Any,
        input: Any = None,
        *,
        instance_id: str | None = None,
        retry_policy: RetryPolicy | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        return_type: Any = None,
    ) -> Task[Any]:
        """Start another orchestration and wait for its result.

        Args:
            orchestrator: the function, or its name.
            input: its one input.
            instance_id: its id; made of this generation and the task's number unless given.
            retry_policy: how it is tried again, under new ids unless one is given.
            version: which version of it.
            tags: what to say of it.
            return_type: how to read the result.

        Raises:
            UnknownOrchestratorError, InvalidInputError, InvalidIdError: nothing was asked for.
            CriticalSectionError: not inside one.
        """
        self._require()
        if self._execution.section is not None:
            msg = "no sub-orchestration inside a critical section; start it before or after"
            raise CriticalSectionError(msg)
        definition = self._registry.orchestrator(orchestrator, version or "")
        data = definition.encode_input(input)
        decode: Callable[[Any], Any] = definition.output.decode
        if return_type is not None:
            decode = decoder_for(return_type, f"the result of {definition.name}")
        chosen = None if instance_id is None else checked_instance_id(instance_id)
        kept = dict(tags or {})

        def schedule() -> Task[Any]:
            execution = self._execution
            task_id = execution.next_task()
            child = chosen or f"{self._started.generation}:{task_id:04x}"
            execution.decide(
                SubOrchestrationInstanceCreated(
                    id=task_id,
                    name=definition.name,
                    instance_id=child,
                    input=data,
                    version=version or definition.version,
                    tags=kept,
                )
            )
            task: Task[Any] = Task()
            execution.children[task_id] = child
            execution.open(task_id, Open(task, "child", f"orchestration {child}", decode))
            return task

        return self._with_retries(schedule, retry_policy)

    def _with_retries(
        self, schedule: Callable[[], Task[Any]], policy: RetryPolicy | None
    ) -> Task[Any]:
        if policy is None:
            return schedule()
        given: object = policy
        if not isinstance(given, RetryPolicy):
            msg = f"retry_policy={policy!r}: use perdure.RetryPolicy(…)"
            raise InvalidInputError(msg)
        outer: Task[Any] = Task()
        first = self._execution.now

        def run(attempt: int) -> None:
            schedule().follow(lambda task: ended(task, attempt))

        def ended(task: Task[Any], attempt: int) -> None:
            if not task.is_failed:
                outer.complete(task.get_result())
                return
            error = task.get_exception()
            delay = delay_micros(
                policy,
                details_of_error(error),
                attempt=attempt,
                since_first_micros=self._execution.now - first,
                draw=lambda: self.random.random(),
            )
            if delay is None:
                outer.fail(error)
            else:
                self._timer(self._execution.now + delay).follow(lambda _: run(attempt + 1))

        run(1)
        return outer

    # ---- timers and events ----------------------------------------------------------------

    def create_timer(self, fire_at: datetime | timedelta) -> TimerTask:
        """A timer: durable, of any length, never early.

        Args:
            fire_at: a time (a naive one is in UTC), or a duration from
                ``current_utc_datetime``.

        Raises:
            InvalidInputError: a time after the year 9999.
        """
        self._require()
        return self._timer(due_micros(fire_at, self._execution.now))

    def _timer(self, micros: int) -> TimerTask:
        execution = self._execution
        task_id = execution.next_task()
        task = TimerTask(lambda: execution.cancel_timer(task_id))
        message = 0 if execution.is_replaying else execution.fresh_id()
        execution.timers[task_id] = message
        execution.decide(TimerCreated(id=task_id, fire_at=micros, message=message))
        execution.open(task_id, Open(task, "timer", "timer", _nothing))
        return task

    @overload
    def wait_for_external_event(
        self, name: str, data_type: type[R], *, timeout: timedelta | None = None
    ) -> EventTask[R]: ...
    @overload
    def wait_for_external_event(
        self, name: str, data_type: None = None, *, timeout: timedelta | None = None
    ) -> EventTask[Any]: ...
    def wait_for_external_event(
        self, name: str, data_type: Any = None, *, timeout: timedelta | None = None
    ) -> EventTask[Any]:
        """The next external event of that name; case does not matter.

        Events that came before are waiting here; each completes one wait, oldest first.

        Args:
            name: the event's name.
            data_type: how to read what it carries; plain JSON values unless given.
            timeout: after it the task fails with TimeoutError.
        """
        self._require()
        checked_name("event name", name)
        execution = self._execution
        waiting = execution.wait_for_event(name, decoder_for(data_type, f"event {name}"))
        if timeout is None or waiting.is_complete:
            return waiting
        timer = self.create_timer(timeout)

        def give_up() -> None:
            waiting.cancel()
            timer.cancel()

        outer: EventTask[Any] = EventTask(give_up)

        def arrived(task: Task[Any]) -> None:
            timer.cancel()
            if task.is_failed:
                outer.fail(task.get_exception())
            else:
                outer.complete(task.get_result())

        def too_late(_: Task[Any]) -> None:
            waiting.cancel()
            outer.fail(TimeoutError(f"no event {name!r} within {timeout}"))

        waiting.follow(arrived)
        timer.follow(too_late)
        return outer

    def send_event(self, instance_id: str, event_name: str, data: Any = None) -> None:
        """Raise an event to another orchestration; dropped when it is finished or unknown."""
        self._require()
        execution = self._execution
        execution.decide(
            EventSent(
                id=execution.next_task(),
                instance_id=checked_instance_id(instance_id),
                name=checked_name("event name", event_name),
                data=encode_plain(data, f"event {event_name}"),
            )
        )

    def continue_as_new(self, new_input: Any = None, *, save_events: bool = True) -> None:
        """Begin anew, with an empty history, when the orchestrator returns.

        Args:
            new_input: the input of the next generation.
            save_events: events that nobody has waited for are kept.
        """
        self._require()
        name = self._started.name
        definition = self._registry.orchestrator(name, self._started.version)
        data = definition.encode_input(new_input)
        self._execution.again = ContinueAsNew(input=data, save_events=save_events)

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
        return OrchestrationEntityRef(EntityId(name, key), self, target)

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
        self._require()
        execution = self._execution
        if execution.section is not None:
            msg = "critical sections do not nest; lock all entities in one"
            raise CriticalSectionError(msg)
        ids: list[EntityId] = []
        for item in given:
            for one in [item] if isinstance(item, OrchestrationEntityRef | EntityId) else item:
                ids.append(one if isinstance(one, EntityId) else one.id)
        if not ids:
            msg = "lock_entities() locks nothing; name at least one entity"
            raise CriticalSectionError(msg)
        name = f"{self.instance_id}:{self._started.generation}:{execution.next_task()}"
        section = Section(name, in_order(ids), transaction)
        execution.section = section
        task = LockTask(self, section)
        self._request_lock(section, task)
        return task

    def _request_lock(self, section: Section, task: LockTask) -> None:
        execution = self._execution
        entity = section.entities[section.granted]
        task_id = execution.next_task()
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
                self.leave(section, undo=section.transaction)
                task.fail(answer.get_exception())
                return
            section.granted += 1
            if section.is_complete:
                task.complete(task)
            else:
                self._request_lock(section, task)

        one.follow(granted)

    def leave(self, section: Section, *, undo: bool) -> None:
        """Let go of a critical section's entities (its ``with`` block does)."""
        execution = self._execution
        if not execution.is_open or execution.section is not section:
            return
        execution.section = None
        for unlock in section.release(undo=undo):
            execution.decide(unlock)

    # ---- inside ---------------------------------------------------------------------------

    @property
    def _started(self) -> ExecutionStarted:
        started = self._execution.started
        assert started is not None
        return started

    def _require(self) -> None:
        if not self._execution.is_open:
            msg = f"orchestration {self.instance_id!r} is not active here; its context is over"
            raise NotAllowedHereError(msg)


class LockTask(Task["LockTask"]):
    """The wait for a critical section, and the section itself once it is there."""

    __slots__ = ("_context", "_section")

    def __init__(self, context: OrchestrationContext, section: Section) -> None:
        super().__init__()
        self._context = context
        self._section = section

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
        self._context.leave(self._section, undo=undo)


@attrs.frozen(eq=False)
class OrchestrationEntityRef(Generic[E]):
    """An entity as an orchestration sees it: ``call`` gives a task, ``signal`` is one-way.

    Attributes:
        id: whom.
    """

    id: EntityId
    _context: OrchestrationContext = attrs.field(repr=False)
    _target: Target | None = attrs.field(repr=False)
    _at: datetime | timedelta | None = None

    def options(self, *, at: datetime | timedelta | None = None) -> OrchestrationEntityRef[E]:
        """The same entity, to be signalled not before *at* (a duration counts from now)."""
        return OrchestrationEntityRef(self.id, self._context, self._target, at)

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
        context = self._context
        context._require()  # noqa: SLF001
        if self._at is not None:
            msg = f"{self.id}: a call is for now; only signals can be sent for a time"
            raise InvalidInputError(msg)
        execution = context._execution  # noqa: SLF001
        name, data, form, spec = self._encoded(operation, args, kwargs)
        address = str(self.id)
        section = execution.section
        if section is not None:
            section.check_call(address)
            section.calls.add(address)
        task_id = execution.next_task()
        execution.decide(
            EntityOperationCalled(
                id=task_id, entity=address, operation=name, input=data, form=form
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
        context = self._context
        context._require()  # noqa: SLF001
        execution = context._execution  # noqa: SLF001
        name, data, form, _ = self._encoded(operation, args, kwargs)
        address = str(self.id)
        if execution.section is not None:
            execution.section.check_signal(address)
        execution.decide(
            EntityOperationSignaled(
                id=execution.next_task(),
                entity=address,
                operation=name,
                input=data,
                form=form,
                due=due_micros(self._at, execution.now),
            )
        )

    def _encoded(
        self, operation: Any, args: Any, kwargs: Any
    ) -> tuple[str, msgspec.Raw, str, Any]:
        name = operation_name(operation)
        spec = None if self._target is None else self._target.operation(name)
        data, form = encode_arguments(spec, name, args, kwargs)
        return name, msgspec.Raw(data or b"null"), form, spec


Lockable = OrchestrationEntityRef[Any] | EntityId


class _ReplaySafe(logging.LoggerAdapter[Any]):
    """Says nothing during replay."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether something is said."""
        execution: Execution = (self.extra or {})["execution"]  # type: ignore[assignment]
        return not execution.is_replaying and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Leave the message as it is."""
        return msg, kwargs


def details_of_error(error: BaseException) -> FailureDetails:
    """What a task failed with, as data."""
    if isinstance(error, TaskFailedError):
        return error.details
    if isinstance(error.__cause__, TaskFailedError):
        return error.__cause__.details
    return describe_failure(error)


def _nothing(_: Any) -> None:
    """Read nothing."""
