"""The six patterns in simulated time: what each does, and a crash at each of its commits."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from examples.patterns import approval, async_http, chaining, fan_out, monitor
from examples.patterns.aggregator import Station
from examples.patterns.approval import Expense
from examples.patterns.monitor import Watch
from perdure.testing import Histories, Simulation, given, simulate
from tests.examples.scenes import PATTERNS, Pattern


@pytest.fixture(params=PATTERNS, ids=str)
def pattern(request: pytest.FixtureRequest) -> Pattern:
    found = request.param
    assert isinstance(found, Pattern)
    return found


@pytest.fixture
def perdure_app(pattern: Pattern) -> perdure.App:
    return pattern.app


def test_a_scene_comes_to_its_end(pattern: Pattern, perdure_world: Simulation) -> None:
    pattern.scene(perdure_world.client)
    pattern.check(perdure_world.client)
    perdure_world.settle()

    assert perdure_world.client.node.store.waiting() == 0
    assert list(perdure_world.client.verify()) == []


@pytest.mark.perdure(crash_everywhere=True, seeds=2)
def test_a_crash_at_any_commit_changes_nothing_of_the_end(
    pattern: Pattern, perdure_world: Simulation
) -> None:
    pattern.scene(perdure_world.client)
    pattern.check(perdure_world.client)


@pytest.mark.parametrize("pattern", PATTERNS[:1], ids=str, indirect=True)
def test_the_chain_does_what_it_did(
    perdure_world: Simulation, assert_history: Histories
) -> None:
    ref = perdure_world.client.start(chaining.picture_of_the_day, "x", instance_id="x")
    ref.result(60)

    assert_history(ref, "chaining")


def test_a_reading_is_taken_in() -> None:
    station = given(Station, Station(count=1, total=5, highest=5))

    station.when(Station.report, 9).then_state(count=2, total=14, highest=9)


def test_each_step_of_the_chain_gets_the_result_of_the_one_before() -> None:
    with simulate(chaining.app) as world:
        result = world.client.start(chaining.picture_of_the_day, "x").result(60)

    assert result == "publish(sign(shrink(fetch(x))))"


def test_four_pages_are_read_at_the_same_time() -> None:
    with simulate(fan_out.app) as world:
        started = world.now
        assert world.client.start(fan_out.count_book, ["a b"] * 8).result(60) == 16

        assert world.now - started == timedelta(seconds=2 * 0.05)


def test_who_asks_for_the_report_hears_how_far_it_is() -> None:
    with simulate(async_http.app) as world:
        status, location = async_http.post_report(world.client, 3)
        assert status == 202
        world.advance(seconds=0.15)
        progress = {"status": "Running", "progress": {"done": 1, "of": 3}}
        assert async_http.get_report(world.client, location) == (202, progress)
        world.crash()
        world.advance(seconds=60)

        finished = {"status": "Completed", "pages": 33}
        assert async_http.get_report(world.client, location) == (200, finished)
        assert async_http.get_report(world.client, "/reports/none") == (404, {})


def test_the_monitor_waits_for_days_and_keeps_no_history_of_them() -> None:
    day = timedelta(days=1)
    with simulate(monitor.app) as world:
        watched = world.client.start(monitor.monitor, Watch("release", day, 100 * day))
        world.advance(days=50)
        world.crash()
        watched = world.client.orchestration(watched.id)
        assert len(list(watched.history())) < 10
        world.advance(days=49)
        assert not watched.status().is_finished  # type: ignore[union-attr]
        world.advance(days=1)

        assert watched.result(1) == "gave up after 101 looks"


def test_the_first_has_72_hours_to_answer() -> None:
    with simulate(approval.app) as world:
        chair = world.client.start(approval.approval, Expense("a chair"))
        world.advance(hours=71, minutes=59)
        world.crash()
        chair = world.client.orchestration(chair.id)
        chair.raise_event("approval", data=False)

        assert chair.result(1) == "rejected by Mia"


def test_after_72_hours_the_second_is_asked_for_as_long_as_it_takes() -> None:
    with simulate(approval.app) as world:
        chair = world.client.start(approval.approval, Expense("a chair"))
        world.advance(hours=72)
        world.crash()
        chair = world.client.orchestration(chair.id)
        assert chair.status().custom_status == "waits for the director"  # type: ignore[union-attr]
        world.advance(days=365)
        chair.raise_event("Approval", data=True)

        assert chair.result(1) == "approved by the director"
