"""Orchestrations as data: random programs of all that an orchestration can wait for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import perdure

app = perdure.App(name="programs")


@app.entity
class Till(perdure.Entity):
    total: int = 0

    def add(self, amount: int) -> int:
        self.total += amount
        return self.total


@app.activity
def double(number: int) -> int:
    return number * 2


@app.activity
def fail(number: int) -> int:
    raise ValueError(number)


POLICY = perdure.RetryPolicy(
    first_retry_interval=timedelta(seconds=1), max_number_of_attempts=2, jitter=0.5
)
Step = list[Any]


@app.orchestrator
async def program(ctx: perdure.OrchestrationContext, steps: list[Step]) -> list[Any]:
    """Does the steps one after the other."""
    results: list[Any] = []
    for step in steps:
        try:
            results.append(await _do(ctx, step))
        except perdure.TaskFailedError as error:
            results.append(error.details.error_type)
        except TimeoutError:  # two waited for the event, and the other got it
            results.append("too late")
    return results


async def _do(ctx: perdure.OrchestrationContext, step: Step) -> Any:
    match step:
        case ["all", tasks]:
            return await perdure.when_all([_task(ctx, each) for each in tasks])
        case ["any", tasks]:
            made = [_task(ctx, each) for each in tasks]
            return made.index(await perdure.when_any(made))
        case ["lock", amount, inner]:
            first, second = ctx.entity(Till, "a"), ctx.entity(Till, "b")
            async with ctx.lock_entities(first, second):
                await first.call(Till.add, amount)
                result = await _task(ctx, inner)
                await second.call(Till.add, -amount)
            return result
        case ["signal", amount]:
            ctx.entity(Till, "c").signal(Till.add, amount)
        case ["draw"]:
            return [str(ctx.new_uuid()), ctx.random.random(), ctx.patched("later")]
        case ["status", value]:
            ctx.set_custom_status(value)
        case _:
            return await _task(ctx, step)
    return None


def _task(ctx: perdure.OrchestrationContext, step: Step) -> perdure.Task[Any]:
    match step:
        case ["work", number]:
            return ctx.call_activity(double, number)
        case ["fail", number]:
            return ctx.call_activity(fail, number, retry_policy=POLICY)
        case ["sleep", seconds]:
            return ctx.create_timer(timedelta(seconds=seconds))
        case ["event", name]:
            return ctx.wait_for_external_event(name, int)
        case ["event_in_time", name]:
            return ctx.wait_for_external_event(name, int, timeout=timedelta(seconds=3))
        case ["child", steps]:
            return ctx.call_sub_orchestrator(program, steps)
        case ["call", amount]:
            return ctx.entity(Till, "d").call(Till.add, amount)
        case _:
            raise AssertionError(step)
