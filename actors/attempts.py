"""Attempts: work outside that goes on while its actor does, such as activities.

The message of an attempt stays in the store until the attempt has ended, so a crash begins it
again. It starts only when its message is durable, and what came of it counts whatever failed
meanwhile: a commit that failed drops the actor, not the attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from perdure.actors.alarms import Alarms
from perdure.actors.behavior import Step
from perdure.actors.cell import Cell, CellHost
from perdure.actors.messages import Message
from perdure.actors.pending import Pending, Record
from perdure.actors.recovery import Recovery
from perdure.errors import NodeClosedError


class Host(CellHost, Protocol):
    """What attempts ask of the partition."""

    cells: dict[str, Cell]
    recovery: Recovery
    open: Pending
    alarms: Alarms
    closing: bool

    def fresh_id(self) -> int:
        """A message id that was never used."""
        ...

    def add(self, record: Record) -> None:
        """Queue *record* for the next commit."""

    def deliver_all(self, messages: Sequence[Message]) -> None:
        """Deliver what is due, and wait for the time of the rest."""

    def make_ready(self, cell: Cell) -> None:
        """Let *cell* have a turn when it has work."""


class Attempts:
    """The attempts that are at work, by the ids of their messages."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._running: dict[int, Step] = {}
        self._at: dict[str, dict[str, Step]] = {}
        self._ended: dict[int, tuple[int, Step, tuple[Any, BaseException | None]]] = {}

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._running or message_id in self._ended

    def __len__(self) -> int:
        return len(self._running)

    def steps(self) -> Iterator[Step]:
        """Those at work, or about to be."""
        return iter(self._running.values())

    def at_work(self, address: str) -> Mapping[str, Step]:
        """Those of one actor that are at work, or about to be, by their requests."""
        return self._at.get(address, {})

    def begin(self, step: Step) -> None:
        """Run *step* as soon as its message is durable."""
        host = self._host
        message = step.message
        if message.id in self:
            return  # it is at work since before its actor was dropped
        if not message.id:
            message.id = host.fresh_id()
            row = host.requests.accept(message)
            host.add(Record(host.now, accepted=[message], outcomes=[row]))
        self._running[message.id] = step
        self._at.setdefault(message.target, {})[message.request_id] = step
        step.handed_out_micros = host.now
        host.open.gated.append(step)

    def leave(self, step: Step) -> bool:
        """*step* is at work no more; false when it was not."""
        message = step.message
        if self._running.get(message.id) is not step:
            return False
        del self._running[message.id]
        at = self._at[message.target]
        if at.get(message.request_id) is step:
            del at[message.request_id]
        if not at:
            del self._at[message.target]
        if step.look_again is not None:
            self._host.alarms.cancel(message.id)
        return True

    def ended(self, step: Step, returned: tuple[Any, BaseException | None]) -> None:
        """An attempt has ended; only the first end counts."""
        host = self._host
        if host.recovery.failed:
            host.recovery.keep(lambda: self.ended(step, returned))
            return
        if not self.leave(step):
            return
        if host.closing and isinstance(returned[1], NodeClosedError):
            return  # it asked something of a node that takes nothing more: it begins again
        self._note_end(step, returned)

    def _note_end(self, step: Step, returned: tuple[Any, BaseException | None]) -> None:
        host = self._host
        cell: Cell = step.cell
        self._ended[step.message.id] = (host.open.number, step, returned)
        record = Record(host.now)
        cell.conclude(host, record, step, returned)
        host.add(record)
        host.deliver_all(record.accepted)  # who is not active is so after all ends that came
        host.make_ready(host.cells.get(cell.address, cell))

    def settle(self, batch: int) -> None:
        """All up to *batch* is durable: what ended in it is over."""
        if self._ended:
            self._ended = {
                message_id: end for message_id, end in self._ended.items() if end[0] > batch
            }

    def end_again(self) -> None:
        """A commit has failed: what ended and is not durable, as far as is known, ends again.

        Should it be durable after all, its answer comes twice, and the second one is dropped.
        """
        for _, step, returned in list(self._ended.values()):
            self._note_end(step, returned)

    def look_again(self, step: Step) -> None:
        """Ask one that still runs whether it may go on."""
        if self._running.get(step.message.id) is not step or step.look_again is None:
            return
        try:
            micros = step.look_again(self._host.now)
        except Exception as error:
            self.ended(step, (None, error))
        else:
            if micros is not None:
                alarms = self._host.alarms
                alarms.set(step.message.id, micros, lambda: self.look_again(step))
