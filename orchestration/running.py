"""Which attempts of an orchestration's activities are at work, as a client sees them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from perdure.actors.behavior import Step
from perdure.actors.context import to_datetime
from perdure.orchestration.activity_context import ActivityContext


@attrs.frozen(kw_only=True)
class RunningActivity:
    """An attempt that is at work now. It lives in the node's memory only, as its progress does.

    Attributes:
        name: of the activity.
        task_id: of its task in the orchestration.
        attempt: from 1, as ``ActivityContext.attempt``.
        begun_at: when its code began, in UTC; ``None``: it is about to.
        heartbeat_at: when it told last that it is alive, in UTC; ``None``: it did not begin.
        progress: what it told then, as plain JSON values.
        is_cancelled: it was told that its result is not needed any more.
    """

    name: str
    task_id: int
    attempt: int
    begun_at: datetime | None
    heartbeat_at: datetime | None
    progress: Any
    is_cancelled: bool


def running_of(instance_id: str, steps: Iterable[Step]) -> list[RunningActivity]:
    """Those among *steps* that *instance_id* has asked for, in the order of its tasks."""
    own = (
        step
        for step in steps
        if isinstance(step.scope, ActivityContext) and step.scope.instance_id == instance_id
    )
    return all_running(own).get(instance_id, [])


def all_running(steps: Iterable[Step]) -> dict[str, list[RunningActivity]]:
    """The same of all orchestrations, by their ids."""
    found: dict[str, list[RunningActivity]] = {}
    for step in steps:
        if isinstance(step.scope, ActivityContext):
            found.setdefault(step.scope.instance_id, []).append(_described(step.scope))
    for attempts in found.values():
        attempts.sort(key=lambda attempt: attempt.task_id)
    return found


def _described(context: ActivityContext) -> RunningActivity:
    return RunningActivity(
        name=context.name,
        task_id=context.task_id,
        attempt=context.attempt,
        begun_at=_time(context.begun_micros),
        heartbeat_at=_time(context.beat_micros),
        progress=context.progress,
        is_cancelled=context.is_cancelled,
    )


def _time(micros: int) -> datetime | None:
    return to_datetime(micros) if micros else None
