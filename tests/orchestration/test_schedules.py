"""Schedules: what they start, when, and what they do about overlaps and downtimes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import perdure
from perdure.orchestration.schedules import recurrence
from perdure.testing import Simulation, simulate

HOUR = timedelta(hours=1)
app = perdure.App("schedules")


@app.orchestrator
async def nap(ctx: perdure.OrchestrationContext, minutes: int) -> str:
    await ctx.create_timer(timedelta(minutes=minutes))
    return "rested"


@app.orchestrator
async def quick(ctx: perdure.OrchestrationContext) -> None:
    pass


def runs(world: Simulation) -> list[str]:
    """When runs were started after the world began, and how they are: ``1:00 Completed``."""
    told: list[str] = []
    began = datetime.fromtimestamp(1_700_000_000, UTC)
    for run in world.client.query().items:
        told.append(f"{run.created_at - began} {run.runtime_status}")
    return told


# ---- starting ----------------------------------------------------------------------------


def test_it_starts_an_orchestration_at_each_interval() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("hourly", quick, every=HOUR, tags={"a": "b"})
        world.advance(minutes=59, seconds=59)
        assert runs(world) == []
        world.advance(hours=2)

        assert runs(world) == ["1:00:00 Completed", "2:00:00 Completed"]
        state = ref.describe()
        assert (state.started, state.running, state.last_status) == (2, [], "Completed")
        assert state.last_at == datetime.fromtimestamp(1_700_000_000, UTC) + 2 * HOUR
        assert state.next_at == datetime.fromtimestamp(1_700_000_000, UTC) + 3 * HOUR
        [first, _] = world.client.query(tags={"perdure.schedule": "hourly", "a": "b"}).items
        assert first.instance_id == "hourly:2023-11-14T23:13:20Z"


def test_it_starts_nothing_before_its_start_nor_after_its_end() -> None:
    with simulate(app) as world:
        world.client.schedule(
            "s",
            quick,
            every=HOUR,
            start_at=world.now + timedelta(minutes=30),
            end_at=world.now + timedelta(minutes=150),
        )
        world.advance(days=1)

        assert runs(world) == [f"{h}:30:00 Completed" for h in range(3)]
        assert world.client.schedule("s").describe().next_at is None


def test_a_calendar_says_when() -> None:
    with simulate(app) as world:
        world.client.schedule("s", quick, cron="0 3 * * *", timezone="America/New_York")
        world.advance(days=2)

        times = [run.instance_id for run in world.client.query().items]
        assert times == ["s:2023-11-15T08:00:00Z", "s:2023-11-16T08:00:00Z"]


def test_asking_again_for_the_same_changes_nothing() -> None:
    with simulate(app) as world:
        first = world.client.schedule("s", quick, every=HOUR)
        world.advance(minutes=30)
        before = first.describe()
        again = world.client.schedule("s", quick, every=HOUR)

        assert again.describe() == before


def test_the_input_and_the_version_are_those_of_each_run() -> None:
    with simulate(app) as world:
        world.client.schedule("s", nap, 3, every=HOUR)
        world.advance(HOUR)

        [run] = world.client.query(fetch_input=True).items
        assert run.input == 3


# ---- overlaps ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlap", "expected", "skipped"),
    [
        ("skip", ["1:00:00 Completed", "3:00:00 Completed", "5:00:00 Running"], 2),
        ("buffer_one", ["1:00:00 Completed", "2:30:00 Completed", "4:00:00 Completed"], 1),
        ("allow", [f"{h}:00:00 Completed" for h in (1, 2, 3)], 0),
        ("cancel_other", [f"{h}:00:00 Canceled" for h in (1, 2, 3)], 0),
        ("terminate_other", [f"{h}:00:00 Terminated" for h in (1, 2, 3)], 0),
    ],
)
def test_what_comes_while_the_last_one_lives(
    overlap: str, expected: list[str], skipped: int
) -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", nap, 90, every=HOUR, overlap=overlap)
        world.advance(hours=5, minutes=30)

        assert runs(world)[:3] == expected
        assert ref.describe().skipped == skipped


def test_one_waits_and_no_more() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", nap, 60 * 10, every=HOUR, overlap="buffer_one")
        world.advance(hours=8)
        assert ref.describe().is_waiting
        assert (ref.describe().started, ref.describe().skipped) == (1, 6)
        world.advance(hours=4)

        assert runs(world) == ["1:00:00 Completed", "11:00:00 Running"]


# ---- downtimes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missed", "started"),
    [
        ("once", ["1:00:00", "3 days, 1:00:30"]),
        ("skip", ["1:00:00", "3 days, 1:00:30"]),
        ("all", ["1:00:00", *["3 days, 1:00:30"] * 72]),
    ],
)
def test_what_passed_while_no_process_was_there(missed: str, started: list[str]) -> None:
    with simulate(app) as world:
        world.client.schedule("s", quick, every=HOUR, missed=missed, overlap="allow")
        world.advance(minutes=60, seconds=30)
        world.crash(downtime=timedelta(days=3))
        world.settle()

        assert [run.split(" C")[0] for run in runs(world)] == started
        state = world.client.schedule("s").describe()
        assert state.last_at is not None
        assert world.now - state.last_at == timedelta(seconds=30)


@pytest.mark.parametrize(("missed", "count"), [("once", 2), ("skip", 1), ("all", 3)])
def test_a_time_that_passed_long_ago(missed: str, count: int) -> None:
    with simulate(app) as world:
        world.client.schedule("s", quick, every=HOUR, missed=missed)
        world.advance(minutes=61)
        world.crash(downtime=timedelta(minutes=150))
        world.settle()

        assert len(runs(world)) == count
        world.advance(minutes=30)
        assert len(runs(world)) == count + 1  # and it goes on in the old rhythm
        assert runs(world)[-1] == "4:00:00 Completed"


# ---- what it is asked --------------------------------------------------------------------


def test_a_paused_one_starts_nothing_until_it_is_resumed() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", quick, every=HOUR)
        ref.pause("holidays")
        ref.pause("holidays")
        world.advance(hours=5)
        state = ref.describe()
        assert (state.is_paused, state.note, state.next_at) == (True, "holidays", None)
        assert runs(world) == []
        ref.resume("back")
        ref.resume("back")
        world.advance(hours=1)

        assert runs(world) == ["6:00:00 Completed"]
        assert ref.describe().note == "back"


def test_one_can_be_started_now() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", nap, 90, every=HOUR)
        first = ref.trigger()
        assert first is not None
        assert ref.trigger() is None  # it lives
        assert world.client.orchestration(first).result() == "rested"
        second = ref.trigger()

        assert second not in (None, first)
        assert ref.describe().running == [second]


def test_a_change_begins_another_rhythm() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", nap, 1, every=HOUR)
        world.advance(minutes=90)
        ref.update(every=timedelta(minutes=20), input=2)
        world.advance(minutes=45)
        assert runs(world) == ["1:00:00 Completed", "1:50:00 Completed", "2:10:00 Completed"]
        ref.update(cron="0 3 * * *", overlap="allow")

        state = ref.describe()
        assert (state.every, state.cron, state.input, state.overlap) == (
            None,
            "0 3 * * *",
            2,
            "allow",
        )
        assert state.next_at == datetime(2023, 11, 15, 3, tzinfo=UTC)


def test_the_past_is_filled_one_after_the_other() -> None:
    with simulate(app) as world:
        start = world.now - timedelta(days=1)
        ref = world.client.schedule("s", nap, 30, every=4 * HOUR, start_at=start)
        ref.backfill(start, world.now)
        world.settle()
        assert len(ref.describe().running) == 1
        world.advance(hours=3, minutes=45)

        assert [run.instance_id[13:15] for run in world.client.query().items] == [
            *("22", "02", "06", "10", "14", "18", "22"),
        ]
        assert {run.split(" ")[1] for run in runs(world)} == {"Completed"}
        ref.backfill(start, world.now)  # all of these have run
        world.settle()
        assert world.client.count() == {"Completed": 7}
        assert not ref.describe().running


def test_the_past_is_filled_at_once_where_overlaps_are_allowed() -> None:
    with simulate(app) as world:
        start = world.now - timedelta(days=1)
        ref = world.client.schedule(
            "s", nap, 30, every=4 * HOUR, start_at=start, overlap="allow"
        )
        ref.backfill(start, world.now)
        world.settle()

        assert len(ref.describe().running) == 7


def test_a_deleted_one_starts_nothing_and_can_be_made_again() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", nap, 90, every=HOUR)
        world.advance(HOUR)
        ref.delete()
        ref.delete()
        world.advance(hours=5)
        assert runs(world) == ["1:00:00 Completed"]
        assert list(world.client.schedules()) == []
        world.client.schedule("s", nap, 1, every=2 * HOUR)
        world.advance(hours=4)

        assert runs(world)[1:] == ["8:00:00 Completed", "10:00:00 Running"]


def test_schedules_are_listed() -> None:
    with simulate(app) as world:
        for number in range(120):
            world.client.schedule(f"s{number:03}", quick, every=HOUR)

        listed = [state.id for state in world.client.schedules()]
        assert listed == [f"s{number:03}" for number in range(120)]
        assert [state.id for state in world.client.schedules("s11")] == listed[110:]


# ---- what cannot be done -----------------------------------------------------------------


def test_a_schedule_that_is_not_there_is_told() -> None:
    with simulate(app) as world:
        ref = world.client.schedule("none")
        now = world.now
        for ask in (
            ref.describe,
            ref.pause,
            ref.resume,
            ref.trigger,
            lambda: ref.update(input=1),
            lambda: ref.backfill(now, now),
        ):
            with pytest.raises(perdure.ScheduleNotFoundError, match="no schedule 'none'"):
                ask()
        assert world.client.entities().items == []


def test_what_makes_no_sense_is_refused_before_anything_is_stored() -> None:
    with simulate(app) as world:
        schedule = world.client.schedule
        tomorrow = world.now + timedelta(days=1)
        for wrong, why in (
            (lambda: schedule("a/b", quick, every=HOUR), "must not"),
            (lambda: schedule("a" * 201, quick, every=HOUR), "201 characters"),
            (lambda: schedule("s", "nobody", every=HOUR), "nobody"),
            (lambda: schedule("s", nap, "long", every=HOUR), "int"),
            (lambda: schedule("s", quick), "give one of them"),
            (lambda: schedule("s", quick, every=-HOUR), "longer than 0"),
            (lambda: schedule("s", quick, every=HOUR, overlap="queue"), "use one of skip, "),
            (lambda: schedule("s", quick, every=HOUR, missed="no"), "use one of once, "),
            (lambda: schedule("s", quick, every=HOUR, start_at=HOUR), "use a datetime"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        ):
            with pytest.raises(perdure.PerdureError, match=why):
                wrong()  # type: ignore[no-untyped-call]
        assert world.client.entities().items == []

        ref = schedule("s", quick, every=HOUR)
        with pytest.raises(perdure.InvalidInputError, match="none to come"):
            ref.backfill(world.now, tomorrow)
        with pytest.raises(perdure.InvalidInputError, match="colour: a schedule has"):
            ref.update(colour="red")


def test_an_orchestrator_that_is_gone_is_a_problem_until_it_is_back() -> None:
    without = perdure.App("schedules")
    with simulate(app) as world:
        world.client.schedule("s", quick, every=HOUR)
        world._app = without
        world.crash()
        world.advance(HOUR)

        state = world.client.schedule("s").describe()
        assert "nothing was started for 2023-11-14T23:13:20Z" in state.problem
        assert "quick" in state.problem
        world._app = app
        world.crash()
        world.advance(HOUR)
        assert runs(world) == ["2:00:00 Completed"]
        assert world.client.schedule("s").describe().problem == ""


def test_names_of_perdures_own_entities_are_not_for_users() -> None:
    with pytest.raises(perdure.DefinitionError, match="perdure's own"):
        app.register(type("Mine", (perdure.Entity,), {}), name="perdure.mine")
    assert app.kinds == []


def test_a_run_that_somebody_else_has_started_will_do() -> None:
    with simulate(app) as world:
        taken = "s:2023-11-14T23:13:20Z"
        world.client.start(nap, 90, instance_id=taken)
        ref = world.client.schedule("s", nap, 1, every=HOUR)
        world.advance(HOUR)
        assert ref.describe().running == [taken]
        world.advance(minutes=45)

        assert (ref.describe().running, ref.describe().last_status) == ([], "Completed")


def test_a_cron_schedule_waits_for_the_extra_to_be_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with simulate(app) as world:
        ref = world.client.schedule("s", quick, cron="0 * * * *")
        with monkeypatch.context() as patched:
            patched.setattr(recurrence, "cronsim", None)
            world.advance(HOUR)
            assert "pip install 'perdure[schedules]'" in ref.describe().problem
            assert runs(world) == []
            with pytest.raises(perdure.ExtraMissingError, match="needs the extra schedules"):
                world.client.schedule("t", quick, cron="0 * * * *")
        world.advance(minutes=10)

        assert len(runs(world)) == 1
        assert ref.describe().problem == ""
