"""An asyncio event loop whose time is not the wall's: sleeping takes no time, and the order in
which things happen is always the same.

It has no selector, no sockets and no threads. ``asyncio.sleep``, ``timeout``, ``wait_for``,
queues, locks and tasks work; what would reach outside is refused by name.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn, Protocol, TypeVar

import attrs

from perdure.errors import NotAllowedHereError

R = TypeVar("R")

_Loop: Any = asyncio.AbstractEventLoop
"""Untyped, since to a type checker all of its fifty methods are abstract."""

_OUTSIDE = (
    "getaddrinfo getnameinfo create_connection create_server create_datagram_endpoint "
    "create_unix_connection create_unix_server connect_accepted_socket start_tls sendfile "
    "sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto "
    "sock_connect sock_accept sock_sendfile connect_read_pipe connect_write_pipe "
    "subprocess_shell subprocess_exec add_reader remove_reader add_writer remove_writer "
    "add_signal_handler remove_signal_handler run_forever run_until_complete stop"
).split()


class Scheduler(Protocol):
    """What lets things happen, now or when virtual time has passed."""

    def now_micros(self) -> int:
        """The virtual time."""
        ...

    def task(self, name: str, call: Callable[[], None]) -> None:
        """Have *call* happen, some time."""

    def after(self, seconds: float, name: str, call: Callable[[], None]) -> None:
        """Have *call* happen once *seconds* have passed."""


class VirtualLoop(_Loop):  # type: ignore[misc]  # see _Loop
    """Runs coroutines in the steps and by the clock of a scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._began_micros = scheduler.now_micros()
        self._ready: deque[asyncio.Handle] = deque()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._crash: BaseException | None = None
        self._closed = False

    def begin(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have the coroutine that *make* makes run; what it raises ends the process."""
        self.create_task(self._watched(make))

    async def _watched(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await make()
        except BaseException as error:
            if not self._closed:
                self._crash = error

    @property
    def is_inside(self) -> bool:
        """Whether the code that asks runs on it."""
        return events._get_running_loop() is self  # noqa: SLF001

    # ---- its own small event loop --------------------------------------------------------

    def _run_ready(self) -> None:
        """Run what was ready when this began, in order, as asyncio does."""
        before = events._get_running_loop()  # noqa: SLF001 - how loops announce themselves
        events._set_running_loop(self)  # noqa: SLF001
        try:
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - a handle's half of the loop
                self._raise_crash()
        finally:
            events._set_running_loop(before)  # noqa: SLF001
        if self._ready:
            self._scheduler.task("async", self._run_ready)

    def _raise_crash(self) -> None:
        crash, self._crash = self._crash, None
        if crash is not None:
            raise crash

    def _add_ready(self, handle: asyncio.Handle) -> None:
        self._ready.append(handle)
        if len(self._ready) == 1 and not self._closed:
            self._scheduler.task("async", self._run_ready)

    # ---- asyncio's side ------------------------------------------------------------------

    def time(self) -> float:
        """Seconds of virtual time since the loop began."""
        return (self._scheduler.now_micros() - self._began_micros) / 1_000_000

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Have *callback* called after all that are ready."""
        handle = asyncio.Handle(callback, args, self, context)
        self._add_ready(handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As ``call_soon``: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Have *callback* called once *delay* seconds of virtual time have passed."""
        handle = asyncio.TimerHandle(self.time() + delay, callback, args, self, context)

        def due() -> None:
            if not handle.cancelled():
                self._add_ready(handle)

        self._scheduler.after(max(0.0, delay), "async timer", due)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Have *callback* called at a time of this loop's clock."""
        return self.call_later(when - self.time(), callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A timer was cancelled: it does nothing when it is due."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Have a coroutine run beside the others."""
        task = asyncio.Task(coro, loop=self, **options)
        self._tasks[task] = None  # one that waits is held by nobody else
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def run_in_executor(
        self, executor: Any, func: Callable[..., R], *args: Any
    ) -> asyncio.Future[R]:
        """Run *func* at once: a thread's place in the order of things would be chance."""
        future: asyncio.Future[R] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What went wrong in a callback is raised where things are made to happen."""
        error = context.get("exception")
        if isinstance(error, BaseException) and not self._closed and "future" not in context:
            self._crash = error

    def get_debug(self) -> bool:
        """Never."""
        return False

    def is_running(self) -> bool:
        """As long as it is not closed."""
        return not self._closed

    def is_closed(self) -> bool:
        """Whether nothing more happens."""
        return self._closed

    def close(self) -> None:
        """Let nothing more happen; what waits ends here, as with a process."""
        self._closed = True
        self._ready.clear()
        tasks, self._tasks = list(self._tasks), {}
        for task in tasks:
            unwatched: Any = task
            unwatched._log_destroy_pending = False  # noqa: SLF001 - it is left on purpose
            with suppress(Exception):  # whatever its clean-up does, its process is gone
                unwatched.get_coro().close()

    async def shutdown_asyncgens(self) -> None:
        """There is nothing to shut down."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is nothing to shut down."""


def _refused(name: str) -> Callable[..., NoReturn]:
    def refuse(self: VirtualLoop, *args: Any, **kwargs: Any) -> NoReturn:
        msg = (
            f"{name} reaches outside, which cannot be simulated; in a test, put something else "
            "in its place"
        )
        raise NotAllowedHereError(msg)

    return refuse


for _name in _OUTSIDE:
    setattr(VirtualLoop, _name, _refused(_name))


@attrs.define(eq=False)
class _Alone:
    """A scheduler for one coroutine and nothing beside it."""

    micros: int
    tasks: deque[Callable[[], None]] = attrs.Factory(deque[Callable[[], None]])
    later: list[tuple[int, int, Callable[[], None]]] = attrs.Factory(
        list[tuple[int, int, Callable[[], None]]]
    )
    count: int = 0

    def now_micros(self) -> int:
        return self.micros

    def task(self, name: str, call: Callable[[], None]) -> None:
        self.tasks.append(call)

    def after(self, seconds: float, name: str, call: Callable[[], None]) -> None:
        self.count += 1
        due = self.micros + round(seconds * 1_000_000)
        heapq.heappush(self.later, (due, self.count, call))

    def step(self) -> bool:
        if self.tasks:
            self.tasks.popleft()()
        elif self.later:
            due, _, call = heapq.heappop(self.later)
            self.micros = max(self.micros, due)
            call()
        else:
            return False
        return True


def run_virtually(coroutine: Coroutine[Any, Any, R], now_micros: int) -> R:
    """Run *coroutine* to its end by a clock of its own, which takes no time.

    Raises:
        NotAllowedHereError: it waits for something outside.
    """
    alone = _Alone(now_micros)
    loop = VirtualLoop(alone)
    results: list[R] = []
    errors: list[BaseException] = []

    async def run() -> None:
        try:
            results.append(await coroutine)
        except (Exception, asyncio.CancelledError) as error:
            errors.append(error)

    loop.begin(run)
    while not results and not errors and alone.step():
        pass
    loop.close()
    if errors:
        raise errors[0]
    if not results:
        msg = (
            "the operation waits for something that nothing in it brings about; in a test, put "
            "something else in its place"
        )
        raise NotAllowedHereError(msg)
    return results[0]
