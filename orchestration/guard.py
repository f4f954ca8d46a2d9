"""Guards an orchestrator against asyncio: its calls would not survive a restart.

While an orchestrator's code runs, an object stands where asyncio looks for the running loop;
whatever is asked of it is an error that names the durable replacement.
"""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from perdure.errors import NotDurableError

_ANY = "perdure.when_any([task, ctx.create_timer(…)])"
_INSTEAD = {
    "create_future": "await ctx.create_timer(…) instead of asyncio.sleep, "
    f"{_ANY} instead of wait_for, and another task of ctx instead of a future",
    "create_task": "perdure.when_all([…]) over tasks of ctx instead of create_task or gather",
    "current_task": f"perdure.when_all([…]) instead of a TaskGroup, {_ANY} instead of wait_for",
    "run_in_executor": "await ctx.call_activity(…) instead of a thread",
    "time": f"ctx.current_utc_datetime, and {_ANY} instead of asyncio.timeout",
}


class _GuardLoop:
    """Stands in for an event loop."""

    def create_task(self, coroutine: Any, **_: Any) -> NoReturn:
        """Refuse; the coroutine will never be awaited, and shall not be missed."""
        coroutine.close()
        _refuse("create_task")

    def __hash__(self) -> int:
        _refuse("current_task")  # asyncio looks up the running task by its loop

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)


def _refuse(name: str) -> NoReturn:
    instead = _INSTEAD.get(name, "what ctx offers; do I/O in activities")
    msg = f"asyncio works in no orchestrator ({name}): use {instead}"
    raise NotDurableError(msg)


_GUARD: Any = _GuardLoop()


class guarded:  # noqa: N801 - it reads as a function
    """Has asyncio refuse to work in the block."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = asyncio._get_running_loop()  # noqa: SLF001
        asyncio._set_running_loop(_GUARD)  # noqa: SLF001

    def __exit__(self, *_: object) -> None:
        asyncio._set_running_loop(self._before)  # noqa: SLF001


def refuse(awaited: object) -> NotDurableError:
    """The error for awaiting something that is not durable."""
    what = "nothing (asyncio.sleep(0)?)" if awaited is None else repr(awaited)
    return NotDurableError(
        f"an orchestrator awaits {what}; await only what ctx gives: ctx.call_activity(…), "
        "ctx.create_timer(…), perdure.when_all([…]) …"
    )
