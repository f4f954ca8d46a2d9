"""What an orchestrator can have done: activities, children, timers, and their retries."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from perdure.actors.directory import Resolve
from perdure.actors.failures import describe_failure
from perdure.actors.ids import checked_name
from perdure.errors import (
    CriticalSectionError,
    FailureDetails,
    InvalidInputError,
    TaskFailedError,
)
from perdure.orchestration.checking import checked_tags, checked_text
from perdure.orchestration.definitions import decoder_for, encode_plain
from perdure.orchestration.execution import Execution
from perdure.orchestration.history import (
    ExecutionStarted,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.programming import Open
from perdure.orchestration.registry import Registry
from perdure.orchestration.retry import RetryPolicy, delay_micros
from perdure.orchestration.tasks import Task, TimerTask

E = TypeVar("E")
I = TypeVar("I")  # noqa: E741 - the input
P = ParamSpec("P")
R = TypeVar("R")


class Scheduling:
    """The part of an orchestrator's context that schedules tasks."""

    def __init__(self, execution: Execution, registry: Registry, resolve: Resolve) -> None:
        self._execution = execution
        self._registry = registry
        self._resolve = resolve
        self._random: random.Random | None = None

    @property
    def instance_id(self) -> str:
        """Names this orchestration."""
        return self._execution.instance_id

    @property
    def random(self) -> random.Random:
        """Random numbers that are the same on replay."""
        if self._random is None:
            self._random = random.Random(self._started.generation)
        return self._random

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
        self._execution.require_open()
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
        kept = checked_tags(tags)
        first = 0

        def schedule(attempt: int) -> Task[Any]:
            nonlocal first
            execution = self._execution
            task_id = execution.next_task()
            execution.decide(
                TaskScheduled(
                    id=task_id,
                    name=name,
                    input=data,
                    tags=kept,
                    attempt=attempt,
                    first=first,
                )
            )
            first = first or task_id
            task: Task[Any] = Task()
            execution.activities[task_id] = name
            execution.open(task_id, Open(task, "activity", f"activity {name}", decode))
            return task

        return self._with_retries(schedule, retry_policy)

    @overload
    def call_sub_orchestrator(
        self,
        orchestrator: Callable[[Any, I], Coroutine[Any, Any, R]],
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
        orchestrator: Callable[[Any], Coroutine[Any, Any, R]],
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
        self._execution.require_open()
        if self._execution.section is not None:
            msg = "no sub-orchestration inside a critical section; start it before or after"
            raise CriticalSectionError(msg)
        wanted = checked_text("version", version or "")
        definition = self._registry.orchestrator(orchestrator, wanted)
        data = definition.encode_input(input)
        decode: Callable[[Any], Any] = definition.output.decode
        if return_type is not None:
            decode = decoder_for(return_type, f"the result of {definition.name}")
        chosen = None if instance_id is None else checked_instance_id(instance_id)
        kept = checked_tags(tags)

        def schedule(_: int) -> Task[Any]:
            execution = self._execution
            task_id = execution.next_task()
            child = chosen or f"{self._started.generation}:{task_id:04x}"
            execution.decide(
                SubOrchestrationInstanceCreated(
                    id=task_id,
                    name=definition.name,
                    instance_id=child,
                    input=data,
                    version=wanted or definition.version,
                    tags=kept,
                )
            )
            task: Task[Any] = Task()
            execution.children[task_id] = child
            execution.open(task_id, Open(task, "child", f"orchestration {child}", decode))
            return task

        return self._with_retries(schedule, retry_policy)

    def _with_retries(
        self, schedule: Callable[[int], Task[Any]], policy: RetryPolicy | None
    ) -> Task[Any]:
        if policy is None:
            return schedule(1)
        given: object = policy
        if not isinstance(given, RetryPolicy):
            msg = f"retry_policy={policy!r}: use perdure.RetryPolicy(…)"
            raise InvalidInputError(msg)
        outer: Task[Any] = Task()
        first = self._execution.now

        def run(attempt: int) -> None:
            schedule(attempt).follow(lambda task: ended(task, attempt))

        def ended(task: Task[Any], attempt: int) -> None:
            if not task.is_failed:
                outer.complete(task.get_result())
                return
            error = task.get_exception()
            try:
                delay = delay_micros(
                    policy,
                    details_of_error(error),
                    attempt=attempt,
                    since_first_micros=self._execution.now - first,
                    draw=lambda: self.random.random(),
                )
            except Exception as raised:  # by the user's handle_failure
                outer.fail(raised)
                return
            if delay is None:
                outer.fail(error)
            else:
                what = (
                    f"attempt {attempt + 1} of {policy.max_number_of_attempts}, after {error}"
                )
                again = self._timer(self._execution.now + delay, what)
                again.follow(lambda _: run(attempt + 1))

        run(1)
        return outer

    def _timer(self, micros: int, what: str = "timer") -> TimerTask:
        execution = self._execution
        task_id = execution.next_task()
        task = TimerTask(lambda: execution.cancel_timer(task_id))
        message = 0 if execution.is_replaying else execution.fresh_id()
        execution.timers[task_id] = message
        execution.decide(TimerCreated(id=task_id, fire_at=micros, message=message))
        execution.open(task_id, Open(task, "timer", what, _nothing))
        return task

    # ---- inside ---------------------------------------------------------------------------

    @property
    def _started(self) -> ExecutionStarted:
        started = self._execution.started
        assert started is not None
        return started


def details_of_error(error: BaseException) -> FailureDetails:
    """What a task failed with, as data."""
    if isinstance(error, TaskFailedError):
        return error.details
    if isinstance(error.__cause__, TaskFailedError):
        return error.__cause__.details
    return describe_failure(error)


def _nothing(_: Any) -> None:
    """Read nothing."""
