"""Activation and passivation: which actors are in memory, and how waiting work is found.

An actor is activated by its first message, from one row; many that arrive together are loaded
together. It is passivated when it was idle for a while, or to keep the number of active ones
below the cap; then nothing of it stays in memory. Messages that wait in the store are found by
one scan in order of due time, whether they wait since before a restart or are due just now.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from perdure.actors import limits
from perdure.actors.alarms import Alarms
from perdure.actors.behavior import Behavior, Instance, Outcome, Step
from perdure.actors.cell import Broken, Cell
from perdure.actors.ids import ACTIVITIES, INSTANCES, kind_of
from perdure.actors.messages import Message, from_row
from perdure.actors.pasts import Pasts
from perdure.actors.pending import Pending, Record
from perdure.actors.requests import Requests, failed_row
from perdure.errors import CorruptionError, FailureDetails, PerdureError, QuarantinedError
from perdure.storage.ports import Reader
from perdure.storage.records import (
    Batch,
    LoadedActor,
    MessageRow,
    QuarantineRow,
    StoredTurn,
)

_END = (1 << 63) - 1


NewCell = Callable[[str, Instance, int, int], Cell]
"""Makes a cell, given its address, its instance, its version and the time."""


class AttemptsAtWork(Protocol):
    """What activation asks of attempts."""

    def __contains__(self, message_id: object) -> bool:
        """Whether one is at work on that message."""
        ...

    def at_work(self, address: str) -> Mapping[str, Step]:
        """Those of one actor, by their requests."""
        ...


class Host(Protocol):
    """What activation asks of the partition."""

    now: int
    durable: int
    cells: dict[str, Cell]
    full: set[str]
    at_gates: set[Cell]
    counts: Counter[str]

    @property
    def attempts(self) -> AttemptsAtWork:
        """The attempts that are at work."""
        ...

    alarms: Alarms
    requests: Requests

    def fresh_id(self) -> int:
        """A message id that was never used."""
        ...

    def unwritten(self, cell: Cell) -> tuple[list[StoredTurn], bool]:
        """What *cell* did that is not written yet; see ``unwritten_turns``."""
        ...

    def deliver(self, message: Message) -> None:
        """Put *message* into its actor's mailbox."""

    def add(self, record: Record) -> None:
        """Queue *record* for the next commit."""

    def make_ready(self, cell: Cell) -> None:
        """Let *cell* have a turn when it has work."""


