"""The partition: all cells of one store, their ready queue, and what waits for the disk.

Only the thread that holds the baton calls it, so there is no lock in it. The rules:

1. A record is queued before the messages in it are delivered, and a batch takes all records.
2. What leaves the partition (replies, reads, the feed) waits until its batch is durable.
3. One batch is written at a time; while it is, turns go on and fill the next.
4. Work is found in the store; what comes through memory is only faster.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perdure.actors import limits
from perdure.actors.activation import Activation
from perdure.actors.alarms import Alarms
from perdure.actors.answers import answer_to
from perdure.actors.attempts import Attempts
from perdure.actors.behavior import Behavior, Outcome, Step
from perdure.actors.cell import Cell
from perdure.actors.failures import describe_failure
from perdure.actors.ids import kind_of
from perdure.actors.intake import Intake
from perdure.actors.logs import fields_of
from perdure.actors.messages import Chunk, Message, to_row
from perdure.actors.pending import Pending, Record, batch_of, is_empty, unwritten_turns
from perdure.actors.recovery import Recovery
from perdure.actors.requests import Requests
from perdure.actors.retention import Retention
from perdure.actors.runtime import Runtime
from perdure.actors.tidying import Tidying
from perdure.actors.traced_cell import traced
from perdure.actors.tracing import Tracer, tell
from perdure.errors import FailureDetails, PerdureError, StoreError
from perdure.storage.ports import Store
from perdure.storage.records import Batch, QuarantineRow, StoredTurn

logger = logging.getLogger("perdure")


class Partition:
    """The single-threaded engine. Everything in it is called with the baton."""

    def __init__(
        self,
        store: Store,
        behaviors: Mapping[str, Behavior],
        runtime: Runtime,
        retention: Retention,
        tracer: Tracer | None = None,
    ) -> None:
        self.store = store
        self.runtime = runtime
        self.now = runtime.now_micros()
        self.turn_messages = limits.TURN_MESSAGES
        self.blocking: dict[tuple[str, str], int] = {}
        self.ingress: deque[Message | Chunk | Callable[[], None]] = deque()
        self.cells: dict[str, Cell] = {}
        self.tracer = tracer
        self.ready: deque[Cell] = deque()
        self.detached: set[Cell] = set()
        self.alarms = Alarms()
        self.attempts = Attempts(self)
        self.closing = False
        self.counts: Counter[str] = Counter(answers_ignored=0, events_dropped=0)
        self.intake = Intake(self)
        self.full: set[str] = set()
        self.at_gates: set[Cell] = set()
        self.rounds = 0
        self.working = False
        self.requests = Requests(store, lambda: self.now, self._activate)
        opening = store.opening
        self.fresh_id = itertools.count((opening.incarnation << 40) + 1).__next__
        self.open = Pending(opening.last_batch + 1)
        self.writing: Pending | None = None
        self.durable = opening.last_batch
        self.listeners: list[Callable[[Batch], None]] = []
        self.activation = Activation(
            self,
            store,
            behaviors,
            crashed=not opening.clean,
            new_cell=traced(tracer),
        )
        self.recovery = Recovery(self, store, careful=not opening.clean)
        self._tidying = Tidying(self, store, retention)

    # ---- the loop ---------------------------------------------------------------------

    def work(self) -> bool:
        """Do all that can be done now; false when the baton was lost in a turn."""
        self.rounds += 1
        self.working = True
        try:
            if not self._work():
                return False  # whoever has the baton now is still at it
        except StoreError as error:
            self.recovery.store_failed(error)
        self.working = False
        return True

    def _work(self) -> bool:
        self.now = self.runtime.now_micros()
        if self.ingress:
            self.intake.take_in()
        if not self.recovery.failed:
            self.alarms.ring(self.now)
            self.activation.look_for_due()
            self.activation.activate_arrivals()
            if self.recovery.careful and not self.recovery.work():
                return False
        while self.ready and not self._is_held_up():
            if not self.ready.popleft().take_turn(self):
                return False
            if len(self.open.records) >= limits.HANDOVER_RECORDS:
                self.hand_over()
            if self.ingress:
                self.intake.take_in()
        if self.recovery.failed:
            return True
        self.activation.sweep()
        self.hand_over()
        self._tidying.look()
        return True

    def post(self, call: Callable[[], None]) -> None:
        """Have *call* made with the baton, soon; for any thread."""
        self.ingress.append(call)
        self.runtime.wake()

    def next_wake_micros(self) -> int | None:
        """When there is something to do although nobody calls; ``None``: nothing known."""
        if self.recovery.failed:
            return None  # it goes on when the disk works, which wakes it
        looks = [self.alarms.next_micros()]
        if not (
            self.ready or self.recovery.held_back
        ):  # else it goes on when the disk answers, which wakes it too
            looks.append(self.activation.next_look())
        return min((look for look in looks if look is not None), default=None)

    def idle(self) -> bool:
        """Whether nothing is in hand: all is durable, or waits for its time. For any thread."""
        rounds = self.rounds
        in_hand = self.ingress or self.ready or self.open or self.writing or self.detached
        return (
            not (
                in_hand
                or self.recovery.held_back
                or self.attempts
                or self.recovery.failed
                or self.working
            )
            and rounds == self.rounds
        )

    def unwritten(self, cell: Cell) -> tuple[list[StoredTurn], bool]:
        """What *cell* did that is not written yet; its own step may ask without the baton.

        What is newest is looked at first: what moves on meanwhile is found where it went.
        """
        last = cell.record
        records: list[Record] = []
        if cell.batch > self.durable:
            waiting = list(self.open.records)
            written = [] if self.writing is None else list(self.writing.records)
            found = {id(record): record for record in (*written, *waiting)}  # it may have moved
            records = [record for record in found.values() if record is not last]
        if last is not None:
            records.append(last)
        return unwritten_turns(cell, records)

    def unanswered(self) -> list[Any]:
        """Replies that will not come any more, at the end."""
        records = list(self.open.records)
        if self.writing is not None:
            records.extend(self.writing.records)
        calls = [item for item in self.ingress if isinstance(item, Message)]
        calls.extend(self.activation.forget_waiting())
        for cell in self.cells.values():
            calls.extend(cell.waiting())
            if cell.record is not None:
                records.append(cell.record)
            if (cell.busy or cell.record is not None) and cell.message is not None:
                calls.append(cell.message)
        replies = [call.reply for call in calls if call.reply is not None]
        replies.extend(item.ack for item in self.ingress if isinstance(item, Chunk))
        replies.extend(reply for record in records for reply, _, _ in record.replies)
        return replies

    def _is_held_up(self) -> bool:
        """Whether turns have to wait: for the disk, or because recovery takes them."""
        if self.recovery.failed or self.recovery.careful:
            return True
        waiting = self.open
        return self.writing is not None and (
            len(waiting.records) >= limits.PENDING_RECORDS
            or waiting.weight >= limits.PENDING_BYTES
        )

    # ---- the way in -------------------------------------------------------------------

    def deliver(self, message: Message) -> None:
        """Put *message* into its actor's mailbox; the actor is activated when it is not."""
        cell = self.cells.get(message.target)
        if cell is None:
            self.activation.arrive(message)
            return
        inbox = cell.mailbox
        inbox.append(message)
        if len(inbox) >= limits.MAILBOX_MESSAGES:
            self.full.add(message.target)
        if not cell.queued and not cell.busy:
            cell.queued = True
            self.ready.append(cell)

    def deliver_all(self, messages: Sequence[Message]) -> None:
        """Deliver what is due, and wait for the time of the rest."""
        for message in messages:
            if message.due_micros > self.now:
                self.open.scheduled.append(message)
            else:
                message.due_micros = 0  # from now on it does not wait for its time
                self.deliver(message)

    # ---- what cells ask for -----------------------------------------------------------

    def _activate(self, address: str) -> None:
        self.activation.seek(address)

    def send(self, record: Record, effects: Sequence[Message]) -> None:
        """Let *effects* begin to exist with *record*; they are delivered when it is queued."""
        for message in effects:
            if not message.id:
                message.id = self.fresh_id()
            record.accepted.append(message)

    def refuse(
        self, record: Record, message: Message, error: PerdureError, *, waits: bool = False
    ) -> None:
        """*message* can never be processed: fail its caller, or set it aside.

        With *waits* an actor that asked for it is told nothing: it may be tried again.
        """
        if message.chosen and message.id:
            failure = FailureDetails(error_type=type(error).__qualname__, message=str(error))
            record.outcomes.append(self.requests.remember(message, Outcome(failure=failure)))
        elif message.chosen:
            self.requests.forget(message.request_id)
        if message.reply is not None:
            record.replies.append((message.reply, error, None))
            if not message.id:
                return
        if message.answered and not waits:
            self.send(record, (answer_to(message, Outcome(failure=describe_failure(error))),))
            record.consumed.append(message.id)
            return
        reason = f"{type(error).__name__}: {error}"
        target, operation = message.target, message.operation
        fields = fields_of(message)
        logger.warning("%s %s quarantined: %s", target, operation, reason, extra=fields)
        row = to_row(message)
        record.consumed.append(message.id)
        record.quarantined.append(
            QuarantineRow(row.id, row.stream, row.body, max(0, row.attempts), reason, self.now)
        )

    def add(self, record: Record) -> None:
        """Queue *record* for the next commit."""
        self.open.add(record)

    def put(self, record: Record) -> None:
        """Queue *record* for the next commit, then deliver what begins to exist with it."""
        self.open.add(record)
        if record.accepted:
            self.deliver_all(record.accepted)
            self.activation.activate_arrivals()

    def close_turn(self, cell: Cell) -> None:
        """The cell's record is complete: queue it for the disk, then act on it."""
        record = cell.record
        assert record is not None
        cell.queued = False
        if len(cell.deferred) >= limits.MAILBOX_MESSAGES:
            self.full.add(cell.address)
        elif (
            self.full and len(cell.mailbox) + len(cell.deferred) < limits.MAILBOX_MESSAGES // 2
        ):
            self.full.discard(cell.address)
        if cell.deferred:
            self.at_gates.add(cell)
        elif self.at_gates:
            self.at_gates.discard(cell)
        if record.writes():
            cell.batch = self.open.number
            self.put(record)
        elif record.replies:
            if cell.batch > self.durable:
                self.add(record)  # the answers show what is not durable yet
            else:
                self._open_to([record])
        cell.record = None  # last: who asks for its turns without the baton finds this one
        self.make_ready(cell)

    def make_ready(self, cell: Cell) -> None:
        """Let *cell* have a turn when it has work."""
        if not cell.busy and not cell.queued and cell.has_work():
            cell.queued = True
            self.ready.append(cell)

    # ---- operations without the baton ---------------------------------------------------

    def is_blocking(self, address: str, message: Message) -> bool:
        """Whether this operation blocked its thread lately."""
        return (kind_of(address), message.operation) in self.blocking

    def lost_baton(self, cell: Cell) -> None:
        """The new holder's first act: the turn in hand goes on alone, its record is queued."""
        message = cell.message
        assert message is not None
        self.blocking[kind_of(cell.address), message.operation] = self.now
        self._set_busy(cell)
        self.close_turn(cell)

    def detach(self, cell: Cell) -> None:
        """Run the cell's step without the baton: at once, or when all before it is durable."""
        step, message = cell.step, cell.message
        assert step is not None
        assert message is not None
        self._set_busy(cell)
        self.close_turn(cell)
        if not step.is_async:
            self.runtime.start(step)
            return
        if not message.id:
            message.id = self.fresh_id()
            row = self.requests.accept(message)
            self.add(Record(self.now, accepted=[message], outcomes=[row]))
        self.open.gated.append(step)

    def attempt(self, step: Step) -> None:
        """Run a concurrent step as soon as its message is durable."""
        self.attempts.begin(step)

    def _set_busy(self, cell: Cell) -> None:
        cell.busy = True
        cell.queued = False
        self.detached.add(cell)

    def returned(
        self, step: Step, returned: tuple[Any, BaseException | None], seconds: float
    ) -> None:
        """An operation that ran without the baton has ended."""
        if step.concurrent:
            self.attempts.ended(step, returned)
            return
        cell: Cell = step.cell
        message = step.message
        self.detached.discard(cell)
        if self.cells.get(cell.address) is not cell:
            self.activation.release(cell.address)  # of an old epoch: thrown away
            return
        if seconds < limits.BLOCKED_SECONDS:
            self.blocking.pop((kind_of(cell.address), message.operation), None)
        cell.busy = False
        cell.record = Record(self.now, cell, cell.version + 1)
        cell.conclude(self, cell.record, step, returned)
        self.close_turn(cell)

    # ---- the way to the disk --------------------------------------------------------------

    def hand_over(self) -> None:
        """Give all that waits to the committer, unless it is at work."""
        if self.writing is not None or not self.open or self.recovery.failed:
            return
        pending = self.open
        batch = batch_of(pending)
        if is_empty(batch):
            for record in pending.records:
                if record.cell is not None:
                    record.cell.batch = self.durable
            self.open = Pending(self.durable + 1, scheduled=pending.scheduled)
            self._open_gate(pending)
            self._start_gated(pending)
            return
        self.open = Pending(pending.number + 1)
        self.writing = pending
        pending.batch = batch
        self.runtime.commit(batch, lambda error: self._written(pending, batch, error))

    def _open_gate(self, pending: Pending) -> None:
        """What leaves the partition may: replies, and attempts at work outside."""
        for step in pending.gated:
            if step.concurrent:
                self.runtime.start(step)
        self._open_to(pending.records)

    def _open_to(self, records: Sequence[Record]) -> None:
        """Nothing that *records* show is not durable: tell those who wait for them."""
        for record in records:
            for reply, outcome, _ in record.replies:
                reply.resolve(outcome)
        if self.tracer is not None:
            tell(self.tracer, records)

    def _written(self, pending: Pending, batch: Batch, error: BaseException | None) -> None:
        """The commit is over (without the baton)."""
        try:
            if error is None:
                self._open_gate(pending)
                self.tell(batch)
        finally:
            self.post(lambda: self._settle(pending, batch, error))

    def tell(self, batch: Batch) -> None:
        """Let those who follow know that *batch* is durable."""
        for listener in list(self.listeners):
            listener(batch)

    def _settle(self, pending: Pending, batch: Batch, error: BaseException | None) -> None:
        if self.writing is not pending:
            return
        self.writing = None
        if error is not None:
            self.recovery.commit_failed(pending, error)
            return
        self.durable = pending.number
        self.requests.settle(batch.outcomes)
        self.attempts.settle(pending.number)
        self.activation.settle(batch, pending)
        self._start_gated(pending)
        for record in pending.records:
            if record.over:
                cell = self.cells.get(record.cell.address)
                if cell is not None and cell is record.cell:
                    self.activation.passivate(cell)
        self.recovery.settled(batch.outcomes)

    def _start_gated(self, pending: Pending) -> None:
        for step in pending.gated:
            if step.concurrent:
                self.attempts.look_again(step)
            elif self.cells.get(step.cell.address) is step.cell:  # else it was dropped
                self.runtime.start(step)
