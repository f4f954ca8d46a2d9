"""What is ours beyond the field's API: the past of entities, and what is waited for."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

import attrs
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.ids import EntityId
from perdure.actors.reads import state_as_of
from perdure.errors import InvalidInputError
from perdure.gateway.engine import Engine
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import answer, missing
from perdure.gateway.http.operations import (
    MOMENT,
    NUMBER,
    OURS,
    PAGED,
    PREFIX,
    TEXT,
    Operation,
    Parameter,
)
from perdure.gateway.http.pages import page_answer, read_page
from perdure.gateway.streams.feed import shown

_VERSION = Parameter("version", NUMBER, "the state after so many events")
_TIME = Parameter("time", MOMENT, "the state at that time; either this or version")


class Insight:
    """What can be asked besides."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client

    def operations(self) -> list[Operation]:
        """The routes."""
        one = OURS + "/entities/{name}/{key:path}"
        return [
            Operation(
                method="GET",
                path=OURS + "/counts",
                answered_by=self.counts,
                text="How many orchestrations there are by status",
                parameters=(PREFIX, Parameter("name", TEXT, "only of this orchestrator")),
            ),
            Operation(
                method="GET",
                path=OURS + "/why/{address:path}",
                answered_by=self.why,
                text="What an orchestration, or an entity @kind@key, waits for",
                answers={200: "the reasons", 404: "there is nothing of it"},
            ),
            Operation(
                method="GET",
                path=one + "/history",
                answered_by=self.history,
                text="An entity's events, oldest first",
                parameters=(Parameter("after", NUMBER, "behind this version"), *PAGED),
            ),
            Operation(
                method="GET",
                path=one + "/as_of",
                answered_by=self.as_of,
                text="An entity's state as it was",
                parameters=(_VERSION, _TIME),
                answers={200: "its state then", 404: "it had none"},
            ),
        ]

    async def counts(self, request: Request) -> Response:
        """GET ``/counts``: how many orchestrations there are of each status."""
        prefix = request.query_params.get("instanceIdPrefix", "")
        name = request.query_params.get("name")
        found = await self._engine.read(lambda: self._client.count(prefix=prefix, name=name))
        return answer(200, found)

    async def why(self, request: Request) -> Response:
        """GET ``/why/{address}``: what an orchestration or an entity waits for."""
        address = request.path_params["address"]
        reasons = await self._engine.read(lambda: self._client.why(address))
        return answer(200, [attrs.asdict(reason) for reason in reasons])

    async def history(self, request: Request) -> Response:
        """GET ``/entities/{name}/{key}/history``: a page of what happened, oldest first."""
        ref = self._client.entity(request.path_params["name"], request.path_params["key"])
        size = parameters.page_size(request.query_params)
        after = parameters.continuation(request) or request.query_params.get("after") or "0"
        if not parameters.is_number(after):
            msg = f"after={after[:40]!r}: use a version"
            raise InvalidInputError(msg)

        def step(behind: str, count: int) -> tuple[list[Any], str | None]:
            events = list(islice(ref.history(int(behind)), count))
            following = str(events[-1].version) if len(events) == count else None
            return [shown(event) for event in events], following

        return page_answer(*await self._engine.read(lambda: read_page(step, after, size)))

    async def as_of(self, request: Request) -> Response:
        """GET ``/entities/{name}/{key}/as_of``: its state at a version, or at a time."""
        entity_id = EntityId(request.path_params["name"], request.path_params["key"])
        definition = self._client.definition_of(entity_id.kind)
        moment = _moment(request)
        self._client.node.check_open()
        store = self._client.node.store
        state = await self._engine.read(
            lambda: state_as_of(store, definition, entity_id, moment)
        )
        if state is None:
            return missing(f"{entity_id} had no state then")
        return answer(200, msgspec.Raw(state))


def _moment(request: Request) -> int | datetime:
    version = request.query_params.get("version", "")
    time = parameters.moment(request.query_params, "time")
    if bool(version) == (time is not None):
        msg = "give either version or time"
        raise InvalidInputError(msg)
    if time is not None:
        return time
    if not parameters.is_number(version):
        msg = f"version={version[:40]!r}: use a number from 0"
        raise InvalidInputError(msg)
    return int(version)
