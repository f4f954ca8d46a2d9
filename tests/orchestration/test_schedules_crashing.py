"""Schedules through crashes: one start for each time, whatever happens."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

import perdure
from perdure.actors.context import to_micros
from perdure.orchestration.schedules.recurrence import tick_name
from perdure.testing import Simulation, crash_everywhere, simulate

HOUR = timedelta(hours=1)
BEGAN = datetime(2023, 11, 14, 22, tzinfo=UTC)
"""A quarter of an hour before simulated time begins."""
app = perdure.App("crashing schedules")


@app.entity
class Log(perdure.Entity):
    runs: list[str] = perdure.field(factory=list[str])

    def note(self, run: str) -> None:
        self.runs.append(run)


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, minutes: int) -> None:
    ctx.entity(Log, "log").signal(Log.note, ctx.instance_id)
    await ctx.create_timer(timedelta(minutes=minutes))


def logged(world: Simulation) -> list[str]:
    snapshot = world.client.entity(Log, "log").get()
    return [] if snapshot is None else [str(run) for run in snapshot.state.runs]


@pytest.mark.parametrize("overlap", ["skip", "buffer_one", "allow", "cancel_other"])
def test_each_time_has_one_start_through_crashes(overlap: str) -> None:
    started: set[tuple[str, ...]] = set()

    def scenario(world: Simulation) -> None:
        ref = world.client.schedule(
            "s", run, 75, every=HOUR, start_at=BEGAN, end_at=BEGAN + 4 * HOUR, overlap=overlap
        )
        while ref.describe().next_at is not None or ref.describe().running:
            world.advance(minutes=15)
        runs = logged(world)
        assert len(set(runs)) == len(runs)
        assert {one.instance_id for one in world.client.query().items} == set(runs)
        assert all(one.is_finished for one in world.client.query().items)
        state = ref.describe()
        assert state.started == len(runs)
        assert state.started + state.skipped == 4
        assert not state.is_waiting
        started.add(tuple(runs))

    assert crash_everywhere(app, scenario) > 10
    assert len(started) <= 2  # an end and a time at the same moment may come in either order


def test_what_is_asked_of_it_is_done_once_through_crashes() -> None:
    def scenario(world: Simulation) -> None:
        ref = world.client.schedule("s", run, 5, every=HOUR, start_at=BEGAN - 3 * HOUR)
        ref.backfill(BEGAN - 3 * HOUR, BEGAN)
        ref.pause()
        world.advance(minutes=30)
        ref.delete()
        world.advance(hours=2)
        assert len(logged(world)) == 4
        assert world.client.entities("perdure.schedule").items == []

    assert crash_everywhere(app, scenario) > 10


def test_it_is_never_early_and_never_lost_over_weeks_of_crashes() -> None:
    for seed in range(3):
        with simulate(app, seed=seed) as world:
            world.client.schedule("s", run, 1, cron="0 3 * * *", missed="all")
            for day in range(21):
                world.advance(hours=11)
                world.crash(downtime=timedelta(hours=5 * (day % 7)))
            world.settle()
            world.advance(minutes=1)

            items = world.client.query().items
            days = [item.instance_id[2:12] for item in items]
            assert days == sorted(set(days))
            assert len(days) == (world.now - timedelta(hours=3) - items[0].created_at).days + 1
            for item in items:
                assert f"{item.created_at:%Y-%m-%dT%H:%M:%SZ}" >= item.instance_id[2:]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_asked_of_it_no_time_is_lost_or_early(seed: int) -> None:
    chance = random.Random(seed)
    with simulate(app, seed=seed) as world:
        world.client.schedule("s", run, 20, every=HOUR, overlap="allow", missed="all")
        expected: set[datetime] = set()
        for _ in range(60):
            ref, state = world.client.schedule("s"), world.client.schedule("s").describe()
            begin = world.now
            match chance.choice(["pass", "pass", "crash", "pause", "resume", "update"]):
                case "pause":
                    ref.pause()
                case "resume":
                    ref.resume()
                case "update":
                    ref.update(every=timedelta(minutes=chance.choice([7, 30, 60, 90])))
                case "crash":
                    world.crash(downtime=timedelta(minutes=chance.randrange(300)))
                    world.settle()
                case _:
                    world.advance(minutes=chance.randrange(300))
            if state.next_at is not None and state.every is not None:
                passed = (world.now - state.next_at) // state.every + 1
                expected |= {state.next_at + number * state.every for number in range(passed)}
            after = world.client.schedule("s").describe()
            assert after.is_paused == (after.next_at is None)
            assert after.next_at is None or after.next_at > begin
        world.settle()

        runs = world.client.query(limit=1000).items
        assert {one.instance_id for one in runs} == {
            f"s:{tick_name(to_micros(moment))}" for moment in expected
        }
        assert len(runs) == world.client.schedule("s").describe().started
