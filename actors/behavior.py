"""What a kind of actor decides: the port between the engine and entities or orchestrations.

The engine owns mailboxes, threads and commits; a behavior owns meaning. For each message the
engine asks the instance to *prepare* a step, runs the step's code (user code, which may block,
or be a coroutine), and hands the result to *finish* or the exception to *fail*. Both are pure:
they return what shall happen as an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Protocol

import attrs
import msgspec

from perdure.actors.messages import Message
from perdure.errors import FailureDetails
from perdure.storage.records import StoredTurn


@attrs.define(eq=False)
class Step:
    """One operation, ready to run.

    Attributes:
        run: the user's code with its arguments bound; a coroutine function's call gives a
            coroutine when ``is_async``.
        is_async: it acts outside, so it starts only when all before it is durable.
        readonly: it promises to change nothing.
        scope: the behavior's own notes about this step.
        concurrent: an attempt at work outside: the actor goes on meanwhile, and the message
            stays in the store until the attempt has ended. It starts only when that is durable.
        look_again: of a concurrent one, asked while it runs with the time now: when to ask
            again (microseconds), ``None`` for never. What it raises ends the attempt.
        cell: whose step it is; set by the engine.
        message: what it handles; set by the engine.
        handed_out_micros: when a concurrent one was handed out; set by the engine.
    """

    run: Callable[[], Any]
    is_async: bool = False
    readonly: bool = False
    scope: Any = None
    concurrent: bool = False
    look_again: Callable[[int], int | None] | None = None
    cell: Any = None
    message: Any = None
    handed_out_micros: int = 0


class Forgets(Enum):
    """What a decision drops of its actor's history."""

    NOTHING = 0
    PAST = 1
    """All events so far; versions go on."""
    ALL = 2
    """All that there ever was, the state too: the next version is 1 again."""


class Outcome(msgspec.Struct, eq=False, gc=False):
    """What one step came to.

    Attributes:
        result: the operation's result as JSON, for a caller; empty on failure.
        failure: why it failed; state, events and effects are then as before.
        events: new events, each as JSON, in order; each is one version of the stream.
        effects: messages to send when it commits (``reply`` unset; ``id`` too, unless the
            instance has taken one to be able to take the message back).
        touched: the state changed, although there is no event.
        taken_back: ids of messages that shall not be handled any more.
        put_back: the message was not handled: it waits on, first in line, for the gate.
        forgets: what goes of the history that the actor had before these events.
        over: nothing more is expected: the actor is passivated as soon as this is durable.
    """

    result: bytes = b"null"
    failure: FailureDetails | None = None
    events: tuple[bytes, ...] = ()
    effects: tuple[Message, ...] = ()
    touched: bool = False
    taken_back: tuple[int, ...] = ()
    put_back: bool = False
    forgets: Forgets = Forgets.NOTHING
    over: bool = False


Gate = Callable[[Message], bool]
"""Whether an actor takes a message now; it waits for its turn when not."""


class Surroundings(Protocol):
    """What an instance may ask of the engine."""

    def fresh_id(self) -> int:
        """A message id that was never used."""
        ...

    def past(self, address: str, after_version: int) -> Iterator[StoredTurn]:
        """The turns of a stream beyond a version, oldest first."""
        ...

    def at_work(self, address: str) -> Mapping[str, Step]:
        """The actor's attempts that are at work, or about to be, by their requests."""
        ...

    def may_have_run(self, message_id: int) -> bool:
        """Whether a process ended without a word while that message waited."""
        ...

    def ask_gate_again(self, address: str, micros: int) -> None:
        """Ask the actor's gate again at that time, whatever happens meanwhile."""

    def count(self, what: str) -> None:
        """One more of *what*, for the node's status."""


class Instance(Protocol):
    """One active actor's state and decisions; used by one thread at a time."""

    @property
    def gate(self) -> Gate | None:
        """What says which messages are taken now; ``None``: all of them."""

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
        """The present state as it is stored; ``None`` when there is nothing to keep."""

    def close(self) -> None:
        """It is active no more: nothing it holds may act from now on."""


class Behavior(Protocol):
    """One registered kind of actor."""

    def activate(
        self, target: str, version: int, state: bytes | None, engine: Surroundings
    ) -> Instance:
        """Rebuild an instance from its stored state (``None``: it never was, or was deleted).

        Raises:
            DecodingError: the state does not fit the class; the message names the field.
        """
        ...
