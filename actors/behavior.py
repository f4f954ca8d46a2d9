"""What a kind of actor decides: the port between the engine and entities or orchestrations.

The engine owns mailboxes, threads and commits; a behavior owns meaning. For each message the
engine asks the instance to *prepare* a step, runs the step's code (user code, which may block,
or be a coroutine), and hands the result to *finish* or the exception to *fail*. Both are pure:
they return what shall happen as an outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
import msgspec

from perdure.actors.messages import Message
from perdure.errors import FailureDetails


@attrs.define(eq=False)
class Step:
    """One operation, ready to run.

    Attributes:
        run: the user's code with its arguments bound; a coroutine function's call gives a
            coroutine when ``is_async``.
        is_async: it acts outside, so it starts only when all before it is durable.
        readonly: it promises to change nothing.
        scope: the behavior's own notes about this step.
        cell: whose step it is; set by the engine.
    """

    run: Callable[[], Any]
    is_async: bool = False
    readonly: bool = False
    scope: Any = None
    cell: Any = None


class Outcome(msgspec.Struct, eq=False):
    """What one step came to.

    Attributes:
        result: the operation's result as JSON, for a caller; empty on failure.
        failure: why it failed; state, events and effects are then as before.
        events: new events, each as JSON, in order; each is one version of the stream.
        effects: messages to send when it commits (``id`` and ``reply`` unset).
    """

    result: bytes = b"null"
    failure: FailureDetails | None = None
    events: tuple[bytes, ...] = ()
    effects: tuple[Message, ...] = ()


class Instance(Protocol):
    """One active actor's state and decisions; used by one thread at a time."""

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Make *message* ready to run.

        Raises:
            UnknownOperationError, DecodingError: it can never be run by this code.
        """
        ...

    def finish(self, step: Step, result: Any) -> Outcome:
        """Decide what follows from *result*; the state becomes what the step left."""
        ...

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Undo what the step changed and describe the failure."""
        ...

    def state(self) -> bytes | None:
        """The present state as JSON; ``None`` when there is nothing to keep."""


class Behavior(Protocol):
    """One registered kind of actor."""

    def activate(self, target: str, version: int, state: bytes | None) -> Instance:
        """Rebuild an instance from its stored state (``None``: it never was, or was deleted).

        Raises:
            DecodingError: the state does not fit the class; the message names the field.
        """
        ...
