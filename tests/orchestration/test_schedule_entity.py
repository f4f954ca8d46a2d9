"""The decisions of a schedule, one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from perdure.actors.context import to_micros
from perdure.orchestration.ends import OrchestrationEnd
from perdure.orchestration.schedules.entity import Schedule
from perdure.orchestration.schedules.plan import Plan
from perdure.orchestration.schedules.recurrence import Recurrence
from perdure.testing import Sent, Started, given

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERY_HOUR = Plan(
    orchestrator="run",
    rule=Recurrence(
        every_micros=HOUR // timedelta(microseconds=1), start_micros=to_micros(NOON)
    ),
)


def waiting(**fields: object) -> Schedule:
    """One that waits for noon, by its third signal."""
    schedule = Schedule(plan=EVERY_HOUR, next_micros=to_micros(NOON), armed=3)
    for name, value in fields.items():
        setattr(schedule, name, value)
    return schedule


def test_at_its_time_it_starts_a_run_and_signals_itself_for_the_next_time() -> None:
    given(Schedule, waiting(), now=NOON).when(Schedule.wake, 3).then_effects(
        Sent("@schedule@test", "wake", 4, at=NOON + HOUR),
        Started("run", None, "test:2026-01-01T12:00:00Z"),
    ).then_state(started=1, running=["test:2026-01-01T12:00:00Z"], armed=4)


def test_an_old_signal_does_nothing() -> None:
    schedule = waiting()

    given(Schedule, schedule, now=NOON).when(Schedule.wake, 2).then_effects().then_state(
        schedule
    )
    given(Schedule, now=NOON).when(Schedule.wake, 3).then_effects().then_state(None)


def test_a_signal_before_its_time_is_sent_again() -> None:
    early = NOON - timedelta(milliseconds=1)

    given(Schedule, waiting(), now=early).when(Schedule.wake, 3).then_effects(
        Sent("@schedule@test", "wake", 4, at=NOON)
    ).then_state(armed=4, started=0)


def test_a_paused_one_hears_no_signal() -> None:
    paused = given(Schedule, waiting(), now=NOON).when(Schedule.pause, "why")

    paused.then_state(paused=True, next_micros=0).when(Schedule.wake, 3).then_effects()


def test_an_end_that_it_did_not_wait_for_does_nothing() -> None:
    end = OrchestrationEnd(instance_id="other", status="Completed")
    schedule = waiting(running=["test:a"])

    given(Schedule, schedule).when(Schedule.ended, end).then_effects().then_state(schedule)
    given(Schedule).when(Schedule.ended, end).then_effects().then_state(None)
