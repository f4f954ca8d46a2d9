"""Once in a while: has the store forget what is too old."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

from perdure.actors import limits
from perdure.actors.recovery import Recovery
from perdure.actors.requests import Requests
from perdure.actors.retention import Retention
from perdure.actors.runtime import OnStore, Runtime
from perdure.storage.ports import Reader


class Host(Protocol):
    """What it asks of the partition."""

    now: int
    runtime: Runtime
    recovery: Recovery
    requests: Requests

    def post(self, call: Callable[[], None]) -> None:
        """Have *call* made with the baton, soon; for any thread."""


class Tidying:
    """When to look for outcomes that have expired, and for history that is too old."""

    def __init__(self, host: Host, reader: Reader, retention: Retention) -> None:
        self._host = host
        self._reader = reader
        self._retention = retention
        self._outcomes_micros = host.now + _pause()
        self._history_micros = host.now if retention else sys.maxsize

    def look(self) -> None:
        """Begin what is due."""
        host = self._host
        if host.now >= self._outcomes_micros:
            self._outcomes_micros = host.now + _pause()
            host.runtime.on_store(host.requests.expire)
        if host.now >= self._history_micros and not host.recovery.careful:
            self._history_micros = sys.maxsize  # one look at a time
            host.runtime.beside(self._drop_old)

    def _drop_old(self, on_store: OnStore) -> None:
        """Drop some of what is older than its kind keeps; without the baton."""
        pause = _pause()
        try:
            if self._retention.step(self._reader, on_store, self._host.runtime.now_micros()):
                pause = 0
        finally:
            self._host.post(lambda: self._dropped(pause))

    def _dropped(self, pause_micros: int) -> None:
        self._history_micros = self._host.now + pause_micros


def _pause() -> int:
    return int(limits.TIDY_SECONDS * 1_000_000)
