"""Schedules over HTTP: what there is, and making, pausing and filling them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from perdure.errors import InvalidInputError
from perdure.gateway.engine import Engine
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import accepted, answer
from perdure.gateway.http.operations import (
    ADMIN,
    MOMENT,
    OPERATE,
    OURS,
    PAGED,
    TEXT,
    Operation,
    Parameter,
)
from perdure.gateway.http.pages import page_answer
from perdure.orchestration.schedules.entity import KIND
from perdure.orchestration.schedules.refs import ScheduleRef, ScheduleState, public_schedule


class Wish(msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """What a schedule shall be: the parameters of ``Client.schedule``; *every* in seconds."""

    orchestrator: str
    input: Any = None
    every: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None
    overlap: str = "skip"
    missed: str = "once"
    version: str | None = None
    tags: dict[str, str] | None = None

    def options(self) -> dict[str, Any]:
        """The arguments."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        every = given.pop("every")
        return given | {"every": None if every is None else _duration(every)}


_BACKFILL = (
    Parameter("from", MOMENT, "of backfill: the first time", required=False),
    Parameter("to", MOMENT, "of backfill: the last time", required=False),
    Parameter("note", TEXT, "of pause and resume: why"),
)


class Scheduling:
    """What can be asked about schedules."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client

    def operations(self) -> list[Operation]:
        """The routes."""
        one = OURS + "/schedules/{schedule_id}"
        none = {404: "there is none"}
        return [
            Operation(
                method="GET",
                path=OURS + "/schedules",
                answered_by=self.listed,
                text="Schedules, in byte order of their ids",
                parameters=(Parameter("prefix", TEXT, "only ids that begin so"), *PAGED),
            ),
            Operation(
                method="GET",
                path=one,
                answered_by=self.shown,
                text="One schedule",
                answers={200: "how it is"} | none,
            ),
            Operation(
                method="POST",
                path=one,
                answered_by=self.put,
                text="Make a schedule, or have it do something else",
                role=ADMIN,
                audited=True,
                body=_schema(),
                body_required=True,
                answers={200: "how it is now", 400: "it cannot be so"},
            ),
            Operation(
                method="DELETE",
                path=one,
                answered_by=self.delete,
                text="Forget a schedule; what runs goes on",
                role=ADMIN,
                audited=True,
                answers={202: "it is forgotten"},
            ),
            Operation(
                method="POST",
                path=one + "/{operation}",
                answered_by=self.control,
                text="pause, resume, trigger or backfill",
                role=OPERATE,
                audited=True,
                parameters=_BACKFILL,
                answers={200: "how it is now, and what trigger has started"} | none,
            ),
        ]

    async def listed(self, request: Request) -> Response:
        """GET ``/schedules``."""
        prefix = request.query_params.get("prefix", "")
        size = parameters.page_size(request.query_params)
        after = parameters.continuation(request)
        page = await self._engine.read(
            lambda: self._client.entities(KIND, prefix=prefix, after=after, limit=size)
        )
        found = [public_schedule(one.id.key, one.state) for one in page.items]
        return page_answer([_told(one) for one in found if one is not None], page.next)

    async def shown(self, request: Request) -> Response:
        """GET ``/schedules/{id}``."""
        return await self._described(self._ref(request))

    async def put(self, request: Request) -> Response:
        """POST ``/schedules/{id}``."""
        ref = self._ref(request)
        try:
            wish = msgspec.convert(await parameters.value(request), Wish)
        except msgspec.ValidationError as error:
            msg = f"the body is no schedule: {error}"
            raise InvalidInputError(msg) from error
        await self._engine.read(lambda: self._client.schedule(ref.id, **wish.options()))
        return await self._described(ref)

    async def delete(self, request: Request) -> Response:
        """DELETE ``/schedules/{id}``."""
        await self._engine.read(self._ref(request).delete)
        return accepted()

    async def control(self, request: Request) -> Response:
        """POST ``/schedules/{id}/{operation}``."""
        ref = self._ref(request)
        note = request.query_params.get("note", "")
        known: dict[str, Callable[[], str | None]] = {
            "pause": lambda: ref.pause(note),
            "resume": lambda: ref.resume(note),
            "trigger": ref.trigger,
            "backfill": lambda: ref.backfill(_moment(request, "from"), _moment(request, "to")),
        }
        operation = request.path_params["operation"].lower()
        if operation not in known:
            raise HTTPException(404)
        started = await self._engine.read(known[operation])
        return await self._described(ref, started)

    async def _described(self, ref: ScheduleRef, started: str | None = None) -> Response:
        told = _told(await self._engine.read(ref.describe))
        return answer(200, told | ({"startedInstanceId": started} if started else {}))

    def _ref(self, request: Request) -> ScheduleRef:
        return self._client.schedule(request.path_params["schedule_id"])


def _told(state: ScheduleState) -> dict[str, Any]:
    """A schedule as JSON: names as elsewhere, the interval in seconds."""
    told = attrs.asdict(state, recurse=False)
    every = told.pop("every")
    named = {_camel(name): value for name, value in told.items()}
    return named | {"every": None if every is None else every.total_seconds()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _duration(seconds: float) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        msg = f"every {seconds}: use seconds"
        raise InvalidInputError(msg) from error


def _moment(request: Request, name: str) -> datetime:
    found = parameters.moment(request.query_params, name)
    if found is None:
        msg = f"{name} is needed: a time as 2030-01-31T12:00:00Z"
        raise InvalidInputError(msg)
    return found.astimezone(UTC)


def _schema() -> dict[str, Any]:
    _, parts = msgspec.json.schema_components([Wish])
    wish: dict[str, Any] = parts["Wish"]
    return wish
