"""A schedule: an entity that signals itself for the next time, and starts orchestrations then.

One commit holds a start, the count of it, and the signal for the next time; so no crash can
lose one or make two of it. Only the signal that was sent last counts, and it is sent again when
it comes before its time, as after a clock was put back. Each run tells its end, in the commit
that ends it.
"""

from __future__ import annotations

from typing import Any

import attrs

from perdure.actors.context import ConditionalStarts, to_datetime, to_micros
from perdure.actors.definition import define_entity
from perdure.actors.directory import Conditions
from perdure.actors.entity import Entity, field
from perdure.errors import (
    ExtraMissingError,
    InvalidInputError,
    PerdureError,
    ScheduleNotFoundError,
)
from perdure.orchestration import effects, requests
from perdure.orchestration.ends import OrchestrationEnd
from perdure.orchestration.schedules.plan import Plan
from perdure.orchestration.schedules.recurrence import Recurrence, due, next_after, tick_name

KIND = "perdure.schedule"
TAG = "perdure.schedule"
RETRY_MICROS = 60_000_000
LIVING = 1_000
"""Runs of one schedule that live at once."""
FILLS = 100
"""Backfills of one schedule that wait; those that a downtime makes are never refused."""


@attrs.frozen
class Tick:
    """One time to start something.

    Attributes:
        name: tells it from others in the id of its run.
        micros: what time.
    """

    name: str
    micros: int


@attrs.frozen
class Fill:
    """What is left to be started of a stretch of time: after one moment, until another."""

    after: int
    until: int


