"""The checker of linearizability finds each stale and each doubled reply, and nothing else."""

from __future__ import annotations

import random

import attrs
import pytest

from tests.simulation.linearizable import NEVER, Call, explain


def sums(seed: int) -> list[Call]:
    """Additions and reads by three callers that overlap, one after the other in effect."""
    draw = random.Random(seed)
    calls: list[Call] = []
    value = 0
    for moment in range(10, 410, 10):
        adds = draw.random() < 0.6
        given = (draw.randint(1, 9),) if adds else ()
        value += sum(given)
        began, ended = moment - draw.randint(0, 14), moment + draw.randint(1, 14)
        calls.append(Call("r", "add" if adds else "read", given, began, ended, value))
    return calls


@pytest.mark.parametrize("seed", range(10))
def test_what_happened_one_by_one_is_explained(seed: int) -> None:
    assert explain(sums(seed), 0) == ""


def stale(calls: list[Call], draw: random.Random) -> list[Call]:
    """One answer is that of before an addition which had ended when the call began."""
    places = [
        (place, older.result - older.arguments[0])
        for place, call in enumerate(calls)
        for older in calls
        if older.operation == "add" and older.ended < call.began
    ]
    place, result = draw.choice(places)
    if calls[place].operation == "add":
        result += calls[place].arguments[0]
    return [*calls[:place], attrs.evolve(calls[place], result=result), *calls[place + 1 :]]


def doubled(calls: list[Call], draw: random.Random) -> list[Call]:
    """One addition was applied twice, and its second answer came."""
    place = draw.choice([p for p, call in enumerate(calls) if call.operation == "add"])
    call = calls[place]
    twice = attrs.evolve(call, result=call.result + call.arguments[0])
    later = [
        attrs.evolve(other, result=other.result + call.arguments[0])
        for other in calls[place + 1 :]
    ]
    return [*calls[:place], twice, *later]


def test_a_hundred_stale_and_doubled_replies_are_all_found() -> None:
    found = 0
    for seed in range(50):
        draw, calls = random.Random(seed), sums(seed)
        found += bool(explain(stale(calls, draw), 0))
        found += bool(explain(doubled(calls, draw), 0))

    assert found == 100


def test_a_call_without_an_outcome_may_have_happened_or_not() -> None:
    lost = Call("r", "add", (5,), 1, NEVER)

    assert explain([lost, Call("r", "read", (), 2, 3, 5)], 0) == ""
    assert explain([lost, Call("r", "read", (), 2, 3, 0)], 0) == ""
    assert "no order explains" in explain([lost, Call("r", "read", (), 2, 3, 7)], 0)
    assert explain([Call("r", "read", (), 0, 1, 5), attrs.evolve(lost, began=2)], 0) != ""
