"""The simulated runtime: one thread, a virtual clock, and a seed that says what is next.

The engine above it is the real one. Nothing waits in it: what would happen in another thread or
later is a task, and a seeded generator chooses which task is next. Time passes only when there
is nothing else to do. The same seed gives the same run, step by step.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import Any

import attrs

from perdure.actors import limits
from perdure.actors.behavior import Step
from perdure.actors.partition import Partition
from perdure.actors.replies import Reply
from perdure.actors.runtime import OnStore
from perdure.actors.virtual_loop import VirtualLoop
from perdure.errors import CancelledError, NotAllowedHereError, StoreUnavailableError
from perdure.storage.ports import Store, Writer
from perdure.storage.records import Batch

START_MICROS = 1_700_000_000_000_000
"""When simulated time begins: 14 November 2023."""


@attrs.define
class Chances:
    """How likely each disturbance is, from 0 to 1. All zero: the shortest way to the result."""

    lost_baton: float = 0.0
    passivation: float = 0.0
    short_turns: float = 0.0


@attrs.define(eq=False)
class VirtualClock:
    """Time that passes only when told to."""

    micros: int = START_MICROS

    def now_micros(self) -> int:
        """Microseconds since 1970 UTC."""
        return self.micros


class SimulatedRuntime:
    """Everything a partition needs of the world, in one thread."""

    def __init__(
        self,
        store: Store,
        *,
        seed: int = 0,
        clock: VirtualClock | None = None,
        chances: Chances | None = None,
        patience: int = 1_000_000,
    ) -> None:
        self.patience = patience
        self.clock = clock or VirtualClock()
        self.now_micros = self.clock.now_micros
        self.random = random.Random(seed)
        self.chances = chances or Chances()
        self.trace: list[str] = []
        self._store = store
        self._tasks: list[tuple[str, Callable[[], None]]] = []
        self._later: list[tuple[int, int, str, Callable[[], None]]] = []
        self._partition: Partition | None = None
        self._woken = False
        self._inside = False
        self._ids = 0
        self._stopped = False
        self._loop = VirtualLoop(self)

    # ---- life -----------------------------------------------------------------------------

    def run(self, partition: Partition) -> None:
        """Begin to work for *partition*."""
        self._partition = partition

    def stop(self, timeout_seconds: float) -> bool:
        """Let nothing more happen."""
        self._stopped = True
        self._loop.close()
        return not self._tasks

    def on_committer(self, work: Callable[[Store], Any]) -> Any:
        """Do *work* with the store, between two commits."""
        while self._partition is not None and self._partition.writing is not None:
            self.pause(limits.SWEEP_SECONDS)  # a commit may take its time
        return work(self._store)

    def new_id(self) -> str:
        """A request id nobody used before."""
        self._ids += 1
        return f"sim-{self._store.opening.incarnation}-{self._ids}"

    def wake(self) -> None:
        """Have the partition look, some time."""
        self._woken = True

    # ---- the scheduler ---------------------------------------------------------------------

    def step(self) -> bool:
        """Let one thing happen; false when only time can pass."""
        if self._stopped:
            return False
        choices = len(self._tasks) + self._woken
        if not choices:
            return False
        chosen = self.random.randrange(choices) if choices > 1 else 0
        if chosen < len(self._tasks):
            name, task = self._tasks.pop(chosen)
            self.trace.append(name)
            task()
        else:
            self._woken = False
            self.trace.append("work")
            self._work()
        return True

    def _work(self) -> None:
        partition = self._partition
        assert partition is not None
        self._disturb(partition)
        if not partition.work() or partition.ingress:
            self._woken = True  # its next holder goes on, or there is more to take in

    def _disturb(self, partition: Partition) -> None:
        draw = self.random.random
        if not partition.recovery.careful:
            short = self.chances.short_turns and draw() < self.chances.short_turns
            partition.turn_messages = (
                self.random.randint(1, 3) if short else limits.TURN_MESSAGES
            )
        if self.chances.passivation:
            for cell in list(partition.cells.values()):
                if draw() < self.chances.passivation and partition.activation.passivate(cell):
                    self.trace.append(f"passivate {cell.address}")

    def pass_time(self, until_micros: int | None = None) -> bool:
        """Let the clock go to the next thing that is due; false when nothing is, by then."""
        assert self._partition is not None
        times = [self._later[0][0]] if self._later else []
        due = self._partition.next_wake_micros()
        if due is not None:
            times.append(due)
        if self._partition.recovery.held_back:
            times.append(self.clock.micros + int(limits.SWEEP_SECONDS * 1_000_000))
        if not times or (until_micros is not None and min(times) > until_micros):
            if until_micros is not None:
                self.clock.micros = max(self.clock.micros, until_micros)
            return False
        self.clock.micros = max(self.clock.micros, min(times))
        while self._later and self._later[0][0] <= self.clock.micros:
            _, _, name, task = heapq.heappop(self._later)
            self._tasks.append((name, task))
        self._woken = True
        return True

    def settle(self) -> None:
        """Let everything happen that can without time passing."""
        for _ in range(self.patience):
            if not self.step():
                return
        msg = f"the engine does not come to rest within {self.patience} steps"
        raise RuntimeError(msg)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and everything happen that is due in them."""
        until = self.clock.micros + round(seconds * 1_000_000)
        self.settle()
        while self.pass_time(until):
            self.settle()
        self.wake()
        self.settle()

    def pause(self, seconds: float) -> None:
        """Let the others work."""
        if not self.step():
            self.pass_time(self.clock.micros + max(1, int(seconds * 1_000_000)))

    def wait(self, reply: Reply[Any], timeout_seconds: float | None) -> bool:
        """Let things happen until *reply* is resolved, or nothing is left, or time is up."""
        self.refuse_inside_turn("get()")
        until = None
        if timeout_seconds is not None:
            until = self.clock.micros + int(timeout_seconds * 1_000_000)
        while not reply.done:
            if not self.step() and not self.pass_time(until):
                return reply.done
        return True

    def refuse_inside_turn(self, what: str) -> None:
        """Raise when the caller is users' code inside a turn."""
        if self._inside or self._loop.is_inside:
            msg = f"{what} inside an operation would wait for another turn; send a signal"
            raise NotAllowedHereError(msg)

    def task(self, name: str, call: Callable[[], None]) -> None:
        """Have *call* happen, some time."""
        self._tasks.append((name, call))

    def after(self, seconds: float, name: str, call: Callable[[], None]) -> None:
        """Have *call* happen once *seconds* have passed."""
        self._ids += 1
        due = self.clock.micros + round(seconds * 1_000_000)
        heapq.heappush(self._later, (due, self._ids, name, call))

    # ---- what the engine asks for ----------------------------------------------------------

    def commit(self, batch: Batch, done: Callable[[BaseException | None], None]) -> None:
        """Have *batch* written, some time."""

        def write() -> None:
            try:
                self._store.commit(batch)
            except Exception as error:
                self.trace.append(f"commit {batch.number} {type(error).__name__}")
                done(error)
            else:
                done(None)

        self.task(f"commit {batch.number}", write)

    def on_store(self, work: Callable[[Writer], object]) -> None:
        """Have *work* done, some time."""
        self.task("on store", lambda: _forget(work(self._store)))

    def beside(self, work: Callable[[OnStore], object]) -> None:
        """Have *work* done, some time."""
        self.task("beside", lambda: _forget(work(lambda step: step(self._store))))

    def probe(self, done: Callable[[int], None]) -> None:
        """Try the store now and then until it works."""

        def attempt() -> None:
            try:
                durable = self._store.probe()
            except StoreUnavailableError:
                self.after(limits.PROBE_SECONDS, "probe", attempt)
            else:
                done(durable)

        self.after(limits.PROBE_SECONDS, "probe", attempt)

    def invoke(self, step: Step) -> tuple[Any, BaseException | None] | None:
        """Run a step's code; perhaps the baton is lost in it, and the result comes later."""
        lost = self.chances.lost_baton and self.random.random() < self.chances.lost_baton
        if not lost:
            return self._call(step)
        assert self._partition is not None
        self._partition.lost_baton(step.cell)
        self.trace.append(f"lost baton {step.cell.address}")
        self._return_later(step, self._call(step))
        return None

    def start(self, step: Step) -> None:
        """Run a step's code, or its coroutine, as a task of its own."""
        if step.is_async:
            self.task(
                f"start {step.cell.address}",
                lambda: self._loop.begin(lambda: self._run_async(step)),
            )
            return
        self.task(
            f"start {step.cell.address}", lambda: self._return_later(step, self._call(step))
        )

    async def _run_async(self, step: Step) -> None:
        try:
            result = await step.run()
        except (Exception, asyncio.CancelledError, CancelledError) as error:
            self._return_later(step, (None, error))
        else:
            self._return_later(step, (result, None))

    def _call(self, step: Step) -> tuple[Any, BaseException | None]:
        self._inside = not step.concurrent  # an attempt may wait for the engine
        try:
            return step.run(), None
        except (Exception, CancelledError) as error:
            return None, error
        finally:
            self._inside = False

    def _return_later(self, step: Step, returned: tuple[Any, BaseException | None]) -> None:
        partition = self._partition
        assert partition is not None

        def come_back() -> None:
            partition.post(lambda: partition.returned(step, returned, 1.0))

        self.task(f"return {step.cell.address}", come_back)


def _forget(_: object) -> None:
    """Make a call an expression without a value."""
