"""A cell: one active actor, with its mailbox, its state in memory and its turns.

A pykka actor has a thread of its own; 100,000 threads are out of reach. A cell is an actor type
of ours: the same class of object, with a mailbox of its own, whose loop is a *turn* on the
thread that holds the baton.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, Protocol

import pykka

from perdure.actors.answers import answer_to
from perdure.actors.behavior import Forgets, Gate, Instance, Outcome, Step
from perdure.actors.logs import fields_of
from perdure.actors.messages import Message
from perdure.actors.pending import Record
from perdure.actors.requests import Requests
from perdure.actors.runtime import Runtime
from perdure.errors import PerdureError, QuarantinedError, UnknownActivityError

logger = logging.getLogger("perdure")


class Mailbox(deque[Message]):
    """A cell's waiting messages, in order; bounded by whoever delivers to it."""

    def put(self, envelope: Any, /) -> None:
        """Add what pykka wraps; the engine itself appends."""
        self.append(envelope.message)

    def get(self) -> Any:
        """Take the oldest message."""
        return self.popleft()

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self


_NONE: deque[Message] = deque()
"""Shared by cells without deferred messages: an empty deque takes 0.6 KiB. It stays empty."""


class CellHost(Protocol):
    """What a cell asks of the partition that it lives in."""

    now: int
    turn_messages: int
    blocking: dict[tuple[str, str], int]
    runtime: Runtime
    requests: Requests

    def refuse(
        self, record: Record, message: Message, error: PerdureError, *, waits: bool = False
    ) -> None:
        """*message* can never be processed: fail its caller, or set it aside."""

    def send(self, record: Record, effects: Sequence[Message]) -> None:
        """Let *effects* begin to exist with *record*."""

    def close_turn(self, cell: Cell) -> None:
        """The cell's record is complete: queue it for the disk, then act on it."""

    def is_blocking(self, address: str, message: Message) -> bool:
        """Whether this operation blocked its thread lately."""
        ...

    def detach(self, cell: Cell) -> None:
        """Close the turn, and run the cell's step without the baton."""

    def attempt(self, step: Step) -> None:
        """Run a concurrent step as soon as its message is durable."""


