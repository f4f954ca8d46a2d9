"""The app that the models know: boxes that count, and clerks that do as they are told.

An orchestration here is a loop over commands that come as events, so that any sequence of them
is a program; its model is a page long (``expected.py``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

import perdure

app = perdure.App(name="models")


@attrs.define
class Weather:
    """What the activities meet outside; it is not part of any store.

    Attributes:
        is_bad: whether they fail.
    """

    is_bad: bool = False


weather = Weather()


@app.entity
class Box(perdure.Entity):
    """Counts, remembers words, and passes things on."""

    total: int = 0
    words: list[str] = perdure.field(factory=list[str])

    def add(self, amount: int) -> int:
        self.total += amount
        return self.total

    def say(self, word: str, times: int = 1) -> list[str]:
        self.words.extend([word] * times)
        return self.words

    async def add_slowly(self, amount: int) -> int:
        self.total += amount
        return self.total

    def fail(self, amount: int) -> None:
        self.total += amount
        msg = "planned"
        raise ValueError(msg)

    def pass_on(self, key: str, amount: int) -> None:
        self.total -= amount
        self.context.entity(Box, key).signal(Box.add, amount)

    def remind(self, seconds: float, amount: int) -> None:
        later = self.context.entity(Box, self.context.id.key).options(
            at=timedelta(seconds=seconds)
        )
        later.signal(Box.add, amount)

    @perdure.readonly
    def look(self) -> int:
        return self.total

    @perdure.readonly
    def cheat(self) -> int:
        self.total += 1
        return self.total


@app.activity
def double(number: int) -> int:
    if weather.is_bad:
        msg = "bad weather"
        raise OSError(msg)
    return number * 2


@app.orchestrator
async def helper(ctx: perdure.OrchestrationContext, number: int) -> int:
    """A child: one activity."""
    return await ctx.call_activity(double, number)


@app.orchestrator
async def clerk(ctx: perdure.OrchestrationContext, total: int) -> int:
    """Does one command after the other, until one ends it."""
    number = 0
    while True:
        ctx.set_custom_status(total)
        verb, *values = await ctx.wait_for_external_event("do", list[Any])
        number += 1
        match verb:
            case "stop":
                return total
            case "raise":
                raise ValueError(total)
            case "again":
                ctx.continue_as_new(total)
                return 0
            case _:
                total += await _gain(ctx, number, verb, values)


async def _gain(
    ctx: perdure.OrchestrationContext, number: int, verb: str, values: list[Any]
) -> int:
    """What one command adds to the total."""
    match verb, values:
        case "add", [amount]:
            return int(amount)
        case "work", [amount]:
            return int(await ctx.call_activity(double, amount))
        case "sleep", [seconds]:
            await ctx.create_timer(timedelta(seconds=seconds))
            return 1
        case "child", [amount]:
            name = f"{ctx.instance_id}.{number}"
            return int(await ctx.call_sub_orchestrator(helper, amount, instance_id=name))
        case "call", [key, amount]:
            return int(await ctx.entity(Box, key).call(Box.add, amount))
        case "signal", [key, amount]:
            ctx.entity(Box, key).signal(Box.add, amount)
            return 0
        case "move", [source, target, amount]:
            await _move(ctx, source, target, amount)
            return 0
        case _:
            return 0


async def _move(
    ctx: perdure.OrchestrationContext, source: str, target: str, amount: int
) -> None:
    """All or nothing; an odd amount is refused in the middle."""
    first, second = ctx.entity(Box, source), ctx.entity(Box, target)
    try:
        async with ctx.transaction(first, second):
            await first.call(Box.add, -amount)
            if amount % 2:
                raise LookupError(amount)  # noqa: TRY301 - a transaction ends so
            await second.call(Box.add, amount)
    except LookupError:
        return


__all__ = ["Box", "Weather", "app", "clerk", "double", "helper", "weather"]
