"""What the engine asks of the world: time, threads, the disk's thread. Two worlds implement it:
threads (``threads.py``) and the simulator (``simulated.py``), one seeded and single-threaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from perdure.actors.behavior import Step
from perdure.actors.replies import Reply, Waiter
from perdure.storage.ports import Store, Writer
from perdure.storage.records import Batch

OnStore = Callable[[Callable[[Store], int]], int]
"""Does something with the store between two commits, and gives what came of it."""


class Runtime(Waiter, Protocol):
    """Threads and clocks, behind a port; it runs the engine with the baton."""

    def now_micros(self) -> int:
        """The store's clock: microseconds since 1970 UTC, never going back."""
        ...

    def new_id(self) -> str:
        """A request id nobody used before."""
        ...

    def wake(self) -> None:
        """There is something in the ingress: have the baton's holder look, soon."""

    def commit(self, batch: Batch, done: Callable[[BaseException | None], None]) -> None:
        """Have *batch* written, then call *done* with the error, or ``None``. *done* does not
        hold the baton.
        """

    def on_store(self, work: Callable[[Writer], object]) -> None:
        """Have *work* done with the store between two commits, some time; errors are logged."""

    def beside(self, work: Callable[[OnStore], object]) -> None:
        """Have *work* done on a thread that holds up nobody, some time; errors are logged.

        What *work* is given does something with the store between two commits.
        """

    def probe(self, done: Callable[[int], None]) -> None:
        """Try the store until it works again; then call *done* with the last durable batch."""

    def invoke(self, step: Step) -> tuple[Any, BaseException | None] | None:
        """Run a step's code and return its result or error.

        ``None`` means that it took too long and the baton went to another thread meanwhile:
        the caller must not touch the engine any more. The result reaches it later as
        ``returned``.
        """

    def start(self, step: Step) -> None:
        """Run a step's code, or its coroutine, without the baton; the result reaches the engine
        later as ``returned``.
        """

    def refuse_inside_turn(self, what: str) -> None:
        """Raise NotAllowedHereError when called by users' code inside a turn."""

    def wait(self, reply: Reply[Any], timeout_seconds: float | None) -> bool:
        """Return once *reply* is resolved (true), or after the timeout (false)."""
        ...
