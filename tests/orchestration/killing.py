"""A program whose activities end its process; it takes the store and a file that spares it."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import perdure
from perdure.actors import limits

app = perdure.App("killing")
SLOW = 2


@app.activity
def quick(number: int) -> int:
    return number


@app.activity
def slow(path: str) -> str:
    """Goes on until it is told to end."""
    while not Path(path).exists():
        time.sleep(0.005)
    return "slow"


@app.activity
def kill(path: str) -> str:
    """Ends the process, unless it is told to live."""
    if not Path(path).exists():
        os._exit(9)
    return f"lived, attempt {perdure.activity_context().attempt > 1}"


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, path: str) -> list[Any]:
    tasks: list[Any] = [ctx.call_activity(slow, path) for _ in range(SLOW)]
    tasks += [ctx.call_activity(quick, number) for number in range(5)]
    tasks += [ctx.call_activity(kill, path)]
    return await perdure.when_all(tasks)


def main(store: str, path: str) -> None:
    """Run it until something is set aside, and tell what; or to its end."""
    limits.SUSPECT_SECONDS = 0.2
    with app.open(store) as client:
        ref = client.start_or_get(run, path, instance_id="i")
        while not (rows := list(client.quarantine())) and not Path(path).exists():
            time.sleep(0.005)
        if Path(path).exists():
            print(json.dumps(ref.result(30)))
            return
        at_work = ref.activities()
        while len(at_work) < SLOW:
            at_work = ref.activities()
        told = [[row.id, row.stream, row.attempts, row.reason] for row in rows]
        print(json.dumps([told, [attempt.name for attempt in at_work]]))
        sys.stdout.flush()
        os._exit(0)  # without a word, so that those at work are suspects of one crash more


if __name__ == "__main__":
    main(*sys.argv[1:])
