"""When something recurs: pure functions of a rule and a time.

An interval is a duration, whatever the clocks on the wall do. A cron expression means the
time on the wall of its zone: at a change of the clocks what has a certain hour happens once, a
little later where that hour is skipped, and the first time where it comes twice; what happens
every hour goes on every hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import attrs

from perdure.actors.context import to_datetime, to_micros
from perdure.errors import ExtraMissingError, InvalidInputError


def _extra(name: str) -> Any:
    """A module that may not be installed; ``None`` then."""
    try:
        return import_module(name)
    except ImportError:
        return None


cronsim = _extra("cronsim")
_REPEATED_MICROS = 3 * 3600 * 1_000_000
"""From how far ahead to look back: in an hour that comes twice the time on the wall may be less
than that of a moment before. With seconds, each moment is looked at by itself."""

SHORTEST_MICROS = 1_000_000
LONGEST_MICROS = 36_500 * 86_400 * 1_000_000

LATE_MICROS = 60_000_000
"""What is started later than that has been missed."""


@attrs.frozen(kw_only=True)
class Recurrence:
    """A rule; either an interval or a cron expression.

    Attributes:
        every_micros: between two times; 0 where *cron* says when.
        cron: five fields (minute, hour, day of the month, month, day of the week), or six with
            the second first.
        timezone: what *cron* means, by its IANA name.
        start_micros: not before, in microseconds since 1970 UTC; an interval is counted from
            there.
        end_micros: not after; 0 for ever.
    """

    every_micros: int = 0
    cron: str = ""
    timezone: str = "UTC"
    start_micros: int = 0
    end_micros: int = 0


def check(rule: Recurrence) -> None:
    """Refuse a rule that cannot be followed.

    Raises:
        InvalidInputError: the message says what is wrong with it.
    """
    if bool(rule.every_micros) == bool(rule.cron):
        msg = "a schedule recurs by every=timedelta(…) or by cron='…': give one of them"
        raise InvalidInputError(msg)
    if rule.cron:
        _times(rule, 0, backward=False)
    elif not SHORTEST_MICROS <= rule.every_micros <= LONGEST_MICROS:
        msg = f"every={rule.every_micros / 1e6} seconds: use one second to 36,500 days"
        raise InvalidInputError(msg)
    if rule.end_micros and rule.end_micros < rule.start_micros:
        msg = (
            f"end_at={to_datetime(rule.end_micros)} is before "
            f"start_at={to_datetime(rule.start_micros)}; nothing would ever start"
        )
        raise InvalidInputError(msg)


def next_after(rule: Recurrence, micros: int) -> int | None:
    """The first time of *rule* after *micros*; ``None`` when there is none any more.

    Raises:
        InvalidInputError, ExtraMissingError: its zone or the cron extra is missing here.
    """
    micros = max(micros, rule.start_micros - 1)
    if rule.every_micros:
        passed = (micros - rule.start_micros) // rule.every_micros + 1
        found = rule.start_micros + passed * rule.every_micros
    else:
        times = _times(rule, micros, backward=False)
        found = next((time for time in times if time > micros), 0)
    return found if found and not 0 < rule.end_micros < found else None


def last_until(rule: Recurrence, micros: int) -> int | None:
    """The last time of *rule* at *micros* or before; ``None`` when there was none yet.

    Raises:
        InvalidInputError: see ``next_after``.
    """
    if rule.end_micros:
        micros = min(micros, rule.end_micros)
    if rule.every_micros:
        passed = (micros - rule.start_micros) // rule.every_micros
        found = rule.start_micros + passed * rule.every_micros
    else:
        ahead = _REPEATED_MICROS if len(rule.cron.split()) == 5 else 1
        times = _times(rule, micros + ahead, backward=True)
        found = next((time for time in times if time <= micros), -1)
    return found if found >= max(rule.start_micros, 0) else None


def _times(rule: Recurrence, micros: int, *, backward: bool) -> Iterator[int]:
    """The times of a cron expression around *micros*; the first may be on its other side."""
    if cronsim is None:
        what = f"cron={rule.cron!r}"
        raise ExtraMissingError(what, "schedules", "there is no cronsim")
    start = to_datetime(micros).astimezone(_zone(rule.timezone))
    try:
        found = cronsim.CronSim(rule.cron, start, reverse=backward)
    except cronsim.CronSimError as error:
        msg = f"cron={rule.cron!r}: {error}; use minute hour day-of-month month day-of-week"
        raise InvalidInputError(msg) from error
    return (to_micros(time) for time in found)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else "use an IANA name, as Europe/Berlin"
        if not known:
            hint = "this machine knows none; pip install tzdata"
        msg = f"timezone={name!r} is not known; {hint}"
        raise InvalidInputError(msg) from None


def tick_name(micros: int) -> str:
    """A time as it is written in the ids of orchestrations: ``2026-01-02T03:00:00Z``."""
    moment = to_datetime(micros).astimezone(UTC)
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if moment.microsecond else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strftime(moment, form)


@attrs.frozen
class Due:
    """What shall be started now.

    Attributes:
        first: the first time that counts.
        last: the last one; 0 where none does.
        then: the next time, which has not come; ``None`` when there is none any more.
    """

    first: int
    last: int
    then: int | None


def due(rule: Recurrence, planned: int, now: int, missed: str) -> Due:
    """What shall be started now, when the time *planned* has come.

    Args:
        rule: when it recurs.
        planned: a time of it.
        now: not before that.
        missed: ``all``: every time that has come counts; ``once``: the last of them; ``skip``:
            those that came a minute ago at most.
    """
    then = next_after(rule, planned)
    if then is None or then > now:
        counts = missed != "skip" or now - planned <= LATE_MICROS
        return Due(planned, planned if counts else 0, then)
    last = max(last_until(rule, now) or 0, planned)
    then = next_after(rule, last)
    if missed == "once":
        return Due(last, last, then)
    if missed == "all" or now - planned <= LATE_MICROS:
        return Due(planned, last, then)
    first = next_after(rule, now - LATE_MICROS - 1) or 0
    return Due(first, last if 0 < first <= last else 0, then)
