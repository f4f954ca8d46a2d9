"""Who ended the process: messages from before a crash run so that the next crash tells.

1. Those that nothing speaks against run in groups, each noted in the store before it runs.
   Those of a group that a crash cut off run one by one.
2. Only one that has nothing beside it is charged with a crash; at the third it is set aside.
3. One that goes on for a while without ending the process has passed for now: its charge is
   withdrawn, the others go on beside it, and no longer is anybody charged.
4. What came after the crash has its turns between two groups: it waits for one, not for all.
   When only those are left that run alone, it waits for them.
5. How often it has passed is noted. After a crash those are next that have passed least often;
   the more often one has passed alone, the longer it is alone the next time. So both a
   slow killer and a quick one among slow ones are alone in hand sooner or later.

In a message's attempts a number above 0 counts the crashes that it is charged with; -1 tells
that it was in hand among others, -2 that it has passed, -3 that it has passed twice, ...
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Protocol

import attrs

from perdure.actors import limits
from perdure.actors.activation import Activation
from perdure.actors.alarms import Alarms
from perdure.actors.behavior import Step
from perdure.actors.cell import Cell, CellHost
from perdure.actors.ids import ACTIVITIES, kind_of
from perdure.actors.messages import Message
from perdure.actors.pending import Pending, Record
from perdure.errors import QuarantinedError
from perdure.storage.ports import Writer

_PATIENCE = 4
"""How much longer one is alone each time that it has passed."""

_LONGEST = 4
"""From so many times on it gets no longer, and so long is one alone that was charged before."""

_SOUGHT = 1_000
"""Messages of one mailbox that are looked at to find the next suspect."""


class StepsAtWork(Protocol):
    """What is asked of attempts."""

    def steps(self) -> Iterator[Step]:
        """Those at work, or about to be."""
        ...


class Engine(CellHost, Protocol):
    """What is asked of the partition."""

    now: int
    ready: deque[Cell]
    detached: set[Cell]
    activation: Activation
    alarms: Alarms
    open: Pending
    writing: Pending | None

    @property
    def attempts(self) -> StepsAtWork:
        """The attempts that are at work."""
        ...

    def put(self, record: Record) -> None:
        """Queue *record* for the next commit, then deliver what begins to exist with it."""


Group = deque[tuple[Cell, int]]
"""Cells that run next, and how many messages each takes."""


@attrs.frozen
class Watch:
    """A suspect that runs: until when, and whether nothing ran beside it."""

    message: Message
    until_micros: int
    is_alone: bool


class Suspects:
    """Runs the messages from before a crash; the partition's other turns wait meanwhile."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer
        self._watched: dict[int, Watch] = {}
        self._passed: set[int] = set()
        self._are_others_next = False
        self._most = limits.SUSPECTS
        self.held: deque[Cell] = deque()
        """The ready cells that begin with a message from before the crash."""
        self._group: Group = deque()
        self.retries = 0
        """Turns of one message each that are to be taken first."""

    def work(self) -> bool:
        """Let the next ones have their turns; false when the baton was lost.

        While suspects are in hand, or what they did is not durable, nothing else runs: so it is
        known exactly whom a crash may be due to.

        Raises:
            StoreError: what is in hand could not be noted, so it did not run.
        """
        engine = self._engine
        self._put_back()
        self._review()
        while not (self._watched or engine.writing or engine.open):
            group = self._group = self._next_group()
            if not group:
                break
            while group:
                cell, engine.turn_messages = group.popleft()
                if not cell.take_turn(engine):
                    return False  # long ago perhaps: who has the baton puts back the rest
        return True

    @property
    def held_back(self) -> int:
        """How many ready cells it keeps."""
        return len(self.held) + len(self._group)

    def release(self) -> None:
        """Nobody is suspected any more."""
        self._put_back()
        self._engine.ready.extend(self.held)
        self.held.clear()

    def forget(self) -> None:
        """All cells are dropped."""
        self.held.clear()
        self._group = deque()

    def _put_back(self) -> None:
        """The rest of a group in which the baton was lost is ready."""
        rest, self._group = self._group, deque()
        self._engine.ready.extend(cell for cell, _ in rest)

    def are_left(self) -> bool:
        """Whether there are some that have not passed."""
        at_work = self._at_work()
        watched = any(message_id in at_work for message_id in self._watched)
        self._passed &= at_work
        left = self._engine.activation.old_in_hand(len(self._passed))
        return self.retries > 0 or watched or left

    # ---- those that run -------------------------------------------------------------------

    def _at_work(self) -> set[int]:
        """The messages whose code runs without the baton."""
        engine = self._engine
        ids = {step.message.id for step in engine.attempts.steps()}
        ids.update(cell.message.id for cell in engine.detached if cell.message is not None)
        return ids

    def _review(self) -> None:
        """Whose time is over has passed; who has ended is watched no more."""
        if not self._watched:
            return
        now, at_work = self._engine.now, self._at_work()
        self._watched = {name: w for name, w in self._watched.items() if name in at_work}
        self._let_pass([w for w in self._watched.values() if w.until_micros <= now])

    def _is_alone(self) -> bool:
        """Whether nothing has begun lately that goes on; else it is looked at again in time."""
        engine = self._engine
        begun = [cell.used_micros for cell in engine.detached]
        begun += [step.handed_out_micros for step in engine.attempts.steps()]
        passed = max(begun, default=0) + _micros(limits.SUSPECT_SECONDS)
        if passed <= engine.now:
            return True
        engine.alarms.set(self, passed, _look)
        return False

    def _let_pass(self, late: list[Watch]) -> None:
        if late:
            self._most = limits.SUSPECTS
        for watch in late:
            message = watch.message
            if message.attempts <= 0:
                least = min(message.attempts, -1)
                message.attempts = least - 1 if watch.is_alone else min(least, -2)
            self._writer.set_attempts([message.id], message.attempts)
            del self._watched[message.id]
            self._passed.add(message.id)

    # ---- those that are next --------------------------------------------------------------

    def _next_group(self) -> Group:
        """The cells that run next, and how many messages each; suspects are noted."""
        self._sort()
        if self.retries > 0:
            return self._take_retry()
        if self._are_others_next or not self.held:
            self._are_others_next = False
            group = self._take_others()
            if group:
                return group
        return self._take_suspects()

    def _take_retry(self) -> Group:
        for cells in (self._engine.ready, self.held):
            if cells:
                self.retries -= 1
                return deque([(cells.popleft(), 1)])
        return deque()

    def _sort(self) -> None:
        """Hold back the ready cells that begin with suspects; gates may have opened since."""
        ready, held, is_old = self._engine.ready, self.held, self._engine.activation.is_old
        cells = [*held, *ready]
        held.clear()
        ready.clear()
        for cell in cells:
            cell.put_off()
            begins_old = bool(cell.mailbox) and is_old(cell.mailbox[0].id)
            (held if begins_old else ready).append(cell)

    def _take_others(self) -> Group:
        """All that do not begin with suspects, with what is in front of the first one."""
        ready, is_old = self._engine.ready, self._engine.activation.is_old
        group: Group = deque()
        for cell in ready:
            count = 1  # of one that keeps some waiting: it may open its gate to suspects
            if not cell.deferred:
                others = takewhile(lambda message: not is_old(message.id), cell.mailbox)
                count = max(1, len(list(islice(others, limits.TURN_MESSAGES))))
            group.append((cell, count))
        ready.clear()
        return group

    def _take_suspects(self) -> Group:
        """Those that run together or the one that runs alone; none while it has to wait."""
        group = self._take_unsuspected()
        self._are_others_next = bool(group)
        group = group or self._take_most_suspect()
        suspects = [message for cell, count in group for message in islice(cell.mailbox, count)]
        if suspects and suspects[0].attempts >= limits.ATTEMPTS:
            self._set_aside(group[0][0])
            return deque()
        if suspects:
            self._note(suspects)
        return group

    def _note(self, suspects: list[Message]) -> None:
        beside = self._at_work()
        ids = [message.id for message in suspects]
        is_alone = len(ids) == 1 and not beside
        self._writer.count_attempts(ids if is_alone or len(ids) > 1 else [*ids, min(beside)])
        seconds = limits.SUSPECT_SECONDS
        if is_alone:
            attempts = suspects[0].attempts
            passed = _LONGEST if attempts > 0 else max(1, -attempts)
            seconds *= _PATIENCE ** (min(passed, _LONGEST) - 1)
        until = self._engine.now + _micros(seconds)
        for message in suspects:
            self._watched[message.id] = Watch(message, until, is_alone)
        self._engine.alarms.set(self, until, _look)

    def _take_unsuspected(self) -> Group:
        """Take from the cells held back those that begin with what nothing speaks against.

        More each time, as long as all end quickly: so would they one by one, after a crash.
        """
        held, most = self.held, self._most
        group: Group = deque()
        for _ in range(len(held)):
            cell = held.popleft()
            suspects = takewhile(self._is(lambda attempts: attempts == 0), cell.mailbox)
            is_activity = kind_of(cell.address) == ACTIVITIES  # attempts are no turn together
            taken = most if is_activity else min(most, limits.TURN_MESSAGES)
            count = len(list(islice(suspects, taken)))
            if not count:
                held.append(cell)
                continue
            most -= count
            group.append((cell, count))
            if not most:
                self._most = min(2 * self._most, limits.MOST_SUSPECTS)
                break
        return group

    def _take_most_suspect(self) -> Group:
        """The one that is charged most; without any, one that has passed least often.

        None as long as something goes on that it would run beside.
        """
        if not self._is_alone():
            return deque()
        is_suspect = self._is(lambda attempts: attempts != 0)
        found: list[tuple[bool, int, int, int, Cell, Message]] = []
        for place, cell in enumerate(self.held):
            # an activity's messages run beside each other anyway, so any of them may be first
            sought = _SOUGHT if kind_of(cell.address) == ACTIVITIES else 1
            for message in filter(is_suspect, islice(cell.mailbox, sought)):
                attempts = message.attempts
                found.append((attempts < 0, -attempts, place, message.id, cell, message))
        if not found:
            return deque()
        *_, cell, message = min(found, key=lambda item: item[:4])
        self.held.remove(cell)
        if cell.mailbox[0] is not message:
            cell.mailbox.remove(message)
            cell.mailbox.appendleft(message)
        return deque([(cell, 1)])

    def _is(self, wanted: Callable[[int], bool]) -> Callable[[Message], bool]:
        is_old = self._engine.activation.is_old
        return lambda message: is_old(message.id) and wanted(message.attempts)

    def _set_aside(self, cell: Cell) -> None:
        engine = self._engine
        message = cell.mailbox.popleft()
        record = Record(engine.now)
        msg = f"it was the only message in hand at {message.attempts} crashes of the process"
        if message.answered:
            msg += f"; {message.caller!r} waits for its answer"
        engine.refuse(record, message, QuarantinedError(msg), waits=True)
        engine.put(record)
        if cell.has_work():
            engine.ready.append(cell)
        else:
            cell.queued = False


def _look() -> None:
    """It makes the partition look, and that is all."""


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)
