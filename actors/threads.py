"""The threaded runtime: one thread holds the baton, others take over when users' code blocks.

The baton's slot is a list with at most one step in it. The holder puts the step in before it
runs users' code and takes it out after; the watchdog, when it has seen the same step twice,
takes it out itself. Both are one atomic list operation, so exactly one of them succeeds, and
the one that does owns the baton.
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import pykka

from perdure.actors import limits
from perdure.actors.behavior import Step
from perdure.actors.event_loop import EventLoopThread
from perdure.actors.partition import Partition
from perdure.actors.recovery import Recovery
from perdure.actors.replies import Reply
from perdure.actors.runtime import OnStore
from perdure.actors.slow_code import SlowCode
from perdure.actors.workers import Workers
from perdure.errors import (
    NodeClosedError,
    NotAllowedHereError,
    StoreError,
    StoreUnavailableError,
)
from perdure.storage.ports import Store, Writer
from perdure.storage.records import Batch

logger = logging.getLogger("perdure")


class Clock:
    """Wall time in microseconds that never goes back, whatever the system's clock does."""

    def __init__(self) -> None:
        self._last = 0

    def now_micros(self) -> int:
        """Microseconds since 1970 UTC."""
        now = time.time_ns() // 1000
        if now < self._last:
            return self._last
        self._last = now
        return now


class Committer(pykka.ThreadingActor):
    """The one thread that writes to the store."""

    use_daemon_thread = True

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    @staticmethod
    def _create_actor_inbox() -> Any:
        inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        return inbox

    def on_receive(self, message: Any) -> None:
        """Do one piece of work on the store: a callable that takes it."""
        message(self._store)


class Doorbell:
    """Wakes one sleeping thread; ringing while it is awake makes its next sleep short."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._sleeping = False

    def ring(self) -> None:
        """Wake the sleeper, if there is one."""
        if self._sleeping:
            self._sleeping = False
            try:
                self._lock.release()
            except RuntimeError:  # two rang at once
                return

    def sleep(self, seconds: float, is_needed: Callable[[], bool]) -> None:
        """Sleep until rung, at most *seconds*, unless *is_needed* says there is work."""
        self._sleeping = True
        if not is_needed():
            self._lock.acquire(timeout=seconds)
        self._sleeping = False

    @property
    def is_sleeping(self) -> bool:
        """Whether nobody is at work."""
        return self._sleeping


def run_step(step: Step) -> tuple[Any, BaseException | None]:
    """Run users' code and take whatever comes of it."""
    try:
        return step.run(), None
    except BaseException as error:
        return None, error


