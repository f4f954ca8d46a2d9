"""The way in: calls and signals that clients send, repeats told apart, refusals answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import attrs

from perdure.actors import limits
from perdure.actors.activation import Activation
from perdure.actors.behavior import Outcome
from perdure.actors.messages import Chunk, Message
from perdure.actors.pending import Record
from perdure.actors.recovery import Recovery
from perdure.actors.requests import Requests, outcome_row
from perdure.errors import MailboxFullError, StoreError

ACCEPTED = Outcome()
"""What the sender of a signal learns."""


@attrs.define(eq=False)
class Refusals:
    """Stands in for the replies of signals that were sent together."""

    errors: list[Exception] = attrs.Factory(list[Exception])

    def resolve(self, outcome: Outcome | Exception) -> None:
        """Keep an error; that the others are durable, their sender learns together."""
        if isinstance(outcome, Exception):
            self.errors.append(outcome)


class Host(Protocol):
    """What the way in asks of the partition."""

    now: int
    ingress: deque[Message | Chunk | Callable[[], None]]
    full: set[str]
    requests: Requests
    activation: Activation
    recovery: Recovery

    def fresh_id(self) -> int:
        """A message id that was never used."""
        ...

    def add(self, record: Record) -> None:
        """Queue *record* for the next commit."""

    def deliver(self, message: Message) -> None:
        """Put *message* into its actor's mailbox."""

    def deliver_all(self, messages: Sequence[Message]) -> None:
        """Deliver what is due, and wait for the time of the rest."""


class Intake:
    """Takes in what clients have handed over."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def take_in(self) -> None:
        """Take in some of what waits, and activate those whom it is for."""
        host = self._host
        ingress = host.ingress
        taken = 0
        while ingress and taken < limits.INTAKE_MESSAGES:
            item = ingress.popleft()
            kind = type(item)
            if kind is Message:
                taken += 1
                self._take_call(item)  # type: ignore[arg-type]
            elif kind is Chunk:
                taken += len(item.messages)  # type: ignore[union-attr]
                self._take_signals(item)  # type: ignore[arg-type]
            else:
                item()  # type: ignore[operator]
        host.activation.activate_arrivals()

    def _take_call(self, message: Message) -> None:
        if self._host.recovery.failed:
            message.reply.resolve(self._host.recovery.refusal())
        elif message.target in self._host.full:
            message.reply.resolve(mailbox_full([message]))
        elif not message.chosen or self._host.requests.admit([message]):
            self._host.deliver(message)

    def _take_signals(self, chunk: Chunk) -> None:
        if self._host.recovery.failed:
            chunk.ack.resolve(self._host.recovery.refusal())
            return
        record = Record(self._host.now)
        full = self._host.full
        refused = [m for m in chunk.messages if m.target in full] if full else []
        if refused:
            chunk.messages = [m for m in chunk.messages if m.target not in full]
        messages = chunk.messages
        record.replies.append((chunk.ack, mailbox_full(refused) if refused else ACCEPTED, None))
        if any(message.chosen for message in messages):
            try:
                messages = self._admit_signals(chunk, record)
            except StoreError as error:
                chunk.ack.resolve(error)
                raise
        fresh_id = self._host.fresh_id
        for message in messages:
            message.id = fresh_id()
        record.accepted = messages
        self._host.add(record)
        self._host.deliver_all(messages)

    def _admit_signals(self, chunk: Chunk, record: Record) -> list[Message]:
        """Leave out repeats; the others' acceptance is what is remembered of them."""
        chosen = [message for message in chunk.messages if message.chosen]
        asked = {id(message) for message in chosen}
        refusals = Refusals()
        for message in chosen:
            message.reply = chunk.ack if len(chunk.messages) == 1 else refusals
        admitted = {id(message) for message in self._host.requests.admit(chosen)}
        if len(chunk.messages) == 1 and not admitted:
            record.replies.clear()  # the first one's outcome answers the repeat
        elif refusals.errors:
            record.replies[0] = (chunk.ack, refusals.errors[0], None)
        for message in chosen:
            if id(message) in admitted:
                record.outcomes.append(outcome_row(message, ACCEPTED, self._host.now))
                record.replies.append((message.reply, ACCEPTED, None))
                message.chosen = False
                message.reply = None
        return [m for m in chunk.messages if id(m) in admitted or id(m) not in asked]


def mailbox_full(refused: Sequence[Message]) -> MailboxFullError:
    """What the sender of messages to a full mailbox is told."""
    first = refused[0].target
    msg = f"the mailbox of {first} is full; {len(refused)} messages were refused, retry later"
    return MailboxFullError(msg, tuple(message.request_id for message in refused))
