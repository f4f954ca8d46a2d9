"""What must be true of a world of orchestrations when everything has come to rest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import msgspec

from perdure.orchestration.reading import input_of
from perdure.orchestration.state import COMPLETED, FAILED
from perdure.orchestration.status import state_of
from perdure.testing import Ask, World
from tests.simulation.journeys import OPENING_BALANCE, Diary, Gauge, Purse, outside
from tests.simulation.linearizable import NEVER, Call, check_registers

PURSES = ["x", "y", "z"]
GAUGES = ["a", "b"]
REGISTERS = ["r", "s"]
LISTENERS = ["l0", "l1", "l2"]
SPARED = {"l0", "l1", "j0", "j1"}
"""Instances that nobody ends from outside, so that nothing excuses a loss."""


@attrs.frozen
class Asked:
    """One request of a client.

    Attributes:
        kind: what was asked.
        instance: whom.
        mark: of an event; empty for other requests.
        ask: what came of it.
    """

    kind: str
    instance: str
    mark: str
    ask: Ask


def check(world: World, asked: list[Asked]) -> None:
    """Everything that was promised holds."""
    client = world.client
    marks: dict[str, Counter[str]] = {
        key: Counter(_state(world, Diary, key).marks)
        for key in ("notes", "items", "payments", "counts")
    }
    purses = {key: _state(world, Purse, key) for key in PURSES}
    payments = Counter[str]()
    for purse in purses.values():
        payments.update(purse.payments)
    swaps = _check_instances(world, marks, payments)

    total = sum(purse.balance for purse in purses.values())
    assert total == OPENING_BALANCE * len(PURSES), f"money: {total}"
    for mark, count in payments.items():
        assert count == 2, f"payment {mark} is at {count} purses"
        assert marks["payments"][mark] == 2, f"payment {mark} was announced wrongly"
    assert set(marks["payments"]) <= set(payments), "an undone payment was announced"
    assert sum(_state(world, Gauge, key).value for key in GAUGES) >= swaps, "a swap is lost"
    for key in ("notes", "items", "counts"):
        twice = [mark for mark, count in marks[key].items() if count > 1]
        assert not twice, f"{key} kept twice: {twice}"
    _check_asks(world, asked, marks["items"])
    check_registers(world, REGISTERS, _calls(marks["counts"]))
    for row in client.node.store.states("@"):
        assert not (row.state or b"").startswith(b"#"), f"{row.stream} is locked: {row.state!r}"
    assert client.node.store.waiting() == 0, "something waits for ever"


def _calls(noted: Counter[str]) -> list[Call]:
    """The calls of journeys; of one whose answer was not noted nothing is known."""
    results = dict(mark.split(" ") for mark in noted)
    for mark, result in results.items():
        assert outside.calls[mark].result == int(result), f"{mark} was answered twice"
    return [
        call if mark in results else attrs.evolve(call, ended=NEVER)
        for mark, call in outside.calls.items()
    ]


def _state(world: World, cls: type[Any], key: str) -> Any:
    snapshot = world.client.entity(cls, key).get()
    return cls() if snapshot is None else snapshot.state


def _check_instances(
    world: World, marks: dict[str, Counter[str]], payments: Counter[str]
) -> int:
    """Each instance has finished, with a history that fits; how many swaps they tell of."""
    swaps = 0
    for row in world.client.node.store.states("", limit=1000):
        if row.stream.startswith("@"):
            continue
        try:
            state = state_of(row)
            assert state.is_finished, f"not finished: {state.status} {state.reason}"
            assert not state.stalled, f"stalled: {state.reason}"
            if state.status == COMPLETED and row.stream not in LISTENERS:
                given = input_of(world.client.node.store, row.stream, state)
                plan = msgspec.json.decode(given)
                done = msgspec.json.decode(state.output)
                swaps += done.count("swapped")
                _check_done(plan["steps"], done[len(plan["done"]) :], marks["notes"], payments)
            elif row.stream in SPARED:
                assert state.status in {COMPLETED, FAILED}, f"{state.status} by nobody"
        except Exception as error:
            msg = f"instance {row.stream}: {error!r}"
            raise AssertionError(msg) from error
    return swaps


PLAIN = {
    "wait": "waited",
    "tell": "told",
    "swap": "swapped",
    "count": "counted",
    "leave": "left",
    "again": "renewed",
}
"""Steps with one result only."""


def _check_done(
    steps: list[Any], done: list[Any], notes: Counter[str], payments: Counter[str]
) -> None:
    """Each step has the result that it must have, and left the marks that this tells of."""
    assert len(steps) == len(done), f"{done} of {steps}"
    for step, result in zip(steps, done, strict=True):
        kind: str = step[0]
        if kind == "call_child":
            if result != "failed":
                _check_done(step[1], result, notes, payments)
        elif kind == "call_children":
            for number, plan in enumerate(step[1]):
                _check_done(plan, result[number], notes, payments)
        elif kind in {"note", "note_and_wait"}:
            assert notes[result[1]] == 1, f"{kind} left {notes[result[1]]} notes"
        elif kind == "pay":
            paid = 2 if result[0] == "paid" else 0
            assert payments[result[1]] == paid, (result, payments[result[1]])
        elif kind in PLAIN:
            assert result == PLAIN[kind], (step, result)
        else:
            assert result in _worked(kind, step[1]), (step, result)


def _worked(kind: str, given: Any) -> list[Any]:
    if kind == "work_together":
        numbers: list[int] = given
        return [[2 * number for number in numbers]]
    excuses = {"work_once": [], "work_again": ["failed"], "race": ["too late"]}
    return [2 * given, *excuses[kind]]


def _check_asks(world: World, asked: list[Asked], items: Counter[str]) -> None:
    """What was acknowledged has happened, what was refused has not."""
    for one in asked:
        outcome, acknowledged = one.ask.outcome, one.ask.outcome == "acknowledged"
        if one.mark and one.mark != "stop":
            if outcome == "refused" and not world.redriven:
                assert not items[one.mark], f"{one.mark} was refused, and consumed"
            if acknowledged and one.instance in SPARED:
                assert items[one.mark], f"{one.mark} to {one.instance} was lost"
        if "start" in one.kind.split() and acknowledged and one.instance in SPARED:
            exists = world.client.orchestration(one.instance).status() is not None
            assert exists, f"{one.instance} was started, and is not there"
