"""What a running attempt of an activity knows of itself, and how it tells that it is alive."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import msgspec

from perdure.actors.logs import ContextLogger
from perdure.actors.messages import Message
from perdure.actors.tracing import Tracer, trace_id
from perdure.errors import ActivityTimeoutError, CancelledError, NotAllowedHereError
from perdure.orchestration import effects
from perdure.orchestration.definitions import ActivityDefinition, encode_plain

_NONE: deque[Callable[[], object]] = deque()
"""Nothing is to be stopped. It stays empty."""

_decode = msgspec.json.Decoder().decode
_current: ContextVar[ActivityContext] = ContextVar("perdure_activity")


class ActivityContext:
    """What a running attempt knows of itself, and how it tells that it is alive.

    Attributes:
        instance_id: of the orchestration that asked for it.
        task_id: of its task there.
        attempt: from 1; more after each retry, and when a crash may have cut off others.
        idempotency_key: the same for all attempts at one task, also those of its retry policy:
            give it to outside systems so that they do it once.
    """

    def __init__(
        self,
        message: Message,
        definition: ActivityDefinition,
        *,
        attempt: int,
        first: int,
        client: Callable[[], Any],
        now_micros: Callable[[], int],
        tracer: Tracer | None = None,
    ) -> None:
        """For one attempt (engine only); *first* is the task of the first one, 0: this."""
        self.instance_id = message.caller
        self.orchestration_id = message.caller
        generation, self.task_id = effects.task_of(message.request_id)
        self.attempt = attempt
        self.idempotency_key = f"{message.caller}:{generation}:{first or self.task_id}"
        self.name = definition.name
        self.begun_micros = 0
        self.beat_micros = 0
        self.ended_micros = 0
        self.parent_trace = message.trace
        self.trace = message.trace if tracer is None else tracer.child(message.trace)
        self._tracer = tracer
        self._client = client
        self._now = now_micros
        self._progress = b"null"
        self._cancelled: str | None = None
        self._stops: deque[Callable[[], object]] = _NONE

    @property
    def client(self) -> Any:
        """A client of the same store, to raise events or signal entities."""
        return self._client()

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger ``perdure.activity.NAME``; whose records say what they are about."""
        fields: dict[str, str | int] = {
            "instance_id": self.instance_id,
            "activity": self.name,
            "task_id": self.task_id,
            "attempt": self.attempt,
        }
        if self.trace:
            fields["trace_id"] = trace_id(self.trace)
        return ContextLogger(logging.getLogger(f"perdure.activity.{self.name}"), fields)

    @property
    def progress(self) -> Any:
        """What the last heartbeat told."""
        return _decode(self._progress)

    @property
    def is_cancelled(self) -> bool:
        """Whether its result is not needed any more."""
        return self._cancelled is not None

    def heartbeat(self, progress: Any = None) -> None:
        """Tell that the attempt is alive, and how far it is.

        Args:
            progress: any JSON value, for whoever asks the orchestration's ``activities()``.

        Raises:
            CancelledError: its result is not needed any more: stop.
            EncodingError: *progress* has no JSON form.
        """
        self._progress = bytes(encode_plain(progress, f"the progress of {self.name}"))
        self.beat_micros = self._now()
        self.raise_if_cancelled()

    def raise_if_cancelled(self) -> None:
        """Stop here when the result is not needed any more.

        Raises:
            CancelledError: it is not.
        """
        if self._cancelled is not None:
            raise CancelledError(self._cancelled)

    # ---- for the engine -------------------------------------------------------------------

    def begin(self) -> None:
        """Its code runs from now on (engine only).

        Raises:
            CancelledError: it need not.
        """
        self.raise_if_cancelled()
        self.begun_micros = self.beat_micros = self._now()

    def enter(self) -> Callable[[], None]:
        """It is what ``activity_context()`` gives here, until what is returned is called
        (engine only).
        """
        token = _current.set(self)
        if self._tracer is None:
            return lambda: _current.reset(token)
        leave = self._tracer.enter(self.trace)

        def leave_both() -> None:
            self.end()
            leave()
            _current.reset(token)

        return leave_both

    def end(self) -> None:
        """Its code has ended, which its span tells, and need not be stopped (engine only)."""
        self._stops = _NONE
        if self._tracer is not None:
            self.ended_micros = self._now()

    def cancel(self, reason: str) -> None:
        """Its result is not needed any more (engine only)."""
        self._cancelled = reason
        self._stop()

    def when_cancelled(self, stop: Callable[[], object]) -> None:
        """Have *stop* called, once, when it is cancelled; at once if it was (engine only)."""
        self._stops = deque([stop])
        if self.is_cancelled:
            self._stop()

    def _stop(self) -> None:
        while self._stops:
            try:
                stop = self._stops.pop()
            except IndexError:  # another thread was there first
                return
            stop()

    def look_again(self, definition: ActivityDefinition, now: int) -> int | None:
        """Whether it may go on; when to look next (engine only).

        Raises:
            ActivityTimeoutError: it took too long, or was silent for too long.
        """
        looks: list[int] = []
        timeout, silence = definition.timeout_micros, definition.heartbeat_micros
        begun = self.begun_micros or now
        if timeout:
            looks.append(begun + timeout)
            self._check(looks[-1], now, f"took longer than {_text(timeout)}")
        if silence:
            looks.append((self.beat_micros or now) + silence)
            self._check(looks[-1], now, f"sent no heartbeat for {_text(silence)}")
        return min(looks, default=None)

    def _check(self, until: int, now: int, what: str) -> None:
        if now >= until:
            self.cancel(what)
            msg = f"activity {self.name} of {self.instance_id!r} {what}, attempt {self.attempt}"
            raise ActivityTimeoutError(msg)


def _text(micros: int) -> str:
    return str(timedelta(microseconds=micros))


def activity_context() -> ActivityContext:
    """The context of the attempt that is running here.

    Raises:
        NotAllowedHereError: no activity is running here.
    """
    try:
        return _current.get()
    except LookupError:
        msg = "activity_context() works inside an activity only, and in no process pool"
        raise NotAllowedHereError(msg) from None