class Cell(pykka.Actor):
    """One active actor.

    Attributes:
        address: whose it is.
        instance: its state and its decisions.
        version: of its stream, with all turns taken so far, durable or not.
        batch: the number of the newest batch that holds something of it.
        busy: an operation runs without the baton; messages wait meanwhile.
        queued: it is among the ready ones.
        deferred: messages that its instance's gate did not let through yet.
    """

    def __init__(self, address: str, instance: Instance, version: int, now_micros: int) -> None:
        # Not pykka's __init__: its uuid and its Event, which nobody asks a cell for, took a
        # fifth of an activation and 1 KiB.
        self.actor_urn = self.address = address
        self.actor_inbox = self.mailbox = self._create_actor_inbox()
        self.deferred: deque[Message] = _NONE
        self.instance = instance
        self.version = version
        self.batch = 0
        self.busy = False
        self.queued = False
        self.used_micros = now_micros
        self.record: Record | None = None
        self.message: Message | None = None
        self.step: Step | None = None

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> NoReturn:
        msg = "a cell answers through its replies"
        raise NotImplementedError(msg)

    def _start_actor_loop(self) -> NoReturn:
        msg = "a cell is started by its partition"
        raise NotImplementedError(msg)

    def take_turn(self, partition: CellHost) -> bool:
        """Handle up to a turn's messages in a row; false when the baton was lost in it.

        The loop of the actor: everything that is done for each message is in it.
        """
        inbox = self.mailbox
        now = self.used_micros = partition.now
        record = self.record = Record(now, self, self.version + 1)
        invoke = partition.runtime.invoke
        instance = self.instance
        prepare = instance.prepare
        left = partition.turn_messages
        while left:
            left -= 1
            gate = instance.gate
            deferred = self.deferred
            if deferred and (gate is None or gate(deferred[0])):
                message = deferred.popleft()
            elif inbox:
                message = inbox.popleft()
                if gate is not None and not gate(message):
                    self._own_deferred().append(message)
                    continue
            else:
                break
            try:
                step = prepare(message, now)
            except PerdureError as error:
                partition.refuse(record, message, error)
                continue
            step.cell = self
            step.message = message
            if step.concurrent:
                partition.attempt(step)
                continue
            self.message = message
            self.step = step
            if step.is_async or (
                partition.blocking and partition.is_blocking(self.address, message)
            ):
                partition.detach(self)
                return True
            returned = invoke(step)
            if returned is None:
                return False
            self.conclude(partition, record, step, returned)
        self.step = None  # an idle cell keeps its last message only: recovery may blame it
        partition.close_turn(self)
        return True

    def conclude(
        self,
        partition: CellHost,
        record: Record,
        step: Step,
        returned: tuple[Any, BaseException | None],
    ) -> Outcome:
        """Note in *record* what an operation's result or error leads to, and return it."""
        result, error = returned
        message: Message = step.message
        if error is None:
            outcome = self.instance.finish(step, result)
        else:
            outcome = self.instance.fail(step, error)
            error.__traceback__ = None  # its frames hold it: all would wait for the collector
        if outcome.touched:
            record.touched = True
        if outcome.put_back:
            self._own_deferred().appendleft(message)
            return outcome
        record.handled.append(message)
        if outcome.over or outcome.forgets is not Forgets.NOTHING:
            self._let_go(record, outcome)
        if outcome.events:
            record.events.extend(outcome.events)
            self.version += len(outcome.events)
        if outcome.taken_back:
            record.consumed.extend(outcome.taken_back)
        if outcome.effects:
            partition.send(record, outcome.effects)
        if message.answered:
            partition.send(record, (answer_to(message, outcome),))
        self._tell(record, message, outcome)
        if message.chosen:
            record.outcomes.append(partition.requests.remember(message, outcome))
        return outcome

    def _let_go(self, record: Record, outcome: Outcome) -> None:
        record.over = outcome.over
        if outcome.forgets is Forgets.PAST:
            record.cut = self.version
        elif outcome.forgets is Forgets.ALL:
            record.erase()
            self.version = 0

    def _tell(self, record: Record, message: Message, outcome: Outcome) -> None:
        """Let whoever waits know, or the log."""
        if message.reply is not None:
            record.replies.append((message.reply, outcome, message))
        elif outcome.failure is not None and not message.answered:
            failure = outcome.failure
            logger.warning(
                "%s %s failed, undone: %s: %s (request %s)",
                self.address,
                message.operation,
                failure.error_type,
                failure.message,
                message.request_id,
                extra=fields_of(message),
            )

    def _own_deferred(self) -> deque[Message]:
        if self.deferred is _NONE:
            self.deferred = deque[Message]()
        return self.deferred

    def put_off(self) -> None:
        """Put in front of the mailbox what a turn would take first, if it has anything."""
        inbox, deferred, gate = self.mailbox, self.deferred, self.instance.gate
        if deferred and (gate is None or gate(deferred[0])):
            inbox.extendleft(reversed(deferred))
            deferred.clear()
        while gate is not None and inbox and not gate(inbox[0]):
            self._own_deferred().append(inbox.popleft())

    def has_work(self) -> bool:
        """Whether there is a message that it takes now."""
        if self.mailbox:
            return True
        if not self.deferred:
            return False
        gate = self.instance.gate
        return gate is None or gate(self.deferred[0])

    def waiting(self) -> Iterator[Message]:
        """All messages that wait for it, in no particular order."""
        yield from self.deferred
        yield from self.mailbox


class Broken:
    """An instance that could not be activated: each message is refused with the reason."""

    gate: Gate | None = None

    def __init__(self, reason: str, cause: PerdureError | None = None) -> None:
        self.reason = reason
        self._cause = cause

    def prepare(self, message: Message, now_micros: int) -> NoReturn:
        """Refuse *message*; who has misspelt an activity is told that, and no address."""
        if isinstance(self._cause, UnknownActivityError):
            raise UnknownActivityError(str(self._cause))
        raise QuarantinedError(self.reason) from self._cause

    def finish(self, step: Step, result: Any) -> Outcome:
        """Never called: nothing was prepared."""
        raise AssertionError(self.reason)

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Never called: nothing was prepared."""
        raise AssertionError(self.reason)

    def state(self) -> bytes | None:
        """Never called: nothing was finished."""
        raise AssertionError(self.reason)

    def close(self) -> None:
        """Nothing was ever held."""
