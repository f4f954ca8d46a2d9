"""How one orchestration, or one entity, goes on: its newest state after each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zlib import crc32

import attrs
from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.ids import EntityId
from perdure.gateway.durabletask.payloads import entity_summary, instance_summary
from perdure.gateway.engine import Engine
from perdure.gateway.http.answers import missing
from perdure.gateway.http.operations import OURS, TEXT, Operation, Parameter
from perdure.gateway.streams.activities import Activities
from perdure.gateway.streams.pump import Pump, Stream, event
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.running import RunningActivity
from perdure.orchestration.status import public_state, state_of
from perdure.storage.records import StoredState

Told = tuple[str, dict[str, Any], bool]
"""What a row tells: the event's name, its data, and whether nothing will follow."""

_LAST_SEEN = Parameter(
    "Last-Event-ID", TEXT, "the last event that was seen: it is not told again", "header"
)


class Progress:
    """What can be followed of one actor."""

    def __init__(self, engine: Engine, pump: Pump) -> None:
        self._engine = engine
        self._pump = pump
        self._activities = Activities(engine, pump)

    def operations(self) -> list[Operation]:
        """The routes."""
        answers = {200: "events", 503: "there are too many streams"}
        return [
            Operation(
                method="GET",
                path=OURS + "/instances/{instance_id}/stream",
                answered_by=self.instance,
                text="An orchestration's status, now and after each change, and what its "
                "activities tell, as server-sent events, until it has ended",
                parameters=(_LAST_SEEN,),
                media_type="text/event-stream",
                answers=answers | {204: "it has ended, and that was seen", 404: "none"},
            ),
            Operation(
                method="GET",
                path=OURS + "/entities/{name}/{key:path}/stream",
                answered_by=self.entity,
                text="An entity's state, now and after each change, as server-sent events",
                parameters=(_LAST_SEEN,),
                media_type="text/event-stream",
                answers=answers,
            ),
        ]

    async def instance(self, request: Request) -> Response:
        """GET ``/instances/{id}/stream``."""
        instance_id = checked_instance_id(request.path_params["instance_id"])
        row = await self._engine.read(lambda: self._engine.store().state(instance_id))
        if row is None:
            return missing(f"there is no orchestration {instance_id!r}")
        seen = request.headers.get("last-event-id", "")
        if state_of(row).is_finished and seen == _mark(row):
            return Response(None, 204)  # browsers come again until they are told this
        newest = Newest(self._engine, instance_id, _instance, seen)
        return Stream(WithActivities(newest, self._activities), self._pump)

    async def entity(self, request: Request) -> Response:
        """GET ``/entities/{name}/{key}/stream``."""
        name, key = request.path_params["name"], request.path_params["key"]
        address = str(EntityId(self._engine.client.definition_of(name).kind, key))
        seen = request.headers.get("last-event-id", "")
        return Stream(Newest(self._engine, address, _entity, seen), self._pump)


class Newest:
    """The newest row of one actor, told once; what was in between is left out."""

    __slots__ = ("_address", "_engine", "_seen", "_tells", "ended")

    def __init__(
        self,
        engine: Engine,
        address: str,
        tells: Callable[[StoredState | None], Told],
        seen: str,
    ) -> None:
        self._engine = engine
        self._address = address
        self._tells = tells
        self._seen = seen
        self.ended = False

    @property
    def topics(self) -> Iterable[str]:
        """What wakes it."""
        return (self._address,)

    def place(self) -> str:
        """What was told last."""
        return self._seen

    async def news(self) -> tuple[bytes, bool]:
        """The row, if it is another one than the last."""
        row = await self._engine.read(lambda: self._engine.store().state(self._address))
        mark = _mark(row)
        if mark == self._seen:
            return b"", False
        name, data, self.ended = self._tells(row)
        self._seen = mark
        return event(name, data, mark), False


class WithActivities:
    """The newest row of an orchestration, and the attempts that are at work for it."""

    __slots__ = ("_activities", "_newest", "_told")

    def __init__(self, newest: Newest, activities: Activities) -> None:
        self._newest = newest
        self._activities = activities
        self._told: Sequence[RunningActivity] = ()

    @property
    def topics(self) -> Iterable[str]:
        """What wakes it."""
        return self._newest.topics

    @property
    def ended(self) -> bool:
        """The orchestration has."""
        return self._newest.ended

    def place(self) -> str:
        """What was told last."""
        return self._newest.place()

    async def news(self) -> tuple[bytes, bool]:
        """The row and the attempts, each if it is another than the last."""
        told, more = await self._newest.news()
        (address,) = self.topics
        at_work = self._activities.of(address)
        if not self.ended and [*at_work] != [*self._told]:
            self._told = at_work
            data = {"activities": [attrs.asdict(attempt) for attempt in at_work]}
            told += event("activities", data, self.place())
        return told, more


def _mark(row: StoredState | None) -> str:
    """Names a row: two that differ have different marks."""
    return "0" if row is None else f"{row.version}.{crc32(row.state or b'')}"


def _instance(row: StoredState | None) -> Told:
    if row is None:
        return "gone", {}, True
    state = public_state(row.stream, state_of(row))
    return "status", instance_summary(state, with_output=True), state.is_finished


def _entity(row: StoredState | None) -> Told:
    summary = None if row is None else entity_summary(row, with_state=True)
    return ("gone", {}, False) if summary is None else ("state", summary, False)
