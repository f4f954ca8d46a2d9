"""A reference to one schedule: what a client asks of it, and how it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from perdure.actors.context import to_datetime, to_micros
from perdure.actors.interface import EntityInterface, EntityRef
from perdure.errors import InvalidInputError, OperationFailedError, ScheduleNotFoundError
from perdure.orchestration.checking import checked_text
from perdure.orchestration.faults import typed
from perdure.orchestration.programs import Programs
from perdure.orchestration.schedules.entity import KIND, Schedule
from perdure.orchestration.schedules.plan import Plan, plan_of

_MICROSECOND = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class ScheduleState:
    """A schedule as it was at its last commit; all times are in UTC.

    Attributes:
        id: names it.
        orchestrator: what it starts, by name.
        input: of each run, as plain JSON values.
        every: the interval, or ``None``.
        cron: the expression, or empty.
        timezone: what the expression means.
        start_at: nothing before, or ``None``.
        end_at: nothing after, or ``None``.
        overlap: what it does when the last run lives.
        missed: what it does about times that passed while no node ran.
        version: of the orchestrator; ``None`` for the app's.
        tags: of each run.
        created_at: when it was made.
        is_paused: it starts nothing by itself.
        note: why it was paused or resumed.
        next_at: when it starts the next one; ``None`` when it does not.
        last_at: for what time the last one was started, or ``None``.
        last_status: how the last one to end has ended; empty before.
        running: the instance ids of those that live.
        is_waiting: one waits for another to end.
        started: how many were started.
        skipped: how many were left out because another one lived.
        problem: why nothing can be started; else empty.
    """

    id: str
    orchestrator: str
    input: Any
    every: timedelta | None
    cron: str
    timezone: str
    start_at: datetime | None
    end_at: datetime | None
    overlap: str
    missed: str
    version: str | None
    tags: Mapping[str, str]
    created_at: datetime
    is_paused: bool
    note: str
    next_at: datetime | None
    last_at: datetime | None
    last_status: str
    running: list[str]
    is_waiting: bool
    started: int
    skipped: int
    problem: str


def public_schedule(key: str, stored: Schedule) -> ScheduleState | None:
    """A schedule as users see it; ``None`` when there is none."""
    plan = stored.plan
    if plan is None:
        return None
    return ScheduleState(
        id=key,
        orchestrator=plan.orchestrator,
        input=plan.input,
        **_options(plan),
        created_at=to_datetime(stored.created),
        is_paused=stored.paused,
        note=stored.note,
        next_at=_moment(stored.next_micros),
        last_at=None if stored.last is None else to_datetime(stored.last.micros),
        last_status=stored.last_status,
        running=list(stored.running),
        is_waiting=stored.waiting is not None or bool(stored.fills),
        started=stored.started,
        skipped=stored.skipped,
        problem=stored.problem,
    )


def _options(plan: Plan) -> dict[str, Any]:
    """What a client has asked for, as it was asked."""
    rule = plan.rule
    return {
        "every": rule.every_micros * _MICROSECOND if rule.every_micros else None,
        "cron": rule.cron,
        "timezone": rule.timezone,
        "start_at": _moment(rule.start_micros),
        "end_at": _moment(rule.end_micros),
        "overlap": plan.overlap,
        "missed": plan.missed,
        "version": plan.version,
        "tags": dict(plan.tags),
    }


def _moment(micros: int) -> datetime | None:
    return to_datetime(micros) if micros else None


class ScheduleRef:
    """One schedule, as a client sees it.

    Attributes:
        id: names it.
    """

    __slots__ = ("_client", "_entity", "_programs", "id")

    def __init__(self, client: EntityInterface, programs: Programs, schedule_id: str) -> None:
        self._client = client
        self._programs = programs
        self._entity: EntityRef[Schedule] = client.entity(Schedule, schedule_id)
        self.id = schedule_id

    def describe(self) -> ScheduleState:
        """How it was at its last commit.

        Raises:
            ScheduleNotFoundError: there is none.
        """
        snapshot = self._entity.get()
        found = None if snapshot is None else public_schedule(self.id, snapshot.state)
        if found is None:
            msg = f"there is no schedule {self.id!r}"
            raise ScheduleNotFoundError(msg)
        return found

    def pause(self, note: str = "") -> None:
        """Have it start nothing by itself; what runs goes on.

        Raises:
            ScheduleNotFoundError: there is none.
        """
        self._ask(Schedule.pause, checked_text("note", note))

    def resume(self, note: str = "") -> None:
        """Have a paused one go on with its next time; those that have passed are left out.

        Raises:
            ScheduleNotFoundError: there is none.
        """
        self._ask(Schedule.resume, checked_text("note", note))

    def trigger(self) -> str | None:
        """Start one now, also while it is paused.

        Returns:
            Its instance id; ``None`` when another one lives, and so nothing was started.

        Raises:
            ScheduleNotFoundError: there is none.
        """
        found: str | None = self._ask(Schedule.trigger)
        return found

    def backfill(self, first: datetime, last: datetime) -> None:
        """Start what would have been started from *first* to *last*, oldest first.

        One after the other, or all at once where overlaps are allowed. What was started for one
        of these times already, and was not purged, is not started again.

        Args:
            first: in UTC when it has no zone.
            last: the same; not in the future.

        Raises:
            ScheduleNotFoundError: there is none.
            InvalidInputError: these are no such times.
        """
        for given in (first, last):
            moment: object = given
            if not isinstance(moment, datetime):
                msg = f"{moment!r} is of type {type(moment).__name__}; use a datetime"
                raise InvalidInputError(msg)
        begin, end = to_micros(first), to_micros(last)
        if not begin <= end <= self._client.now_micros():
            msg = f"backfill({first}, {last}): use two times, the earlier first, none to come"
            raise InvalidInputError(msg)
        self._ask(Schedule.backfill, begin, end)

    def update(self, **changes: Any) -> None:
        """Change some of what :meth:`Client.schedule` was given; the rest stays.

        Args:
            **changes: its parameters by name, ``orchestrator`` and ``input`` among them. With
                ``every`` goes ``cron``, and the other way round. A new rhythm begins now.

        Raises:
            ScheduleNotFoundError: there is none.
            InvalidInputError, UnknownOrchestratorError: the changes do not fit.
        """
        replaced = False
        while not replaced:  # until nobody else has changed it in between
            snapshot = self._entity.get()
            plan = None if snapshot is None else snapshot.state.plan
            if plan is None:
                msg = f"there is no schedule {self.id!r}"
                raise ScheduleNotFoundError(msg)
            replaced = self._ask(Schedule.replace, plan, self._changed(plan, changes))

    def _changed(self, plan: Plan, changes: dict[str, Any]) -> Plan:
        options: dict[str, Any] = {
            "orchestrator": plan.orchestrator,
            "input": plan.input,
            **_options(plan),
        }
        unknown = changes.keys() - options.keys()
        if unknown:
            msg = f"{', '.join(sorted(unknown))}: a schedule has {', '.join(options)}"
            raise InvalidInputError(msg)
        if "every" in changes:
            options["cron"] = ""
        elif "cron" in changes:
            options["every"] = None
        return plan_of(self._programs, **{**options, **changes})

    def delete(self) -> None:
        """Forget it; what runs goes on. Again is no error."""
        self._ask("delete")

    def put(self, plan: Plan) -> None:
        """Have it do as *plan* says; it is made when it is not there."""
        self._ask(Schedule.put, plan)

    def _ask(self, operation: Callable[..., Any] | str, *args: object) -> Any:
        call: Callable[..., Any] = self._entity.call
        try:
            return call(operation, *args).get()
        except OperationFailedError as error:
            raise typed(error) from None

    def __repr__(self) -> str:
        return f"<ScheduleRef {self.id}>"


def schedules_of(client: EntityInterface, prefix: str) -> Iterator[ScheduleState]:
    """All schedules whose ids begin so, in byte order."""
    after: str | None = ""
    while after is not None:
        page = client.entities(KIND, prefix=prefix, after=after)
        for snapshot in page.items:
            found = public_schedule(snapshot.id.key, snapshot.state)
            if found is not None:
                yield found
        after = page.next
