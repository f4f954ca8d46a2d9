"""Activities for a process pool: they are imported by the processes that run them."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

import perdure

app = perdure.App("computing")


@attrs.frozen
class Box:
    """A value that is no plain JSON."""

    width: int
    height: int


class Picky(Exception):  # noqa: N818 - as users name them
    """An exception that pickle cannot make again."""

    is_non_retriable = True

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.failure_properties = {"code": code}


@app.activity(pool="process")
def turn(box: Box) -> Box:
    return Box(box.height, box.width)


@app.activity(pool="process")
def where(_: None = None) -> int:
    return os.getpid()


@app.activity(pool="process")
def fail_pickily(code: int) -> None:
    raise Picky(code=code)


@app.activity(pool="process")
def give_what_has_no_form(_: None = None) -> Any:
    return object()


@app.activity(pool="process")
def leave(code: int) -> None:
    sys.exit(code)


@app.activity(pool="process")
def die(how: str) -> None:
    if how == "exit":
        os._exit(7)
    os.kill(os.getpid(), signal.SIGKILL)


@app.activity(pool="process")
def die_once(marker: str) -> str:
    """Ends its process at the first attempt."""
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(7)
    return "done"


@app.activity(pool="process")
def wait_for_file(path: str) -> int:
    while not Path(path).exists():
        time.sleep(0.005)
    return os.getpid()


@app.activity(pool="process")
def touch_and_hang(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(3600)


@app.activity(pool="process", timeout=timedelta(minutes=1))
def touch_and_hang_for_a_minute(path: str) -> None:
    touch_and_hang(path)


@app.activity(pool="process")
def ask_for_context(_: None = None) -> None:
    perdure.activity_context()


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, asked: tuple[str, Any]) -> Any:
    return await ctx.call_activity(*asked)


@app.orchestrator
async def run_turn(ctx: perdure.OrchestrationContext, box: Box) -> Box:
    return await ctx.call_activity(turn, box)


@app.orchestrator
async def run_again(ctx: perdure.OrchestrationContext, asked: tuple[str, Any]) -> Any:
    policy = perdure.RetryPolicy(
        first_retry_interval=timedelta(milliseconds=1), max_number_of_attempts=2
    )
    return await ctx.call_activity(*asked, retry_policy=policy)
