"""When something recurs: intervals, cron expressions, and what the clocks on the wall do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.actors.context import to_datetime, to_micros
from perdure.errors import ExtraMissingError, InvalidInputError
from perdure.orchestration.schedules import recurrence
from perdure.orchestration.schedules.recurrence import (
    LATE_MICROS,
    Recurrence,
    check,
    due,
    last_until,
    next_after,
    tick_name,
)

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = 1_000_000
HOUR = 3600 * SECOND


def at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))


def first(rule: Recurrence, after: str, count: int) -> list[str]:
    """The next times, as they are in UTC."""
    found: list[str] = []
    micros: int | None = at(after)
    while len(found) < count and micros is not None:
        micros = next_after(rule, micros)
        if micros is not None:
            found.append(f"{to_datetime(micros):%d %H:%M}")
    return found


# ---- intervals ---------------------------------------------------------------------------


def test_an_interval_is_counted_from_its_start() -> None:
    rule = Recurrence(every_micros=HOUR, start_micros=at("2026-01-01T00:30"))

    assert first(rule, "2025-01-01", 3) == ["01 00:30", "01 01:30", "01 02:30"]
    assert next_after(rule, at("2026-01-01T01:30")) == at("2026-01-01T02:30")
    assert last_until(rule, at("2026-01-01T02:29")) == at("2026-01-01T01:30")
    assert last_until(rule, at("2026-01-01T00:29")) is None


def test_nothing_recurs_after_the_end() -> None:
    rule = Recurrence(
        every_micros=HOUR,
        start_micros=at("2026-01-01"),
        end_micros=at("2026-01-01T02:00"),
    )

    assert first(rule, "2025-12-31", 9) == ["01 00:00", "01 01:00", "01 02:00"]
    assert last_until(rule, at("2026-02-01")) == at("2026-01-01T02:00")


# ---- cron --------------------------------------------------------------------------------


def test_a_cron_expression_means_the_time_on_the_wall() -> None:
    rule = Recurrence(cron="0 3 * * *", timezone="Europe/Berlin")

    assert first(rule, "2026-03-27T12:00", 3) == ["28 02:00", "29 01:00", "30 01:00"]


def test_an_hour_that_is_skipped_is_made_up_for_once() -> None:
    """On 29 March 2026 two o'clock is three o'clock in Berlin, 01:00 in UTC."""
    once = Recurrence(cron="30 2 * * *", timezone="Europe/Berlin")
    twice = Recurrence(cron="0,30 2 * * *", timezone="Europe/Berlin")

    assert first(once, "2026-03-28T12:00", 2) == ["29 01:00", "30 00:30"]
    assert first(twice, "2026-03-28T12:00", 3) == ["29 01:00", "30 00:00", "30 00:30"]


def test_an_hour_that_comes_twice_counts_once() -> None:
    """On 25 October 2026 two o'clock comes twice in Berlin, at 00:00 and 01:00 in UTC."""
    rule = Recurrence(cron="30 2 * * *", timezone="Europe/Berlin")

    assert first(rule, "2026-10-24T12:00", 2) == ["25 00:30", "26 01:30"]
    assert first(rule, "2026-10-25T01:15", 1) == ["26 01:30"]  # in the second two o'clock


def test_what_happens_every_hour_goes_on_every_hour() -> None:
    rule = Recurrence(cron="30 * * * *", timezone="Europe/Berlin")

    assert first(rule, "2026-10-24T23:00", 3) == ["24 23:30", "25 00:30", "25 01:30"]
    assert first(rule, "2026-03-29T00:00", 3) == ["29 00:30", "29 01:30", "29 02:30"]


def test_seconds_may_come_first() -> None:
    rule = Recurrence(cron="*/20 * * * * *")

    found = next_after(rule, at("2026-01-01T00:00:01"))

    assert found == at("2026-01-01T00:00:20")