class ThreadedRuntime:
    """Threads, the wall clock and the committer under a partition."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._fields = {"store": store.location}
        self._slow_code = SlowCode()
        self.clock = clock or Clock()
        self.now_micros = self.clock.now_micros
        self._partition: Partition | None = None
        self._slot: list[Step] = []
        self._in_turn = threading.local()
        self._bell = Doorbell()
        self.wake = self._bell.ring
        self._stop = threading.Event()
        self._active = threading.Event()
        self._spares: list[threading.Thread] = []
        self._free: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle_spares = 0
        self._counting = threading.Lock()
        self._alone = 0
        self._backlog: deque[Step] = deque()
        self._async = EventLoopThread(self._enter_turns)
        self._async_attempts = EventLoopThread()
        self._workers = Workers("perdure-activities")
        prefix = os.urandom(6).hex()
        counter = itertools.count()
        self.new_id = lambda: f"{prefix}-{next(counter)}"
        self._committer = Committer.start(store)

    # ---- life ---------------------------------------------------------------------------

    def run(self, partition: Partition) -> None:
        """Begin to work for *partition*."""
        self._partition = partition
        self._submit(self._hold_baton)
        watchdog = threading.Thread(target=self._watch, name="perdure-watchdog", daemon=True)
        watchdog.start()

    def stop(self, timeout_seconds: float) -> bool:
        """Stop the threads; false when users' code still runs in one after the timeout."""
        self._stop.set()
        self._active.set()
        self._bell.ring()
        deadline = time.monotonic() + timeout_seconds
        for _ in self._spares:
            self._free.put(None)
        for thread in self._spares:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._committer.stop(timeout=None)
        loops = (self._async, self._async_attempts)
        ended = all([loop.stop(max(0.0, deadline - time.monotonic())) for loop in loops])
        ended = self._workers.stop(lambda: max(0.0, deadline - time.monotonic())) and ended
        return ended and not any(thread.is_alive() for thread in self._spares)

    def on_committer(self, work: Callable[[Store], Any]) -> Any:
        """Have *work* done with the store between two commits, and return its result."""
        answer: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def run(store: Store) -> None:
            try:
                answer.put((work(store), None))
            except BaseException as error:
                answer.put((None, error))

        try:
            self._committer.tell(run)
        except pykka.ActorDeadError:
            msg = "the node is closed; open the app again"
            raise NodeClosedError(msg) from None
        result, error = answer.get()
        if error is not None:
            raise error
        return result

    # ---- the baton ------------------------------------------------------------------------

    def _hold_baton(self) -> None:
        """Work with the baton until it is lost or all ends."""
        partition = self._partition
        assert partition is not None
        bell = self._bell
        active = self._active
        while not self._stop.is_set():
            if not active.is_set():
                active.set()
            try:
                if not partition.work():
                    return
            except NodeClosedError:  # users' code came back after the node was closed
                if self._stop.is_set():
                    return
                raise
            except Exception as error:
                logger.exception("a bug in perdure: the node stops", extra=self._fields)
                partition.recovery.give_up(error)
            due = partition.next_wake_micros()
            pause = limits.SWEEP_SECONDS
            if due is not None:
                pause = min(pause, max(0.0, (due - self.now_micros()) / 1e6))
            bell.sleep(pause, lambda: bool(partition.ingress) or self._stop.is_set())

    def invoke(self, step: Step) -> tuple[Any, BaseException | None] | None:
        """Run a step's code with the baton in the slot, where the watchdog may take it."""
        slot = self._slot
        slot.append(step)
        returned = run_step(step)
        try:
            slot.pop()
        except IndexError:
            self._slow_code.ended(step)
            self._return(step, returned, 1.0)
            return None
        return returned

    def _return(
        self, step: Step, returned: tuple[Any, BaseException | None], seconds: float
    ) -> None:
        partition = self._partition
        assert partition is not None
        partition.post(lambda: partition.returned(step, returned, seconds))

    def _tell_recovery(self, call: Callable[[Recovery], None]) -> None:
        partition = self._partition
        assert partition is not None
        partition.post(lambda: call(partition.recovery))

    def _watch(self) -> None:
        """Give the baton to a spare thread when the turn in hand takes too long."""
        seen: Step | None = None
        quiet = 0
        while not self._stop.is_set():
            time.sleep(limits.BLOCKED_SECONDS)
            if self._workers.are_behind():
                quiet = 0
            try:
                step = self._slot[0]
            except IndexError:
                step = None
            if step is None:
                quiet += 1
                if quiet > 20:
                    self._active.clear()
                    if self._bell.is_sleeping:  # else it might not see that we sleep
                        self._active.wait()
                    quiet = 0
            elif step is seen and self._has_spare():
                self._steal_baton()
                step = None
            else:
                quiet = 0
            seen = step

    def _has_spare(self) -> bool:
        return self._idle_spares > 0 or len(self._spares) < 2 * limits.SPARE_THREADS

    def _steal_baton(self) -> None:
        try:
            step = self._slot.pop()
        except IndexError:  # it has just ended
            return
        self._slow_code.lost_baton(step)
        self._slot = []  # the next holder's own: who lost the baton finds the old one empty
        self._submit(lambda: self._take_over(step))

    def _take_over(self, step: Step) -> None:
        partition = self._partition
        assert partition is not None
        partition.lost_baton(step.cell)
        self._hold_baton()

    # ---- code without the baton ------------------------------------------------------------

    def start(self, step: Step) -> None:
        """Run a step's code on a spare thread, or its coroutine on the event loop."""
        if step.is_async:
            loop = self._async_attempts if step.concurrent else self._async
            loop.run(lambda: self._run_async(step))
            return
        if step.concurrent:
            self._workers.submit(lambda: self._return(step, run_step(step), 1.0))
            if not self._active.is_set():
                self._active.set()
            return
        with self._counting:
            if self._alone >= limits.SPARE_THREADS:
                self._backlog.append(step)
                return
            self._alone += 1
        self._submit(lambda: self._run_alone(step))

    def _run_alone(self, step: Step) -> None:
        while True:
            begun = time.monotonic()
            returned = run_step(step)
            self._return(step, returned, time.monotonic() - begun)
            with self._counting:
                if not self._backlog:
                    self._alone -= 1
                    return
                step = self._backlog.popleft()

    async def _run_async(self, step: Step) -> None:
        try:
            result = await step.run()
        except BaseException as error:
            self._return(step, (None, error), 1.0)
        else:
            self._return(step, (result, None), 1.0)

    def _submit(self, work: Callable[[], None]) -> None:
        """Run *work* on a spare thread, a new one when none is free."""
        with self._counting:
            if self._idle_spares > 0:
                self._idle_spares -= 1
            else:
                name = f"perdure-turns-{len(self._spares)}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                self._spares.append(thread)
                thread.start()
        self._free.put(work)

    def _enter_turns(self) -> None:
        """The calling thread runs users' operations from now on."""
        self._in_turn.here = True

    def _serve(self) -> None:
        self._enter_turns()
        while True:
            work = self._free.get()
            if work is None:
                return
            work()
            with self._counting:
                self._idle_spares += 1

    # ---- the disk --------------------------------------------------------------------------

    def commit(self, batch: Batch, done: Callable[[BaseException | None], None]) -> None:
        """Have the committer write *batch*."""

        def write(store: Store) -> None:
            try:
                store.commit(batch)
            except Exception as error:
                done(error)
            else:
                done(None)

        try:
            self._committer.tell(write)
        except pykka.ActorDeadError:  # users' code came back after the node was closed
            logger.warning("what ended after the node was closed is not kept")

    def on_store(self, work: Callable[[Writer], object]) -> None:
        """Have the committer do *work* between two commits."""

        def attempt(store: Store) -> None:
            try:
                work(store)
            except StoreError as error:
                logger.warning("the store was not tidied: %s", error, extra=self._fields)

        self._committer.tell(attempt)

    def beside(self, work: Callable[[OnStore], object]) -> None:
        """Do *work* on a spare thread."""

        def attempt() -> None:
            try:
                work(self.on_committer)
            except Exception as error:
                logger.warning("the store was not tidied: %s", error, extra=self._fields)

        self._submit(attempt)

    def probe(self, done: Callable[[int], None]) -> None:
        """Have the committer try the store until it works again."""

        def attempt(store: Store) -> None:
            try:
                durable = store.probe()
            except StoreUnavailableError:
                if not self._stop.wait(limits.PROBE_SECONDS):
                    self._committer.tell(attempt)
            except StoreError as error:
                self._tell_recovery(partial(Recovery.store_failed, error=error))
            except Exception as error:
                logger.exception("the store cannot be tried", extra=self._fields)
                self._tell_recovery(partial(Recovery.give_up, error=error))
            else:
                done(durable)

        self._committer.tell(attempt)

    def pause(self, seconds: float) -> None:
        """Let the other threads work for a moment."""
        time.sleep(seconds)

    # ---- waiting ---------------------------------------------------------------------------

    def refuse_inside_turn(self, what: str) -> None:
        """Raise when the caller is users' code on one of the engine's threads."""
        if getattr(self._in_turn, "here", False):
            msg = (
                f"{what} inside an operation would wait for another turn, which could deadlock "
                "and would not be durable; send a signal instead, or await what an "
                "orchestrator's ctx gives: ctx.entity(…).call(…)"
            )
            raise NotAllowedHereError(msg)

    def wait(self, reply: Reply[Any], timeout_seconds: float | None) -> bool:
        """Block the calling thread until *reply* is resolved, at most *timeout_seconds*."""
        self.refuse_inside_turn("get()")
        lock = threading.Lock()
        lock.acquire()
        once = reply.when_resolved(lock.release)
        try:
            return lock.acquire(
                timeout=-1 if timeout_seconds is None else max(0.0, timeout_seconds)
            )
        finally:
            reply.forget(once)
