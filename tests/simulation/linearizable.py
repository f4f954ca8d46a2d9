"""Whether calls of one entity, as their callers saw them, can have happened one by one.

Each call takes effect at one moment between its beginning and its end. The search tries which
one was first, and goes on with what that left; what it has tried already it does not try again.
A call without an outcome may have happened at any time since it began, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import msgspec

from perdure.testing import Ask, World

NEVER = 1 << 62


@attrs.frozen
class Call:
    """One call of a register.

    Attributes:
        entity: which one.
        operation: ``add``, ``swap`` or ``read``.
        arguments: what it was given.
        began: the step at which it was sent.
        ended: the step at which its answer came.
        result: its answer; nothing is known of it when it has not ended.
    """

    entity: str
    operation: str
    arguments: tuple[Any, ...]
    began: int
    ended: int = NEVER
    result: Any = None

    @classmethod
    def of(cls, ask: Ask) -> Call:
        """The call that a request was."""
        sent = ask.message
        given: Any = msgspec.json.decode(sent.input) if sent.input else None
        arguments: tuple[Any, ...] = (
            tuple(given.values()) if sent.form == "object" else (given,)
        )
        ended = ask.ended if ask.outcome == "acknowledged" else NEVER
        key = sent.target.rpartition("@")[2]
        values: tuple[Any, ...] = arguments if sent.form else ()
        return cls(key, sent.operation, values, ask.began, ended, ask.result)


def applied(value: int, call: Call) -> tuple[int, Any]:
    """What a register holds after a call, and what it answers."""
    match call.operation:
        case "add":
            return value + call.arguments[0], value + call.arguments[0]
        case "swap":
            expected, new = call.arguments
            return (new, True) if value == expected else (value, False)
        case _:
            return value, value


def explain(calls: Sequence[Call], value: int) -> str:
    """What is wrong with *calls* of a register that held *value*; empty when nothing is."""
    calls = sorted(calls, key=lambda call: (call.began, call.ended))
    answered = sum(1 << place for place, call in enumerate(calls) if call.ended != NEVER)
    tried: set[tuple[int, int]] = set()
    waiting = [(0, value)]
    furthest = 0
    while waiting:
        done, value = waiting.pop()
        if done & answered == answered:
            return ""
        if (done, value) in tried:
            continue
        tried.add((done, value))
        furthest = max(furthest, done & answered, key=int.bit_count)
        left = [place for place in range(len(calls)) if not done >> place & 1]
        first_end = min(calls[place].ended for place in left)
        # what began later came after one that is still to be done
        open_now = [place for place in left if calls[place].began <= first_end]
        fitting: list[tuple[int, int]] = []
        for place in open_now:
            call = calls[place]
            after, result = applied(value, call)
            if call.ended == NEVER or result == call.result:
                fitting.append((done | 1 << place, after))
                if after == value and call.ended != NEVER:
                    del fitting[:-1]  # it changes nothing: now is as good a moment as any
                    break
        waiting += fitting
    stuck = [call for place, call in enumerate(calls) if not furthest >> place & 1]
    return f"no order explains {next(call for call in stuck if call.ended != NEVER)}"


def check_registers(world: World, keys: Iterable[str], others: Sequence[Call]) -> None:
    """What clients were told by registers fits together, and with the calls of *others*.

    Raises:
        AssertionError: it does not.
    """
    asked = [ask for ask in world.asks if ask.message.target.startswith("@register@")]
    calls = [*map(Call.of, asked), *others]
    for key in keys:
        wrong = explain([call for call in calls if call.entity == key], 0)
        assert not wrong, f"register {key}: {wrong}"
