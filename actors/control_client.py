"""Asks the process that owns a store to do something; what the command line uses."""

from __future__ import annotations

import os
import socket
import time
from typing import Self

from perdure.actors import control
from perdure.actors.faults import error_of
from perdure.errors import NodeClosedError, OutcomeUnknownError, PerdureError

ANSWER_SECONDS = 60.0
"""How long an answer may take that waits for no operation."""

RETRY_SECONDS = 0.02


class ControlClient:
    """A connection to the owner of a store."""

    def __init__(self, connection: socket.socket, store: str) -> None:
        self._connection = connection
        self._store = store

    @classmethod
    def connect(cls, store: str) -> ControlClient | None:
        """Reach the process that has *store* open; ``None`` when none answers there.

        Raises:
            NodeClosedError: it cannot be reached, or somebody else listens in its place.
        """
        path = control.socket_path(store)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(ANSWER_SECONDS)
        try:
            _connect(connection, path)
            keeper = os.stat(os.path.realpath(store)).st_uid
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except OSError as error:
            connection.close()
            msg = f"cannot reach the process that has store {store!r} open: {error.strerror}"
            raise NodeClosedError(msg) from error
        if not control.is_trusted(connection, keeper):
            connection.close()
            msg = f"{path!r} is served by another user; remove it"
            raise NodeClosedError(msg)
        return cls(connection, store)

    def ask(self, request: control.AnyRequest) -> bytes:
        """Have *request* done and return the answer, as JSON.

        Raises:
            PerdureError: what the other side raised.
            OutcomeUnknownError: it ended before it answered; repeat with the same request id.
            NodeClosedError: the same for what has no request id.
        """
        seconds: float | None = ANSWER_SECONDS
        match request:
            case control.Call():
                seconds = request.timeout_seconds + ANSWER_SECONDS
            case control.Purge() | control.Orchestrate(timeout_seconds=None):
                seconds = None
            case control.Orchestrate(timeout_seconds=float(extra)):
                seconds = extra + ANSWER_SECONDS
            case _:
                pass
        self._connection.settimeout(seconds)
        try:
            control.send_frame(self._connection, request)
            data = control.receive_frame(self._connection)
        except OSError as error:
            raise self._gone(request, error.strerror or str(error)) from error
        if data is None:
            raise self._gone(request, "it ended")
        return value_of(control.read_answer(data))

    def _gone(self, request: control.AnyRequest, why: str) -> PerdureError:
        if isinstance(request, control.Signal | control.Call):
            return OutcomeUnknownError(request.request_id, f"no answer: {why}")
        msg = f"the process that owns store {self._store!r} did not answer: {why}; try again"
        return NodeClosedError(msg)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _connect(connection: socket.socket, path: str) -> None:
    """Connect; where the kernel's list of those who wait is full, wait for room in it."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            connection.connect(path)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


def value_of(answer: control.Answer) -> bytes:
    """The value of an answer, as JSON.

    Raises:
        PerdureError: the answer is that error, of the same class as there.
    """
    if answer.fault is not None:
        raise error_of(answer.fault)
    return bytes(answer.value)
