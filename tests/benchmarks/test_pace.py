"""How long the rest of a run takes."""

from __future__ import annotations

from perdure.benchmarks.pace import UNKNOWN_SECONDS, Pace
from perdure.benchmarks.runner import Options
from perdure.benchmarks.workloads import WORKLOADS

USUAL = {"quick": 2.0, "slow": 20.0}


def test_before_the_first_step_all_take_as_long_as_usual() -> None:
    pace = Pace(["quick", "slow", "slow", "new"], USUAL)

    assert pace.seconds_left() == 2 + 20 + 20 + UNKNOWN_SECONDS


def test_a_tenth_of_the_work_takes_a_tenth_until_it_is_known() -> None:
    assert Pace(["slow"], USUAL, scale=0.1).seconds_left() == 2.0


def test_what_a_step_took_is_what_its_next_turns_take() -> None:
    pace = Pace(["slow", "slow", "slow"], USUAL)
    pace.took("slow", 7.0)

    assert pace.seconds_left() == 14.0


def test_on_a_machine_at_half_the_speed_other_steps_take_twice_as_long_too() -> None:
    pace = Pace(["slow", "quick"], USUAL)
    pace.took("slow", 40.0)

    assert pace.seconds_left() == 4.0


def test_nothing_is_left_at_the_end() -> None:
    pace = Pace(["quick", "quick"], USUAL)
    pace.took("quick", 1.0)
    pace.took("quick", 3.0)

    assert pace.seconds_left() == 0.0
    assert pace.medians() == {"quick": 2.0}


def test_the_usual_seconds_are_those_of_steps_that_there_are() -> None:
    pace = Pace.of([], 1.0)
    rows = {row.name for workload in WORKLOADS for row in workload.rows} | {"tracing"}
    peers = Options(peers=("all",)).contestants()
    steps = {f"{workload.name} {peer.name}" for workload in WORKLOADS for peer in peers}

    assert set(pace.usual) <= rows | steps
    assert all(seconds > 0 for seconds in pace.usual.values())
