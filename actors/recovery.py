"""What happens after a crash, and after a commit that failed.

After an unclean stop the partition is *careful*: messages from before run as ``suspects.py``
says. When a record was rejected, all run again one by one, so that what cannot be stored stands
alone.

After an I/O error nothing is accepted until the disk works again. The failed commit may be
durable or not: those who wait are told that the outcome is unknown, all cells are dropped, and
when the store answers again it says which it was. A damaged file, or another owner, ends all
writing for good; reads go on.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from perdure.actors import limits
from perdure.actors.activation import Activation
from perdure.actors.alarms import Alarms
from perdure.actors.behavior import Outcome, Step
from perdure.actors.cell import Cell, CellHost
from perdure.actors.messages import Chunk, Message
from perdure.actors.pending import Pending, Record
from perdure.actors.requests import Requests, outcome_row
from perdure.actors.runtime import Runtime
from perdure.actors.suspects import StepsAtWork, Suspects
from perdure.errors import (
    CorruptionError,
    OutcomeUnknownError,
    OwnershipLostError,
    PerdureError,
    StoreError,
    StoreUnavailableError,
)
from perdure.storage.ports import Store
from perdure.storage.records import Batch, OutcomeRow

logger = logging.getLogger("perdure")


class AttemptsAtWork(StepsAtWork, Protocol):
    """What recovery asks of attempts."""

    def leave(self, step: Step) -> bool:
        """It is at work no more; false when it was not."""
        ...

    def end_again(self) -> None:
        """What ended and is not durable ends again."""


class Engine(CellHost, Protocol):
    """What recovery asks of the partition."""

    now: int
    turn_messages: int
    cells: dict[str, Cell]
    ready: deque[Cell]
    detached: set[Cell]
    full: set[str]
    at_gates: set[Cell]
    requests: Requests
    runtime: Runtime
    activation: Activation
    alarms: Alarms
    open: Pending
    writing: Pending | None
    durable: int
    ingress: deque[Any]

    def add(self, record: Record) -> None:
        """Queue *record* for the next commit."""

    @property
    def attempts(self) -> AttemptsAtWork:
        """The attempts that are at work."""
        ...

    def put(self, record: Record) -> None:
        """Queue *record* for the next commit, then deliver what begins to exist with it."""

    def tell(self, batch: Batch) -> None:
        """Let those who follow know that *batch* is durable."""

    def post(self, call: Callable[[], None]) -> None:
        """Have *call* made with the baton, soon."""

    def refuse(
        self, record: Record, message: Message, error: PerdureError, *, waits: bool = False
    ) -> None:
        """*message* can never be processed: fail its caller, or set it aside."""


class Recovery:
    """The partition's state after something went wrong; normally it has nothing to say."""

    def __init__(self, engine: Engine, store: Store, *, careful: bool) -> None:
        self._engine = engine
        self._fields = {"store": store.location}
        self.failed: StoreError | None = None
        self.is_final = False
        self.careful = careful
        self._suspects = Suspects(engine, store)
        self._owed: dict[str, OutcomeRow] = {}
        self._kept: list[Callable[[], None]] = []

    @property
    def held_back(self) -> int:
        """How many ready cells wait because of what is in front of their mailboxes."""
        return self._suspects.held_back

    def refusal(self) -> StoreError:
        """What senders are told while nothing is accepted."""
        assert self.failed is not None
        if self.is_final:
            return type(self.failed)(f"this node writes no more: {self.failed}")
        return StoreUnavailableError(f"nothing is accepted until the disk works: {self.failed}")

    # ---- carefully ------------------------------------------------------------------------

    def work(self) -> bool:
        """Let the next suspects have their turns; false when the baton was lost.

        Raises:
            StoreError: they could not be noted, so they did not run.
        """
        if not self._suspects.work():
            return False
        self._relax()
        return True

    def settled(self, outcomes: Iterable[OutcomeRow]) -> None:
        """A commit has succeeded: perhaps all suspects have passed."""
        if self._owed:
            for row in outcomes:
                self._owed.pop(row.request_id, None)
        self._relax()

    def _relax(self) -> None:
        """Go on as usual when all suspects have passed."""
        if self.careful and not self._suspects.are_left():
            self.careful = False
            self._suspects.release()
            self._engine.turn_messages = limits.TURN_MESSAGES

    def give_up(self, error: Exception) -> None:
        """The engine itself is broken: refuse all from now on; nothing durable is lost."""
        self.is_final = True
        msg = f"the node stopped after a bug in perdure ({error!r}); open the store again"
        self._fail(StoreUnavailableError(msg), self._give_up_writing())

    def store_failed(self, error: StoreError) -> None:
        """A read that the engine needs has failed: as if a commit had."""
        self.is_final = not isinstance(error, StoreUnavailableError)
        self._fail(error, self._give_up_writing())

    def _give_up_writing(self) -> Pending | None:
        """What is being written has an unknown outcome; the probe, which follows, tells."""
        pending, self._engine.writing = self._engine.writing, None
        return pending

    # ---- failed commits --------------------------------------------------------------------

    def commit_failed(self, pending: Pending, error: BaseException) -> None:
        """Drop everything that was built on a commit that failed."""
        if isinstance(error, StoreUnavailableError):
            self._fail(error, pending)
        elif isinstance(error, OwnershipLostError | CorruptionError):
            self.is_final = True
            self._fail(error, pending)
        elif isinstance(error, StoreError):
            self._retry_one_by_one(pending, error)
        else:
            self._fail(StoreUnavailableError(f"{type(error).__name__}: {error}"), pending)

    def _fail(self, error: StoreError, pending: Pending | None = None) -> None:
        engine = self._engine
        is_tried = self.failed is not None  # healing twice would drop what came in between
        self.failed = error
        logger.error(
            "the store failed, nothing is accepted until it works: %s",
            error,
            extra=self._fields,
        )
        lost = self._drop_cells(pending)
        engine.activation.suspend()
        records = [*(pending.records if pending else []), *engine.open.records]
        _tell_unknown(records, lost, error)
        number = engine.open.number if pending is None else pending.number
        batch = None if pending is None else pending.batch
        written = _unremembered(pending, engine.now) if pending else []
        engine.open = Pending(number)
        engine.requests.lose(str(error))
        if not self.is_final and not is_tried:
            engine.runtime.probe(
                lambda durable: engine.post(lambda: self._heal(durable, number, written, batch))
            )

    def _heal(
        self, durable: int, number: int, written: list[OutcomeRow], batch: Batch | None
    ) -> None:
        """The disk works again, and says which batch was the last one written."""
        engine = self._engine
        if self.is_final:
            return
        self.failed = None
        logger.warning(
            "the store works again; the last batch that is durable is %d",
            durable,
            extra=self._fields,
        )
        engine.durable = durable
        engine.open = Pending(durable + 1)
        if batch is not None and durable == number:
            engine.tell(batch)
            self._owed.update((row.request_id, row) for row in written)
        self._remember_owed()
        engine.activation.restart()
        engine.attempts.end_again()
        kept, self._kept = self._kept, []
        for call in kept:
            call()

    def keep(self, call: Callable[[], None]) -> None:
        """Make *call* once the store works again."""
        self._kept.append(call)

    def _remember_owed(self) -> None:
        """Outcomes that failed commits turned out to have are remembered by the next commit."""
        if self._owed:
            self._engine.add(Record(self._engine.now, outcomes=list(self._owed.values())))
            for row in self._owed.values():
                self._engine.requests.restore(row)

    def _retry_one_by_one(self, pending: Pending, error: StoreError) -> None:
        """A record cannot be stored: run all again, each alone, so that only it fails."""
        engine = self._engine
        records = [*pending.records, *engine.open.records]
        logger.error(
            "a commit was rejected, its messages run again one by one: %s",
            error,
            extra=self._fields,
        )
        waiting = self._drop_cells(pending)
        engine.open = Pending(pending.number)
        engine.requests.clear()
        self._remember_owed()
        engine.activation.restart()
        if len(records) == 1 and len(records[0].handled) == 1:
            self._set_aside(records[0].handled[0], error)
            again = _calls_in(waiting)
        elif len(records) == 1 and not records[0].handled:
            for reply, _, _ in records[0].replies:
                reply.resolve(error)
            again = _calls_in(waiting)
        else:
            again = [*_sent_again(records, str(error)), *_calls_in(waiting)]
        engine.attempts.end_again()
        engine.ingress.extendleft(reversed(again))
        self._suspects.retries = max(self._suspects.retries, len(again))
        self.careful = True

    def _set_aside(self, message: Message, error: StoreError) -> None:
        if message.id:
            self._engine.activation.hold(message.id)  # it is in the store until the next commit
        record = Record(self._engine.now)
        self._engine.refuse(record, message, error)
        self._engine.put(record)

    def _drop_cells(self, pending: Pending | None) -> list[Message]:
        """No half-state survives: forget all cells; what waited for them is returned."""
        engine = self._engine
        lost = [message for cell in engine.cells.values() for message in cell.waiting()]
        for step in [*engine.open.gated, *(pending.gated if pending else [])]:
            lost.append(step.message)
            engine.detached.discard(step.cell)
            engine.attempts.leave(step)
        for cell in engine.detached:
            if engine.cells.get(cell.address) is cell:
                engine.activation.lock_out(cell.address)
                if cell.message is not None:
                    lost.append(cell.message)
        lost.extend(engine.activation.forget_waiting())
        for cell in engine.cells.values():
            if not cell.busy:
                cell.instance.close()
        engine.cells.clear()
        engine.full.clear()
        engine.at_gates.clear()
        engine.ready.clear()
        self._suspects.forget()
        return lost


