"""Children forked from a warm parent, before any store is opened: they cost milliseconds."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

POLL_SECONDS = 0.002


class ChildFailedError(Exception):
    """A child did not end as a child may."""


def run_child(
    work: Callable[[], object], *, kill_after: float | None = None, timeout: float = 60.0
) -> bool:
    """Run *work* in a child and wait for its end; true when it was killed.

    Args:
        work: what the child does.
        kill_after: seconds after which it is killed from outside.
        timeout: after which a child that hangs is an error.

    Raises:
        ChildFailedError: it raised, ended in another way, or did not end.
    """
    pid = os.fork()
    if pid == 0:
        _be_the_child(work)
    until = time.monotonic() + (timeout if kill_after is None else kill_after)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return _was_killed(status)
        if time.monotonic() >= until:
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if kill_after is None:
                msg = f"a child did not end within {timeout} seconds"
                raise ChildFailedError(msg)
            return _was_killed(status)
        time.sleep(POLL_SECONDS)


def _be_the_child(work: Callable[[], object]) -> None:
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _was_killed(status: int) -> bool:
    code = os.waitstatus_to_exitcode(status)
    if code not in {0, -signal.SIGKILL}:
        msg = f"a child ended with {code}; what it raised is above"
        raise ChildFailedError(msg)
    return code != 0