class Schedule(Entity):
    """What is stored of one schedule; a :class:`ScheduleRef` is what users have."""

    plan: Plan | None = None
    created: int = 0
    anchor: int = 0
    paused: bool = False
    note: str = ""
    next_micros: int = 0
    armed: int = 0
    running: list[str] = field(factory=list[str])
    waiting: Tick | None = None
    fills: list[Fill] = field(factory=list[Fill])
    last: Tick | None = None
    last_status: str = ""
    started: int = 0
    skipped: int = 0
    triggered: int = 0
    problem: str = ""

    # ---- what a client asks for ------------------------------------------------------------

    def put(self, plan: Plan) -> None:
        """Be as *plan* says; what is so already stays as it is."""
        before = self.plan
        if before == plan:
            return
        now = self._now()
        self.plan, self.problem = plan, ""
        self.created = self.created or now
        if before is None or before.rule != plan.rule:
            self.anchor = now + plan.rule.every_micros
            self._plan_next(now)

    def replace(self, before: Plan, plan: Plan) -> bool:
        """Be as *plan* says, if it is as *before* says."""
        if self._required() != before:
            return False
        self.put(plan)
        return True

    def pause(self, note: str) -> None:
        """Start nothing by itself until it is resumed."""
        self._required()
        self.paused, self.note, self.next_micros = True, note, 0

    def resume(self, note: str) -> None:
        """Go on with the next time; those that have passed meanwhile are left out."""
        self._required()
        if self.paused:
            self.paused, self.note = False, note
            self._plan_next(self._now())

    def trigger(self) -> str | None:
        """Start one now, or as soon as overlaps allow it; ``None`` where they do not."""
        self._required()
        self.triggered += 1
        now = self._now()
        tick = Tick(f"{tick_name(now)}.{self.triggered}", now)
        return self._id_of(tick) if self._take(tick) else None

    def backfill(self, first: int, last: int) -> None:
        """Start what would have been started from *first* to *last*."""
        self._required()
        if len(self.fills) >= FILLS:
            msg = f"{FILLS} backfills of schedule {self.context.id.key!r} wait; wait for them"
            raise InvalidInputError(msg)
        self._fill(first, min(last, self._now()))

    # ---- what it tells itself, and is told -------------------------------------------------

    def wake(self, armed: int) -> None:
        """Its next time has come, if nothing was changed since it sent that signal."""
        plan, now = self.plan, self._now()
        if plan is None or armed != self.armed or not self.next_micros:
            return
        if now < self.next_micros:
            self._wake_at(self.next_micros)
            return
        try:
            found = due(self._rule(), self.next_micros, now, plan.missed)
        except (InvalidInputError, ExtraMissingError) as error:  # it may come
            self.problem = str(error)
            self._wake_at(now + RETRY_MICROS)
            return
        self._look_at(found.then)
        if 0 < found.first < found.last:
            self._fill(found.first, found.last)
        elif found.last:
            self._take(Tick(tick_name(found.last), found.last))

    def go_on(self) -> None:
        """Perhaps something waits that can be started."""
        if self.plan is not None:
            self._go_on()

    def ended(self, end: OrchestrationEnd) -> None:
        """One of its runs has ended."""
        if self.plan is None or end.instance_id not in self.running:
            return
        self.running.remove(end.instance_id)
        self.last_status = end.status
        self._go_on()

    # ---- how --------------------------------------------------------------------------------

    def _required(self) -> Plan:
        if self.plan is None:
            msg = f"there is no schedule {self.context.id.key!r}"
            raise ScheduleNotFoundError(msg)
        return self.plan

    def _now(self) -> int:
        return to_micros(self.context.now)

    def _rule(self) -> Recurrence:
        rule = self._required().rule
        if rule.cron or rule.start_micros:
            return rule
        return attrs.evolve(rule, start_micros=self.anchor)

    def _itself(self) -> Any:
        own = self.context.id
        return self.context.entity(own.kind, own.key)

    def _wake_at(self, micros: int) -> None:
        self.armed += 1
        self._itself().options(at=to_datetime(micros)).signal("wake", self.armed)

    def _plan_next(self, after: int) -> None:
        if not self.paused:
            self._look_at(next_after(self._rule(), after))

    def _look_at(self, micros: int | None) -> None:
        self.next_micros = micros or 0
        if micros is not None:
            self._wake_at(micros)

    def _take(self, tick: Tick) -> bool:
        """Start it, have it wait, or leave it out; whether it has a future."""
        overlap = self._required().overlap
        if self._has_room():
            self._start(tick)
            return True
        if overlap in ("skip", "allow") or (overlap == "buffer_one" and self.waiting):
            self.skipped += 1
            return False
        if self.waiting is not None:
            self.skipped += 1
        self.waiting = tick
        if overlap != "buffer_one":
            self._stop_all(overlap)
        return True

    def _has_room(self) -> bool:
        if self._required().overlap == "allow":
            return len(self.running) < LIVING
        return not self.running

    def _start(self, tick: Tick) -> None:
        plan, own = self._required(), self.context.id
        starts = ConditionalStarts(self._running(), Conditions("keep", (str(own), "ended")))
        try:
            started = starts.start(
                plan.orchestrator,
                plan.input,
                instance_id=self._id_of(tick),
                version=plan.version,
                tags={**plan.tags, TAG: own.key},
            )
        except PerdureError as error:  # the code of today has no such orchestrator
            self.skipped += 1
            self.problem = f"nothing was started for {tick.name}: {error}"
            return
        self.running.append(started)
        self.started += 1
        self.last = tick
        self.problem = ""

    def _id_of(self, tick: Tick) -> str:
        return f"{self.context.id.key}:{tick.name}"

    def _stop_all(self, how: str) -> None:
        own = str(self.context.id)
        reason = f"schedule {self.context.id.key} starts the next one"
        for instance_id in self.running:
            if how == "cancel_other":
                asked = effects.send(instance_id, requests.CANCEL, requests.Reason(reason), own)
            else:
                end = requests.Terminate()
                asked = effects.send(instance_id, requests.TERMINATE, end, own)
            self._running().send(asked)

    def _fill(self, first: int, last: int) -> None:
        """Start all from *first* to *last*, as fast as overlaps allow it."""
        self.fills.append(Fill(first - 1, last))
        self._go_on()

    def _go_on(self) -> None:
        """Start one that waits, if overlaps allow it, and look again for more."""
        if not self._has_room():
            return
        tick, self.waiting = self.waiting, None
        if tick is None and self.fills:
            tick = self._next_of_fill()
        if tick is not None:
            self._start(tick)
        if self.fills and self._has_room():
            self._itself().signal("go_on")

    def _next_of_fill(self) -> Tick | None:
        fill = self.fills.pop(0)
        try:
            found = next_after(self._rule(), fill.after)
        except (InvalidInputError, ExtraMissingError) as error:
            self.problem = str(error)
            return None
        if found is None or found > fill.until:
            return None
        self.fills.insert(0, Fill(found, fill.until))
        return Tick(tick_name(found), found)


SCHEDULES = define_entity(Schedule, KIND)
"""What the engine knows of this entity; every app has it."""