def _tell_unknown(
    records: Iterable[Record], lost: Iterable[Message], cause: StoreError
) -> None:
    for record in records:
        for reply, _, message in record.replies:
            request_id = _request_of(reply) if message is None else message.request_id
            reply.resolve(OutcomeUnknownError(request_id, str(cause)))
    for message in lost:
        if message.reply is not None:
            message.reply.resolve(OutcomeUnknownError(message.request_id, str(cause)))


def _request_of(reply: Any) -> str:
    return getattr(reply, "request_id", "")


def _unremembered(pending: Pending, now: int) -> list[OutcomeRow]:
    """The outcomes that *pending* would have made known only to waiting callers: when it turns
    out to be durable, a repeat of one of them must be answered and not applied.
    """
    rows: list[OutcomeRow] = []
    for record in pending.records:
        remembered = {row.request_id for row in record.outcomes}
        for _, outcome, message in record.replies:
            if (
                message is not None
                and isinstance(outcome, Outcome)
                and message.request_id not in remembered
            ):
                rows.append(outcome_row(message, outcome, now))
        if record.cell is None and record.replies:
            rows.extend(
                outcome_row(message, Outcome(), now)
                for message in record.accepted
                if message.request_id not in remembered and message.reply is None
            )
    return rows


def _sent_again(records: Iterable[Record], cause: str) -> list[Message | Chunk]:
    """What clients sent and no commit has kept, as it came; other replies are resolved."""
    again: list[Message | Chunk] = []
    for record in records:
        answers = record.replies
        is_chunk = record.cell is None and record.accepted and answers
        if is_chunk and record.accepted[0].reply is None:
            chosen = {row.request_id for row in record.outcomes}
            for signal in record.accepted:
                signal.chosen = signal.request_id in chosen
            # of one signal the last reply speaks for all who repeated it, else the first
            alone = len(record.accepted) == 1
            again.append(Chunk(record.accepted, answers[-1 if alone else 0][0]))
            answers = [] if alone else answers[1:]
        for reply, outcome, message in answers:
            if message is not None:
                again.extend(_calls_in([message]))
            elif isinstance(outcome, Exception):
                reply.resolve(outcome)
            else:
                reply.resolve(OutcomeUnknownError(_request_of(reply), cause))
    return again


def _calls_in(messages: Iterable[Message]) -> list[Message | Chunk]:
    calls: list[Message | Chunk] = []
    for call in messages:
        if call.reply is not None:
            call.id = 0
            calls.append(call)
    return calls