def test_a_rare_day_is_found_or_told_not_to_come() -> None:
    assert next_after(Recurrence(cron="0 0 31 2 1"), at("2026-01-01")) is not None  # Mondays
    leap = Recurrence(cron="0 0 29 2 *", end_micros=at("2027-01-01"))
    assert next_after(leap, at("2026-01-01")) is None


CRONS = ["30 2 * * *", "0,30 2,3 * * *", "*/15 * * * *", "0 12 * * MON", "5 */6 * * *"]


@given(
    st.sampled_from(CRONS),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(at("2026-01-01") // SECOND, at("2027-01-01") // SECOND),
)
def test_times_grow_and_looking_back_finds_them(cron: str, zone: str, second: int) -> None:
    rule = Recurrence(cron=cron, timezone=zone)
    start = second * SECOND

    found = next_after(rule, start)
    assert found is not None
    assert found > start
    then = next_after(rule, found)
    assert then is not None
    assert then > found
    assert last_until(rule, found) == found
    assert last_until(rule, then - 1) == found


# ---- what cannot be followed -------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Recurrence(), "give one of them"),
        (Recurrence(every_micros=HOUR, cron="0 3 * * *"), "give one of them"),
        (Recurrence(every_micros=1000), "use one second to 36,500 days"),
        (Recurrence(every_micros=10**18), "use one second to 36,500 days"),
        (Recurrence(cron="0 25 * * *"), "Bad hour"),
        (Recurrence(cron="at noon"), "Wrong number of fields"),
        (Recurrence(cron="0 3 * * *", timezone="Europe/Berln"), "did you mean 'Europe/Berlin'"),
        (Recurrence(cron="0 3 * * *", timezone="../etc"), "use an IANA name"),
        (Recurrence(every_micros=HOUR, start_micros=9, end_micros=3), "nothing would ever"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: Recurrence, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        check(rule)


def test_without_the_extra_intervals_work_and_cron_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recurrence, "cronsim", None)

    check(Recurrence(every_micros=HOUR))
    with pytest.raises(ExtraMissingError, match=r"pip install 'perdure\[schedules\]'"):
        check(Recurrence(cron="0 3 * * *"))


def test_a_time_has_a_name_that_an_id_may_have() -> None:
    noon = datetime(2026, 1, 2, 12, tzinfo=UTC)

    assert tick_name(to_micros(noon)) == "2026-01-02T12:00:00Z"
    assert tick_name(to_micros(noon + timedelta(microseconds=5))).endswith("00.000005Z")


# ---- what is due -------------------------------------------------------------------------


@given(
    st.sampled_from([*CRONS, ""]),
    st.sampled_from(["once", "all", "skip"]),
    st.integers(0, 3 * 24 * 3600),
    st.sampled_from([0, at("2026-10-27")]),
)
def test_what_is_due_has_come_and_what_follows_is_yet_to_come(
    cron: str, missed: str, late: int, end: int
) -> None:
    begin = at("2026-10-24T10:00")
    rule = Recurrence(
        cron=cron,
        every_micros=0 if cron else HOUR,
        timezone="Europe/Berlin",
        start_micros=begin,
        end_micros=end,
    )
    planned = next_after(rule, begin)
    assert planned is not None
    now = planned + late * SECOND
    every: list[int] = []
    time: int | None = planned
    while time is not None and time <= now:
        every.append(time)
        time = next_after(rule, time)

    found = due(rule, planned, now, missed)

    assert found.then == time
    counting = [one for one in every if found.first <= one <= found.last]
    match missed:
        case "all":
            assert counting == every
        case "once":
            assert counting == every[-1:]
        case _:
            assert counting == [one for one in every if now - one <= LATE_MICROS]


def test_looking_back_from_a_repeated_hour_finds_what_was_in_the_first_one() -> None:
    rule = Recurrence(cron="0,30 2 * * *", timezone="Europe/Berlin")

    found = last_until(rule, at("2026-10-25T01:00"))  # it is two o'clock for the second time

    assert found == at("2026-10-25T00:30")
