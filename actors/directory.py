"""What can be sent to: kinds of entities, and orchestrators to start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn, Protocol, TypeVar, overload

import attrs

from perdure.actors.messages import Message
from perdure.actors.operations import OperationSpec
from perdure.errors import NotAllowedHereError

I = TypeVar("I")  # noqa: E741 - the input


class Target(Protocol):
    """What must be known of a kind of entity to send it something."""

    @property
    def kind(self) -> str:
        """The kind's name."""
        ...

    def operation(self, name: str) -> OperationSpec | None:
        """One operation, or ``None`` when any name and input will do.

        Raises:
            UnknownOperationError: there is no such operation.
        """


Resolve = Callable[[Any], "Target | None"]
"""Finds a kind by its class or name; ``None`` for a name that this process does not know.
Raises UnknownEntityError for a class that is not registered."""


@attrs.frozen
class Conditions:
    """What a start says beside what shall run.

    Attributes:
        if_exists: ``error``: an orchestration of that id that lives is in the way; ``keep``: it
            will do, and one that has ended as well.
        told: the entity and its operation that shall be signalled at the end.
    """

    if_exists: str = "error"
    told: tuple[str, str] | None = None


UNCONDITIONAL = Conditions()

Starter = Callable[
    [Any, Any, "str | None", int, "str | None", "Mapping[str, str] | None", Conditions],
    Message,
]
"""Makes the message that starts an orchestration: of the orchestrator, its input, the instance
id, when it is due (microseconds, 0 for at once), the version, tags, and conditions.
Raises what ``start`` raises."""


def _start_nothing(*_: Any) -> NoReturn:
    msg = "this app has no orchestrations; use perdure.App, and register the orchestrator"
    raise NotAllowedHereError(msg)


@attrs.frozen(eq=False)
class Directory:
    """What operations can send to.

    Attributes:
        entity: finds a kind of entity.
        start: makes the message that starts an orchestration.
    """

    entity: Resolve
    start: Starter = _start_nothing


class Starts:
    """Whoever can start orchestrations without waiting for them."""

    __slots__ = ()

    @overload
    def start(
        self,
        orchestrator: Callable[[Any, I], object],
        input: I,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str: ...
    @overload
    def start(
        self,
        orchestrator: Callable[[Any], object],
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str: ...
    @overload
    def start(
        self,
        orchestrator: str,
        input: Any = None,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str: ...
    def start(
        self,
        orchestrator: Any,
        input: Any = None,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Start an orchestration, exactly once: when the operation commits, or the block ends.

        Nobody waits for it. Where one with that id lives, that one stays, no other is started,
        and the log says so.

        Args:
            orchestrator: the function, or its name.
            input: its one input.
            instance_id: names it; random unless given. One that is finished is replaced.
            start_at: not before that time (a duration counts from now).
            version: which one, and what is stamped; the app's unless given.
            tags: what to say of it.

        Returns:
            Its instance id.

        Raises:
            UnknownOrchestratorError, InvalidInputError, InvalidIdError: nothing will start.
            NotAllowedHereError: the operation that asked has ended.
        """
        starter, due, conditions = self._starting(start_at)
        message = starter(orchestrator, input, instance_id, due, version, tags, conditions)
        self._send_start(message)
        return message.target

    def _starting(
        self, start_at: datetime | timedelta | None
    ) -> tuple[Starter, int, Conditions]:
        """What makes the message, when it is due, and under which conditions."""
        raise NotImplementedError

    def _send_start(self, message: Message) -> None:
        """Send what starts it."""
        raise NotImplementedError
