"""Activities in other processes: for work that computes, past this process's one GIL.

Each process does one attempt at a time, so one that dies takes only its own with it, and an
attempt whose result is not needed any more is stopped by ending its process. JSON and the
function's name are all that travels. Children are started by ``spawn``, since a fork would
share the store's handles.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from perdure.actors.answers import Answer, details_of, failure_of
from perdure.actors.failures import describe_failure
from perdure.errors import ActivityProcessDiedError, FailureDetails, NodeClosedError
from perdure.orchestration.definitions import ActivityDefinition, define_activity

DEATH_SECONDS = 10.0
"""How long a process may take to be gone after its pipe has broken."""


class Job(msgspec.Struct, array_like=True):
    """One attempt, on its way to a process."""

    module: str
    function: str
    name: str
    input: msgspec.Raw


_encode = msgspec.json.Encoder().encode
_answer = msgspec.json.Decoder(Answer).decode
_job = msgspec.json.Decoder(Job).decode


class FailedElsewhere(Exception):  # noqa: N818 - no error of its own: it carries one
    """An attempt has failed in another process; ``details`` tells why."""

    def __init__(self, details: FailureDetails) -> None:
        super().__init__(details.message)
        self.details = details


class Attempt(Protocol):
    """What a process is told of the attempt that it does."""

    def begin(self) -> None:
        """It begins now; raises CancelledError when it need not."""

    def when_cancelled(self, stop: Callable[[], object]) -> None:
        """Have *stop* called when its result is not needed any more."""


class Processes:
    """A pool of processes that starts with the first attempt."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(max(2, os.cpu_count() or 1))
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def run(
        self, function: Callable[..., Any], name: str, data: msgspec.Raw, attempt: Attempt
    ) -> bytes:
        """Have the activity *name* done in another process, and wait for its result as JSON.

        Raises:
            FailedElsewhere: it has failed there.
            ActivityProcessDiedError: its process has died; the next attempt has another one.
            CancelledError, NodeClosedError: it was not begun.
        """
        job = Job(function.__module__, function.__qualname__, name, data)
        with self._places:
            worker = self._take()
            try:
                attempt.begin()
                answer = worker.do(job, attempt)
            finally:
                self._give_back(worker)
        if answer.failure is not None:
            raise FailedElsewhere(details_of(answer.failure))
        return bytes(answer.result)

    def _take(self) -> Worker:
        with self._lock:
            if self._is_closed:
                msg = "the node was closed before the attempt began"
                raise NodeClosedError(msg)
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                self._all.discard(worker)
            worker = Worker()
            self._all.add(worker)
            return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.is_alive() and not self._is_closed:
                self._idle.append(worker)
            else:
                self._all.discard(worker)

    def close(self) -> None:
        """End all of them, also those at work."""
        with self._lock:
            self._is_closed = True
            workers, self._all = self._all, set()
            self._idle.clear()
        for worker in workers:
            worker.end()


class Worker:
    """One process of the pool."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(
            target=serve, args=(there,), name="perdure-activity", daemon=True
        )
        self._process.start()
        there.close()
        self._job: Job | None = None
        self._lock = threading.Lock()
        self._is_alive = True

    def is_alive(self) -> bool:
        """Whether it can do another job."""
        return self._is_alive and self._process.is_alive()

    def do(self, job: Job, attempt: Attempt) -> Answer:
        """Do one job.

        Raises:
            ActivityProcessDiedError: the process has died of it.
        """
        with self._lock:
            self._job = job
        attempt.when_cancelled(lambda: self._stop(job))
        try:
            self._pipe.send_bytes(_encode(job))
            return _answer(self._pipe.recv_bytes())
        except (EOFError, OSError):
            raise ActivityProcessDiedError(self._how_it_died(job.name)) from None
        finally:
            with self._lock:
                self._job = None

    def _stop(self, job: Job) -> None:
        """End the process if it is still at that job."""
        with self._lock:
            if self._job is job:
                self.end()

    def end(self) -> None:
        """End the process."""
        self._is_alive = False
        self._process.kill()

    def _how_it_died(self, name: str) -> str:
        self._is_alive = False
        self._process.join(DEATH_SECONDS)
        code = self._process.exitcode
        self._pipe.close()
        how = f"ended with exit code {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code}"
        return (
            f"the process of activity {name} {how}; a script that uses a process pool opens "
            'its store under `if __name__ == "__main__":`'
        )


# ---- in the other process ------------------------------------------------------------------


def serve(pipe: Connection) -> None:
    """Do what comes, one after the other, until the node is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the node decides what is still done
    while True:
        try:
            data = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        pipe.send_bytes(_encode(_done(_job(data))))


def _done(job: Job) -> Answer:
    try:
        definition = _definition(job.module, job.function, job.name)
        codec = definition.input
        given = [] if codec is None else [codec.decode(job.input)]
        result = definition.function(*given)
        return Answer(msgspec.Raw(definition.output.encode(result)))
    except BaseException as error:
        return Answer(failure=failure_of(describe_failure(error)))


@cache
def _definition(module: str, function: str, name: str) -> ActivityDefinition:
    return define_activity(attrgetter(function)(import_module(module)), name)
