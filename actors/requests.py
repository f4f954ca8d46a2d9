"""Requests whose ids their senders chose: each is applied once, however often it comes.

A repeat in flight joins the first; a repeat of a finished one gets the remembered outcome, also
after a crash; the same id for something else is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import msgspec

from perdure.actors import limits
from perdure.actors.answers import NULL
from perdure.actors.behavior import Outcome
from perdure.actors.messages import Message
from perdure.actors.pending import StoredOutcome
from perdure.errors import (
    CorruptionError,
    FailureDetails,
    OutcomeUnknownError,
    RequestMismatchError,
    StoreError,
)
from perdure.storage.ports import Reader, Writer
from perdure.storage.records import OutcomeRow

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredOutcome).decode


@attrs.define(eq=False)
class Joined:
    """Everybody who asked for one request that is in flight."""

    digest: bytes
    replies: list[Any]
    outcome: Outcome | BaseException | None = None

    def resolve(self, outcome: Outcome | BaseException) -> None:
        """Answer all of them."""
        self.outcome = outcome
        for reply in list(self.replies):
            reply.resolve(outcome)

    def join(self, reply: Any) -> None:
        """Answer one more."""
        self.replies.append(reply)
        if self.outcome is not None:
            reply.resolve(self.outcome)


def digest_of(message: Message) -> bytes:
    """Identifies what a message asks for, whatever its id."""
    text = f"{message.target}\0{message.operation}\0{message.form}\0".encode()
    return hashlib.blake2b(text + message.input, digest_size=16).digest()


def outcome_row(message: Message, outcome: Outcome, now_micros: int) -> OutcomeRow:
    """How *outcome* of *message* is remembered."""
    failure = outcome.failure
    stored = StoredOutcome(
        msgspec.Raw(outcome.result or b"null"),
        None if failure is None else (failure.error_type, failure.message, failure.stack_trace),
    )
    return _row(message.request_id, digest_of(message), stored, now_micros)


def failed_row(row: OutcomeRow, failure: FailureDetails, now_micros: int) -> OutcomeRow:
    """The outcome of a request of which the store knows only that it waits."""
    told = (failure.error_type, failure.message, failure.stack_trace)
    return _row(row.request_id, row.digest, StoredOutcome(NULL, told), now_micros)


def _row(request_id: str, digest: bytes, stored: StoredOutcome, now_micros: int) -> OutcomeRow:
    expires = now_micros + limits.REQUEST_SECONDS * 1_000_000
    return OutcomeRow(request_id, digest, _encode(stored), expires)


def outcome_of(row: OutcomeRow) -> Outcome:
    """The outcome that a row remembers.

    Raises:
        CorruptionError: it cannot be read.
    """
    stored = _stored(row)
    failure = None if stored.failure is None else _details(*stored.failure)
    return Outcome(result=bytes(stored.result), failure=failure)


def _stored(row: OutcomeRow) -> StoredOutcome:
    try:
        return _decode(row.outcome)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the outcome of request {row.request_id!r} cannot be read: {error}"
        raise CorruptionError(msg) from error


def _details(error_type: str, message: str, stack_trace: str | None) -> FailureDetails:
    return FailureDetails(error_type=error_type, message=message, stack_trace=stack_trace)


class Requests:
    """The requests in flight, before the store's memory of those that are done."""

    def __init__(
        self, reader: Reader, now: Callable[[], int], activate: Callable[[str], None]
    ) -> None:
        self._reader = reader
        self._now = now
        self._activate = activate
        self._in_flight: dict[str, Joined] = {}
        self._sought: dict[str, dict[str, OutcomeRow]] = {}

    def admit(self, messages: Iterable[Message]) -> list[Message]:
        """Those of *messages* that are not repeats; the repeats are answered, now or later."""
        messages = list(messages)
        asked = [m.request_id for m in messages if m.request_id not in self._in_flight]
        try:
            done = self._reader.outcomes(asked, self._now()) if asked else {}
        except StoreError as error:
            for message in messages:
                if message.reply is not None:
                    message.reply.resolve(error)
            raise
        return [message for message in messages if self._is_first(message, done)]

    def _is_first(self, message: Message, done: dict[str, OutcomeRow]) -> bool:
        request_id = message.request_id
        digest = digest_of(message)
        joined = self._in_flight.get(request_id)
        row = done.get(request_id)
        if joined is None and row is not None and row.corrupt is not None:
            self._refuse_repeat(message, row.corrupt)
            return False
        known = joined.digest if joined else row.digest if row else None
        if known is None:
            joined = Joined(digest, [message.reply] if message.reply is not None else [])
            self._in_flight[request_id] = joined
            message.reply = joined
            return True
        if message.reply is None:
            return False
        if known != digest:
            msg = (
                f"request id {request_id!r} was used for something else than "
                f"{message.target} {message.operation} with this input; choose a new id"
            )
            message.reply.resolve(RequestMismatchError(msg))
        elif joined is not None:
            joined.join(message.reply)
        else:
            assert row is not None
            self._answer(row, message)
        return False

    def _refuse_repeat(self, message: Message, damage: str) -> None:
        """It was done, or accepted, and what came of it is lost: it must not be done again."""
        if message.reply is not None:
            msg = f"{damage}; it was accepted before, and is not applied again: look for its "
            message.reply.resolve(CorruptionError(msg + f"effect on {message.target}"))

    def _answer(self, row: OutcomeRow, message: Message) -> None:
        try:
            waiting_at = _stored(row).waiting_at
        except CorruptionError as error:
            self._refuse_repeat(message, str(error))
            return
        if waiting_at is None:
            message.reply.resolve(outcome_of(row))
        else:  # accepted, perhaps before a restart: its actor's activation finds the message
            self._in_flight[row.request_id] = Joined(row.digest, [message.reply])
            self._sought.setdefault(waiting_at, {})[row.request_id] = row
            self._activate(waiting_at)

    def accept(self, message: Message) -> OutcomeRow:
        """A call is accepted before it runs: whoever repeats it waits for that one run.

        Returns:
            The row that says so until the outcome takes its place.
        """
        if not message.chosen:
            message.chosen = True
            joined = Joined(digest_of(message), [message.reply])
            self._in_flight[message.request_id] = message.reply = joined
        waiting = StoredOutcome(NULL, waiting_at=message.target)
        return _row(message.request_id, digest_of(message), waiting, self._now())

    def adopt(self, message: Message) -> None:
        """An accepted call was found in the store: those who repeat it wait for it."""
        joined = self._in_flight.get(message.request_id)
        if joined is None:
            joined = self._in_flight[message.request_id] = Joined(digest_of(message), [])
        message.reply = joined
        sought = self._sought.get(message.target)
        if sought is not None:
            sought.pop(message.request_id, None)

    def take_missing(self, address: str) -> list[tuple[Joined, OutcomeRow]]:
        """Requests that wait for a message which that actor, now active, was not found to have:
        nobody else will answer them.
        """
        missing = self._sought.pop(address, None)
        if not missing:
            return []
        in_flight = self._in_flight
        return [(in_flight[name], row) for name, row in missing.items() if name in in_flight]

    def remember(self, message: Message, outcome: Outcome) -> OutcomeRow:
        """The row that makes the outcome of *message* known for seven days."""
        return outcome_row(message, outcome, self._now())

    def restore(self, row: OutcomeRow) -> None:
        """Answer repeats with *row* until it is durable: a failed commit turned out written."""
        self._in_flight[row.request_id] = Joined(row.digest, [], outcome_of(row))

    def settle(self, rows: Iterable[OutcomeRow]) -> None:
        """*rows* are durable: the store answers from now on."""
        for row in rows:
            if _decode(row.outcome).waiting_at is None:
                self._in_flight.pop(row.request_id, None)

    def forget(self, request_id: str) -> None:
        """The request failed without an outcome that is remembered: a repeat is a new try."""
        self._in_flight.pop(request_id, None)

    def expire(self, writer: Writer) -> int:
        """Have the store forget some outcomes whose time is over; returns how many."""
        return writer.purge_outcomes(self._now(), limit=limits.TIDY_ROWS)

    def lose(self, cause: str) -> None:
        """What was in flight is lost: tell all who wait, also for what only the store has."""
        lost, self._in_flight = self._in_flight, {}
        self._sought.clear()
        for request_id, joined in lost.items():
            if joined.outcome is None:
                joined.resolve(OutcomeUnknownError(request_id, cause))

    def clear(self) -> None:
        """Everything in flight comes again, but who waits for a message that the store has."""
        waiting = {name for rows in self._sought.values() for name in rows}
        self._in_flight = {
            name: joined for name, joined in self._in_flight.items() if name in waiting
        }

    @property
    def sought(self) -> list[str]:
        """The actors whose activation is to find the messages that somebody waits for."""
        return list(self._sought)
