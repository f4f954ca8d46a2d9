"""What an execution asks of the code that it runs, and a task that waits for its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from perdure.actors.answers import Failure
from perdure.orchestration.history import ExecutionStarted
from perdure.orchestration.tasks import Task


class Program(Protocol):
    """The code of an orchestrator, ready to be started."""

    def start(self, execution: Any, started: ExecutionStarted) -> Any:
        """Call the function; a coroutine, a generator, or the result of a plain function."""
        ...

    def encode_output(self, value: Any) -> bytes:
        """The result as JSON."""
        ...

    def error_of(self, what: str, failure: Failure) -> BaseException:
        """What a failed task raises."""
        ...


class Open:
    """A task that waits for an answer.

    Attributes:
        task: which is completed then.
        kind: ``activity``, ``child``, ``timer``, ``entity`` or ``lock``.
        what: how errors name it.
        decode: reads its result.
        section_entity: the entity that is called inside a critical section; else empty.
    """

    __slots__ = ("decode", "kind", "section_entity", "task", "what")

    def __init__(
        self,
        task: Task[Any],
        kind: str,
        what: str,
        decode: Callable[[Any], Any],
        section_entity: str = "",
    ) -> None:
        self.task = task
        self.kind = kind
        self.what = what
        self.decode = decode
        self.section_entity = section_entity