class Activation:
    """Who is in memory, and what waits in the store."""

    def __init__(
        self,
        host: Host,
        reader: Reader,
        behaviors: Mapping[str, Behavior],
        *,
        crashed: bool,
        new_cell: NewCell = Cell,
    ) -> None:
        self._host = host
        self._reader = reader
        self._behaviors = behaviors
        self._new_cell = new_cell
        self._pasts = Pasts(reader)
        self._crashed_id = host.fresh_id() if crashed else 0
        self._arrivals: dict[str, list[Message]] = {}
        self._locked_out: dict[str, list[Message]] = {}
        self._swept_micros = host.now
        self.active_cells = limits.ACTIVE_CELLS
        self.idle_micros = int(limits.IDLE_SECONDS * 1_000_000)
        self.restart()

    def restart(self) -> None:
        """Begin anew from what the store holds: at the start, and after a failed commit."""
        self._suspended = False
        self._arrivals.clear()
        self._cursor = (0, 0)
        self._first_id = self._host.fresh_id()
        self.in_hand: set[int] = set()
        self._old_in_hand = 0
        self.scanning = True
        self.next_due: int | None = 0
        for address in self._host.requests.sought:
            self.want(address)

    # ---- arrivals -----------------------------------------------------------------------

    def arrive(self, message: Message) -> None:
        """*message* is for an actor that is not active: it waits for its activation."""
        waiting = self._locked_out.get(message.target)
        if waiting is None:
            waiting = self._arrivals.setdefault(message.target, [])
        waiting.append(message)
        if len(waiting) >= limits.MAILBOX_MESSAGES:
            self._host.full.add(message.target)

    def want(self, address: str) -> None:
        """Activate an actor whose messages wait in the store, unless it is locked out."""
        if address not in self._locked_out:
            self._arrivals.setdefault(address, [])

    def seek(self, address: str) -> None:
        """A request waits for a message of this actor, which its activation finds or misses."""
        if address in self._host.cells:
            self._answer_missing(address)
        else:
            self.want(address)

    def _answer_missing(self, address: str) -> None:
        """Tell those whose message is not there: it was damaged and set aside, not applied."""
        host = self._host
        for joined, row in host.requests.take_missing(address):
            broken = host.cells[address].instance
            if isinstance(broken, Broken):  # it may be there, behind a damaged page
                host.requests.forget(row.request_id)
                joined.resolve(QuarantinedError(broken.reason))
                continue
            msg = f"the message of this request to {address} was damaged and is in quarantine"
            failure = FailureDetails(error_type=QuarantinedError.__name__, message=msg)
            outcome = failed_row(row, failure, host.now)
            answer = (joined, Outcome(failure=failure), None)
            host.add(Record(host.now, outcomes=[outcome], replies=[answer]))

    def lock_out(self, address: str) -> None:
        """Code of a dropped cell still runs: its actor is activated only when it returns."""
        self._locked_out[address] = []

    def release(self, address: str) -> None:
        """The dropped cell's code has returned."""
        waiting = self._locked_out.pop(address, None)
        if waiting is not None:
            self._arrivals.setdefault(address, []).extend(waiting)
            self.activate_arrivals()

    def forget_waiting(self) -> list[Message]:
        """Give up the messages that wait for locked-out actors; they are returned."""
        lost = [m for waiting in self._locked_out.values() for m in waiting]
        lost.extend(m for waiting in self._arrivals.values() for m in waiting)
        for waiting in self._locked_out.values():
            waiting.clear()
        self._arrivals.clear()
        return lost

    def suspend(self) -> None:
        """Activate nobody until the store works again, and all begins anew."""
        self._suspended = True

    def activate_arrivals(self) -> None:
        """Activate all actors that messages have arrived for, with one look at the store."""
        while self._arrivals and not self._suspended:
            loaded = self._reader.load(list(self._arrivals), self._host.now)
            arrivals, self._arrivals = self._arrivals, {}
            for address, messages in arrivals.items():
                self._activate(address, loaded[address], messages)

    def _activate(self, address: str, loaded: LoadedActor, messages: list[Message]) -> None:
        instance = self._instance(address, loaded)
        cell = self._new_cell(address, instance, loaded.version, self._host.now)
        self._host.cells[address] = cell
        self._pasts.expect(address, loaded.version)
        arrived = {message.id for message in messages}
        for row in loaded.messages:
            if row.id not in arrived and not self._is_in_hand(row.id):
                self._deliver_row(row)
        self._answer_missing(address)
        for message in messages:
            self._host.deliver(message)

    def _instance(self, address: str, loaded: LoadedActor) -> Instance:
        if loaded.corrupt is not None:
            return Broken(f"{address} is damaged: {loaded.corrupt}")
        kind = kind_of(address)
        behavior = self._behaviors.get(kind)
        if behavior is None:
            return Broken(_unknown(kind))
        try:
            return behavior.activate(address, loaded.version, loaded.state, self)
        except PerdureError as error:
            return Broken(f"{address} cannot be activated: {error}", error)

    def fresh_id(self) -> int:
        """A message id that was never used."""
        return self._host.fresh_id()

    def past(self, address: str, after_version: int) -> Iterator[StoredTurn]:
        """The turns of a stream beyond a version, oldest first; also those not written yet."""
        cell = self._host.cells.get(address)
        unwritten: list[StoredTurn] = []
        erased = False
        if cell is not None and (cell.record is not None or cell.batch > self._host.durable):
            unwritten, erased = self._host.unwritten(cell)
        if not erased:
            version = -1 if cell is None else cell.version
            for turn in self._pasts.turns(address, version, after_version):
                yield turn
                after_version = turn.first_version + turn.count - 1
        for turn in unwritten:
            if turn.first_version > after_version:
                yield turn

    def at_work(self, address: str) -> Mapping[str, Step]:
        """The actor's attempts that are at work, or about to be, by their requests."""
        return self._host.attempts.at_work(address)

    def may_have_run(self, message_id: int) -> bool:
        """Whether a process ended without a word while that message waited."""
        return 0 < message_id <= self._crashed_id

    def count(self, what: str) -> None:
        """One more of *what*, for the node's status."""
        self._host.counts[what] += 1

    def ask_gate_again(self, address: str, micros: int) -> None:
        """Ask the actor's gate again at that time, whatever happens meanwhile."""

        def ask() -> None:
            cell = self._host.cells.get(address)
            if cell is not None:
                self._host.make_ready(cell)

        self._host.alarms.set(address, micros, ask)

    def _is_in_hand(self, message_id: int) -> bool:
        return message_id in self.in_hand or message_id in self._host.attempts

    def _deliver_row(self, row: MessageRow) -> None:
        if row.corrupt is not None:
            self._set_aside(row, row.corrupt)
            return
        try:
            message = from_row(row)
        except CorruptionError as error:
            self._set_aside(row, str(error))
            return
        self.hold(row.id)
        if message.chosen:
            self._host.requests.adopt(message)
        self._host.deliver(message)

    def _set_aside(self, row: MessageRow, reason: str) -> None:
        now = self._host.now
        self.hold(row.id)  # it is in the store until the next commit
        attempts = max(0, row.attempts)
        quarantined = QuarantineRow(row.id, row.stream, row.body, attempts, reason, now)
        self._host.add(Record(now, consumed=[row.id], quarantined=[quarantined]))

    # ---- what waits in the store ----------------------------------------------------------

    def next_look(self) -> int | None:
        """When to look for waiting messages; ``None``: something else comes first."""
        too_many = len(self.in_hand) - limits.IN_HAND_MESSAGES
        if too_many >= 0 and too_many >= sum(m.id in self.in_hand for m in self._kept_out()):
            return None
        return self.next_due

    def look_for_due(self) -> None:
        """Take one page of the messages that wait in the store and are due."""
        now = self._host.now
        look = self.next_look()
        if look is None or now < look:
            return
        page = self._reader.due(self._cursor, now, limit=limits.DUE_PAGE)
        active: dict[str, set[int]] = {}
        sought: list[int] = []
        for due, message_id, stream in page:
            if self._is_in_hand(message_id) or (message_id >= self._first_id and not due):
                continue
            if stream in self._locked_out:
                continue
            sought.append(message_id)
            if stream in self._host.cells:
                active.setdefault(stream, set()).add(message_id)
            else:
                self.want(stream)
        if active:
            self._deliver_to_active(active)
        self.activate_arrivals()
        self._deliver_adrift(sought)
        if len(page) == limits.DUE_PAGE:
            self._cursor = page[-1][:2]
            self.next_due = 0
        else:
            self._cursor = (now, _END)
            self.scanning = False
            self.next_due = self._reader.next_due(now)

    def _deliver_adrift(self, sought: list[int]) -> None:
        """What no activation has found: the row names another actor than its index does."""
        adrift = [name for name in sought if not self._is_in_hand(name)]
        if adrift and not self._suspended:
            for row in self._reader.messages(adrift):
                self._deliver_row(row)
            self.activate_arrivals()

    def look_at(self, address: str, message_id: int) -> None:
        """A message was put into the store behind the partition's back: deliver it."""
        if self._is_in_hand(message_id):
            return  # its actor was activated meanwhile, and it was found
        if address in self._host.cells:
            self._deliver_to_active({address: {message_id}})
        else:
            self.want(address)
            self.activate_arrivals()

    def _deliver_to_active(self, active: dict[str, set[int]]) -> None:
        for stream, loaded in self._reader.load(list(active), self._host.now).items():
            for row in loaded.messages:
                if row.id in active[stream]:
                    self._deliver_row(row)

    def settle(self, batch: Batch, pending: Pending) -> None:
        """A batch is durable: what it consumed is done, what it scheduled is waited for."""
        for message_id in batch.consumed:
            if message_id in self.in_hand:
                self.in_hand.remove(message_id)
                self._old_in_hand -= self.is_old(message_id)
        for message in pending.scheduled:
            if message.id in self.in_hand:
                continue  # found in the store before this thread learned of the commit
            if (message.due_micros, message.id) <= self._cursor:
                self.in_hand.add(message.id)
                self._host.deliver(message)
            elif self.next_due is None or message.due_micros < self.next_due:
                self.next_due = message.due_micros
        if pending.scheduled:
            self.activate_arrivals()

    def hold(self, message_id: int) -> None:
        """A message of the store is in hand: it is not to be found there again."""
        self.in_hand.add(message_id)
        self._old_in_hand += self.is_old(message_id)

    def is_old(self, message_id: int) -> bool:
        """Whether this waiting message is from before the restart."""
        return 0 < message_id < self._first_id

    def old_in_hand(self, passed: int) -> bool:
        """Whether messages from before the restart are still to be done, or to be found.

        One that its actor's gate keeps out is not: it may be so for days. Nor are *passed*,
        which are at work.
        """
        old = self._old_in_hand - passed
        return self.scanning or (
            old > 0 and old > sum(self.is_old(m.id) for m in self._kept_out())
        )

    def _kept_out(self) -> Iterator[Message]:
        """The messages that wait until their actor's gate lets them in."""
        for cell in self._host.at_gates:
            yield from cell.deferred

    # ---- passivation ----------------------------------------------------------------------

    def sweep(self) -> None:
        """Passivate idle actors, now and then."""
        host = self._host
        over = len(host.cells) - self.active_cells
        if over <= 0 and host.now < self._swept_micros + limits.SWEEP_SECONDS * 1_000_000:
            return
        self._swept_micros = host.now
        if over > 0:
            surplus = over + self.active_cells // 10
            oldest = heapq.nsmallest(surplus, host.cells.values(), key=_used)
        else:
            before = host.now - self.idle_micros
            oldest = [cell for cell in host.cells.values() if cell.used_micros < before]
        for cell in oldest:
            self.passivate(cell)

    def passivate(self, cell: Cell) -> bool:
        """Let go of *cell*, unless it has messages, a turn, or something not yet durable."""
        if cell.mailbox or cell.busy or cell.queued or cell.batch > self._host.durable:
            return False
        if cell.deferred:
            return False
        del self._host.cells[cell.address]
        self._pasts.forget(cell.address)
        cell.instance.close()
        return True


def _unknown(kind: str) -> str:
    if kind in {INSTANCES, ACTIVITIES}:
        return "the app has no orchestrations and activities; register them"
    return f"no entity {kind!r} is registered; add its class to the app"


def _used(cell: Cell) -> int:
    return cell.used_micros
