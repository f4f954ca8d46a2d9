"""Alarms: one call for a key, at its time, and nothing left of what was cancelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure.actors.alarms import Alarms

rung: list[str] = []


@pytest.fixture
def alarms() -> Alarms:
    rung.clear()
    return Alarms()


def ringing(name: str) -> Callable[[], None]:
    return lambda: rung.append(name)


def test_they_ring_in_order_of_their_times_and_once(alarms: Alarms) -> None:
    for name, micros in [("late", 30), ("early", 10), ("middle", 20)]:
        alarms.set(name, micros, ringing(name))

    assert alarms.next_micros() == 10
    alarms.ring(20)
    alarms.ring(20)
    assert rung == ["early", "middle"]
    assert alarms.next_micros() == 30


def test_one_that_is_set_again_rings_at_its_new_time_only(alarms: Alarms) -> None:
    alarms.set("a", 10, ringing("first"))
    alarms.set("a", 30, ringing("second"))
    alarms.ring(20)
    assert rung == []

    alarms.set("a", 10, ringing("third"))
    alarms.ring(40)
    assert rung == ["third"]
    assert alarms.next_micros() is None


def test_a_cancelled_one_does_not_ring(alarms: Alarms) -> None:
    alarms.set("a", 10, ringing("a"))
    alarms.cancel("a")
    alarms.cancel("unknown")

    alarms.ring(20)
    assert (rung, alarms.next_micros()) == ([], None)


def test_one_may_set_itself_again(alarms: Alarms) -> None:
    def again() -> None:
        rung.append("again")
        if len(rung) < 3:
            alarms.set("a", 10 * len(rung), again)

    alarms.set("a", 0, again)
    alarms.ring(20)

    assert len(rung) == 3


def test_cancelled_ones_take_no_memory_until_their_time(alarms: Alarms) -> None:
    for number in range(10_000):
        alarms.set(number, 1_000_000, ringing("never"))
        alarms.cancel(number)

    assert len(alarms._heap) < 100
