"""Replies: what a caller holds while its message is on its way.

A reply works blocking (``get``) and with ``await``. It is ours and not pykka's future, since
that one's ``__await__`` blocks the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from perdure.actors.behavior import Outcome
from perdure.errors import InvalidInputError, OperationFailedError, ReplyTimeoutError

T_co = TypeVar("T_co", covariant=True)

LONGEST_SECONDS = 1_000_000_000
"""The longest wait with an end: about 31 years. Locks of threads know no infinity."""


class Waiter(Protocol):
    """How a runtime lets a caller wait; the threads' and the simulator's differ."""

    def wait(self, reply: Reply[Any], timeout_seconds: float | None) -> bool:
        """Return once *reply* is resolved (true), or after the timeout (false)."""
        ...


def _bytes(data: bytes) -> Any:
    return data


class Reply(Generic[T_co]):
    """The answer to one call or signal, once it is durable.

    Attributes:
        request_id: repeating the request with this id is safe for seven days.
    """

    __slots__ = (
        "_callbacks",
        "_decode",
        "_outcome",
        "_waiter",
        "operation",
        "request_id",
        "target",
    )

    def __init__(
        self,
        waiter: Waiter,
        target: str,
        operation: str,
        request_id: str,
        decode: Callable[[bytes], T_co] = _bytes,
    ) -> None:
        self._waiter = waiter
        self._decode = decode
        self._outcome: Outcome | BaseException | None = None
        self._callbacks: list[Callable[[], None]] | None = None
        self.target = target
        self.operation = operation
        self.request_id = request_id

    def resolve(self, outcome: Outcome | BaseException) -> None:
        """Let everybody who waits know; only the first resolution counts (engine only)."""
        if self._outcome is None:
            self._outcome = outcome
            callbacks = self._callbacks
            if callbacks:
                self._callbacks = None
                for callback in tuple(callbacks):  # another thread may forget one meanwhile
                    callback()

    def when_resolved(self, callback: Callable[[], None]) -> Once:
        """Call *callback* once, on an engine thread, as soon as there is an outcome.

        Returns:
            What :meth:`forget` takes.
        """
        once = Once(callback)
        callbacks = self._callbacks
        if callbacks is None:
            callbacks = self._callbacks = []
        callbacks.append(once)
        if self._outcome is not None:  # resolved meanwhile, perhaps without seeing the callback
            once()
        return once

    def forget(self, once: Once) -> None:
        """Nobody waits for that callback any more: whoever asks again and again leaves none."""
        callbacks = self._callbacks
        if callbacks is not None:
            with suppress(ValueError):
                callbacks.remove(once)

    @property
    def done(self) -> bool:
        """Whether there is an answer; then :meth:`get` returns at once."""
        return self._outcome is not None

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for it now."""
        return bool(self._callbacks)

    def get(self, timeout: float | None = None) -> T_co:
        """Wait for the answer, at most *timeout* seconds.

        Raises:
            OperationFailedError: the operation raised; its effects were undone.
            ReplyTimeoutError: no answer yet; it may still come.
            OutcomeUnknownError: the disk failed; repeat with the same request id.
            NotAllowedHereError: called inside an operation.
            InvalidInputError: the timeout is no number of seconds.
        """
        if timeout is not None:
            check_seconds(timeout)
        outcome = self._outcome
        if outcome is None:
            if not self._waiter.wait(self, timeout):
                raise ReplyTimeoutError(
                    self.request_id, timeout or 0.0, self.target, self.operation
                )
            outcome = self._outcome
            assert outcome is not None
        try:
            return self._answer(outcome)
        finally:
            del self, outcome  # the traceback of an error would lead back to it, in a circle

    def _answer(self, outcome: Outcome | BaseException) -> T_co:
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del self, outcome
        if outcome.failure is not None:
            raise OperationFailedError(self.target, self.operation, outcome.failure)
        return self._decode(outcome.result)

    def __await__(self) -> Generator[Any, None, T_co]:
        if self._outcome is None:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()

            def finish() -> None:
                if not future.done():
                    future.set_result(None)

            def ring() -> None:
                with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                    loop.call_soon_threadsafe(finish)

            once = self.when_resolved(ring)
            try:
                yield from future.__await__()
            finally:
                self.forget(once)
        assert self._outcome is not None
        try:
            return self._answer(self._outcome)
        finally:
            del self

    def __repr__(self) -> str:
        state = "done" if self.done else "waiting"
        return f"<Reply {self.target} {self.operation} {self.request_id} {state}>"


def check_seconds(timeout: object) -> None:
    """Raise unless *timeout* is a number of seconds that can be waited for."""
    if not isinstance(timeout, int | float) or not 0 <= timeout <= LONGEST_SECONDS:
        msg = f"timeout={timeout!r}: use seconds from 0 to {LONGEST_SECONDS}, None for ever"
        raise InvalidInputError(msg)


class Once:
    """A callback that two threads may both call and that runs once."""

    __slots__ = ("_left",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._left = [callback]

    def __call__(self) -> None:
        """Call it, unless that was done."""
        try:
            callback = self._left.pop()  # atomic: one of two callers gets it
        except IndexError:
            return
        callback()
