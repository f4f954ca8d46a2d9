"""The audit log: who did what to a store, when, and what came of it.

Each entry is one line of JSON for the logger ``perdure.audit``; ``serve`` writes them to a file
beside the store. Neither what was passed along nor any secret is in it.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
from collections.abc import Callable
from datetime import datetime

import msgspec
from starlette.requests import Request

from perdure.errors import StoreOpenError
from perdure.gateway.http.operations import Operation
from perdure.gateway.security.access import Identity

logger = logging.getLogger("perdure.audit")

FILE_BYTES = 10 * 1024 * 1024
FILES = 10
"""A file of that size is put aside; so many are kept."""

_write = msgspec.json.Encoder().encode


class Audit:
    """Writes down what was done."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def note(
        self, request: Request, identity: Identity, operation: Operation, status: int
    ) -> None:
        """One operation, done or refused."""
        entry = {
            "time": self._now(),
            "who": identity.name,
            "role": identity.role,
            "by": identity.by,
            "from": request.client.host if request.client else "",
            "method": operation.method,
            "path": operation.path,
            "target": {name: str(value) for name, value in request.path_params.items()},
            "status": status,
            "result": "done" if status < 400 else "refused" if status < 500 else "failed",
        }
        logger.info("%s", _write(entry).decode())


class AuditFile:
    """A file of the audit log, written by a thread of its own; put aside when it is large."""

    def __init__(self, path: str) -> None:
        """Write to the file at *path*, which only its owner may read.

        Raises:
            StoreOpenError: it cannot be written.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        try:
            os.close(os.open(path, flags, 0o600))
        except OSError as error:
            msg = f"the audit log {path!r} cannot be written: {error.strerror}"
            raise StoreOpenError(msg) from error
        file = logging.handlers.RotatingFileHandler(
            path, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8"
        )
        waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._handler = logging.handlers.QueueHandler(waiting)
        self._listener = logging.handlers.QueueListener(waiting, file)
        self._file = file
        self._before = (logger.level, logger.propagate)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(self._handler)
        self._listener.start()

    def close(self) -> None:
        """Write what is left, and end."""
        logger.removeHandler(self._handler)
        self._listener.stop()
        self._file.close()
        logger.level, logger.propagate = self._before
