"""Tasks: what an orchestrator waits for. A task knows its outcome and who waits for it.

Awaiting a task hands the task itself to whoever drives the orchestrator, which resumes it when
the task is complete. Pure: no threads, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, Generic, TypeVar, overload

from perdure.errors import InvalidInputError, NotAllowedHereError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")


class Task(Generic[T_co]):
    """The outcome of something durable: ``await`` it, or ``yield`` it in a generator."""

    __slots__ = ("_error", "_listeners", "_result", "is_complete", "was_awaited")

    def __init__(self) -> None:
        self.is_complete = False
        self.was_awaited = False
        self._result: Any = None
        self._error: BaseException | None = None
        self._listeners: list[Callable[[Task[Any]], None]] | None = None

    @property
    def is_failed(self) -> bool:
        """Whether it has ended with an exception."""
        return self._error is not None

    def get_result(self) -> T_co:
        """Its result.

        Raises:
            NotAllowedHereError: it is not complete: await it first.
            TaskFailedError: or what else it failed with.
        """
        self.was_awaited = True
        if not self.is_complete:
            msg = f"{self!r} is not complete; await it first"
            raise NotAllowedHereError(msg)
        try:
            if self._error is not None:
                raise self._error
            result: T_co = self._result
            return result
        finally:
            del self  # the traceback of its error would lead back to the error, in a circle

    def get_exception(self) -> BaseException:
        """What it failed with.

        Raises:
            NotAllowedHereError: it has not failed.
        """
        if self._error is None:
            msg = f"{self!r} has not failed"
            raise NotAllowedHereError(msg)
        return self._error

    def __await__(self) -> Generator[Any, Any, T_co]:
        self.was_awaited = True
        if not self.is_complete:
            yield self
        try:
            return self.get_result()
        finally:
            del self  # as there

    def __repr__(self) -> str:
        state = "waiting"
        if self.is_complete:
            state = "failed" if self.is_failed else "complete"
        return f"<{type(self).__name__} {state}>"

    # ---- for the engine -------------------------------------------------------------------

    def complete(self, result: Any) -> None:
        """It has a result; only the first outcome counts (engine only)."""
        if not self.is_complete:
            self.is_complete = True
            self._result = result
            self._tell()

    def fail(self, error: BaseException) -> None:
        """It has failed; only the first outcome counts (engine only)."""
        if not self.is_complete:
            self.is_complete = True
            self._error = error
            self._tell()

    def follow(self, listener: Callable[[Task[Any]], None]) -> None:
        """Call *listener* with this task once it is complete (engine only)."""
        self.was_awaited = True
        if self.is_complete:
            listener(self)
        elif self._listeners is None:
            self._listeners = [listener]
        else:
            self._listeners.append(listener)

    def forget(self) -> None:
        """Nobody is told of its completion any more (engine only)."""
        self._listeners = None

    def interrupt(self) -> None:
        """The code that waits for it goes on without it (engine only)."""

    def _tell(self) -> None:
        listeners, self._listeners = self._listeners, None
        for listener in listeners or ():
            listener(self)


class TimerTask(Task[None]):
    """A durable timer."""

    __slots__ = ("_cancel",)

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._cancel = cancel

    def cancel(self) -> None:
        """Drop it from the store; it never completes. Cancelling twice changes nothing."""
        if not self.is_complete:
            self.forget()
            self._cancel()


class EventTask(Task[T_co]):
    """The wait for an external event."""

    __slots__ = ("_cancel",)

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._cancel = cancel

    def cancel(self) -> None:
        """Wait no more; an event that comes later goes to the next who waits for its name."""
        if not self.is_complete:
            self.forget()
            self._cancel()


class WhenAllTask(Task[Sequence[T]]):
    """Complete when all of its tasks are, also after a failure."""

    __slots__ = ("_left", "_shape", "_tasks")

    def __init__(
        self, tasks: Sequence[Task[T]], shape: Callable[[list[T]], Sequence[T]]
    ) -> None:
        super().__init__()
        self._tasks = tasks
        self._shape = shape
        self._left = len(tasks)
        if not tasks:
            self.complete(shape([]))
        for task in tasks:
            task.follow(self._one_less)

    def _one_less(self, _: Task[Any]) -> None:
        self._left -= 1
        if self._left:
            return
        for task in self._tasks:
            if task.is_failed:
                self.fail(task.get_exception())
                return
        self.complete(self._shape([task.get_result() for task in self._tasks]))


class WhenAnyTask(Task[Task[T]]):
    """Complete with the first of its tasks that is, failed or not; the others go on."""

    __slots__ = ()

    def __init__(self, tasks: Sequence[Task[T]]) -> None:
        super().__init__()
        for task in tasks:
            task.follow(self.complete)


def _checked(tasks: Any, function: str) -> tuple[Task[Any], ...]:
    try:
        listed = tuple(tasks)
    except TypeError:
        msg = f"{function}({tasks!r}): give it a list of tasks"
        raise InvalidInputError(msg) from None
    for task in listed:
        if not isinstance(task, Task):
            msg = f"{function}: {task!r} is no task; give it what ctx.call_activity(…) returns"
            raise InvalidInputError(msg)
    return listed


@overload
def when_all(  # type: ignore[overload-overlap] # a tuple gives a tuple
    tasks: tuple[Task[T1], Task[T2]],
) -> Task[tuple[T1, T2]]: ...
@overload
def when_all(  # type: ignore[overload-overlap] # a tuple gives a tuple
    tasks: tuple[Task[T1], Task[T2], Task[T3]],
) -> Task[tuple[T1, T2, T3]]: ...
@overload
def when_all(  # type: ignore[overload-overlap] # a tuple gives a tuple
    tasks: tuple[Task[T1], Task[T2], Task[T3], Task[T4]],
) -> Task[tuple[T1, T2, T3, T4]]: ...
@overload
def when_all(  # type: ignore[overload-overlap] # a tuple gives a tuple
    tasks: tuple[Task[T1], Task[T2], Task[T3], Task[T4], Task[T5]],
) -> Task[tuple[T1, T2, T3, T4, T5]]: ...
@overload
def when_all(tasks: Sequence[Task[T]]) -> Task[list[T]]: ...
def when_all(tasks: Any) -> Any:
    """A task that is complete when all *tasks* are; its results are in the same order.

    It waits for every task even after a failure, then fails with the first in that order.

    Raises:
        InvalidInputError: something in it is no task.
    """
    listed = _checked(tasks, "when_all")
    return WhenAllTask(listed, tuple if isinstance(tasks, tuple) else list)


def when_any(tasks: Sequence[Task[T]]) -> Task[Task[T]]:
    """A task that is complete with the first of *tasks* that is, failed ones too.

    The others go on: cancel timers and event waits that are not needed any more.

    Raises:
        InvalidInputError: something in it is no task, or there is none.
    """
    listed = _checked(tasks, "when_any")
    if not listed:
        msg = "when_any([]) would wait for ever; give it at least one task"
        raise InvalidInputError(msg)
    return WhenAnyTask(listed)
