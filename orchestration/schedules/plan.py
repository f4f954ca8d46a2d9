"""What a schedule starts, when, and what it does about overlaps: one value, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
import msgspec

from perdure.actors.context import due_micros
from perdure.errors import InvalidIdError, InvalidInputError
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.programs import Programs
from perdure.orchestration.schedules.recurrence import Recurrence, check
from perdure.orchestration.starting import start_of

OVERLAPS = ("skip", "buffer_one", "allow", "cancel_other", "terminate_other")
MISSED = ("once", "skip", "all")
ID_LENGTH = 200
_MICROSECOND = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class Plan:
    """What a schedule is told to do.

    Attributes:
        orchestrator: by name.
        input: of each run, as plain JSON values.
        rule: when; its ``start_micros`` is 0 where no start was given.
        overlap: one of ``OVERLAPS``.
        missed: one of ``MISSED``.
        version: of the orchestrator; ``None`` for the app's at each time.
        tags: of each run.
    """

    orchestrator: str
    input: Any = None
    rule: Recurrence
    overlap: str = "skip"
    missed: str = "once"
    version: str | None = None
    tags: Mapping[str, str] = attrs.Factory(dict[str, str])


def plan_of(
    programs: Programs,
    *,
    orchestrator: Any,
    input: Any,
    every: timedelta | None,
    cron: str | None,
    timezone: str,
    start_at: datetime | None,
    end_at: datetime | None,
    overlap: str,
    missed: str,
    version: str | None,
    tags: Mapping[str, str] | None,
) -> Plan:
    """Check what a client asks for.

    Raises:
        UnknownOrchestratorError: it is not registered, or not in that version.
        InvalidInputError, EncodingError, DecodingError: the message names what does not fit.
    """
    start, definition = start_of(programs, orchestrator, input, version, tags)
    rule = Recurrence(
        every_micros=_duration(every),
        cron=_text("cron", cron or ""),
        timezone=_text("timezone", timezone),
        start_micros=_moment("start_at", start_at),
        end_micros=_moment("end_at", end_at),
    )
    _check_options(overlap, missed, rule)
    return Plan(
        orchestrator=definition.name,
        input=msgspec.json.decode(start.input),
        rule=rule,
        overlap=overlap,
        missed=missed,
        version=version,
        tags=start.tags,
    )


def check_plan(programs: Programs, plan: Plan) -> None:
    """Check a plan that was made elsewhere, as :func:`plan_of` does.

    Raises:
        UnknownOrchestratorError, InvalidInputError, EncodingError, DecodingError: as there.
    """
    start_of(programs, plan.orchestrator, plan.input, plan.version, plan.tags)
    _check_options(plan.overlap, plan.missed, plan.rule)


def _check_options(overlap: object, missed: object, rule: Recurrence) -> None:
    for option, given, known in (
        ("overlap", overlap, OVERLAPS),
        ("missed", missed, MISSED),
    ):
        if given not in known:
            msg = f"{option}={given!r}: use one of {', '.join(known)}"
            raise InvalidInputError(msg)
    check(rule)


def checked_schedule_id(value: object) -> str:
    """The id of a schedule, which the ids of its runs begin with.

    Raises:
        InvalidIdError: it breaks the rules.
    """
    text = checked_instance_id(value)
    if len(text) > ID_LENGTH:
        msg = f"schedule id {text[:40]!r}… has {len(text)} characters; use {ID_LENGTH} at most"
        raise InvalidIdError(msg)
    return text


def _duration(every: object) -> int:
    if every is None:
        return 0
    if not isinstance(every, timedelta) or every <= timedelta():
        msg = f"every={every!r}: use a timedelta longer than 0"
        raise InvalidInputError(msg)
    return every // _MICROSECOND


def _text(option: str, value: object) -> str:
    if not isinstance(value, str):
        msg = f"{option}={value!r} is of type {type(value).__name__}; use a text"
        raise InvalidInputError(msg)
    return value


def _moment(option: str, value: object) -> int:
    """A time, and no duration: asking again for the same schedule shall change nothing."""
    if value is None:
        return 0
    if not isinstance(value, datetime):
        msg = f"{option}={value!r} is of type {type(value).__name__}; use a datetime"
        raise InvalidInputError(msg)
    return due_micros(value, 0)
