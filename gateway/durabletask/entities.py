"""The routes of the field that are about entities, and calling one, which is ours."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.context import to_datetime, to_micros
from perdure.actors.control import Signal
from perdure.actors.control_server import message_of
from perdure.actors.ids import EntityId
from perdure.actors.locks import shown_state
from perdure.actors.messages import Message
from perdure.errors import InvalidInputError
from perdure.gateway import limits
from perdure.gateway.durabletask.payloads import second
from perdure.gateway.engine import Engine, answered
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import accepted, answer, missing
from perdure.gateway.http.operations import (
    ANYTHING,
    FIELD,
    FLAG,
    MOMENT,
    ONCE,
    OPERATE,
    PAGED,
    SECONDS,
    TEXT,
    Operation,
    Parameter,
)
from perdure.gateway.http.pages import page_answer, read_page
from perdure.gateway.security.access import authorise, role_for_message
from perdure.storage.records import StoredState

EMPTY_KEY = "$"
"""How the field writes the key that is empty, which no entity here has."""


_LISTING = (
    Parameter("fetchState", FLAG, "with their states; false"),
    Parameter("lastOperationTimeFrom", MOMENT, "only changed then or later"),
    Parameter("lastOperationTimeTo", MOMENT, "only changed then or before"),
    *PAGED,
)
_OPERATING = (
    Parameter("op", TEXT, "the name of the operation", required=True),
    Parameter("wait", FLAG, "call it: wait for the result; false"),
    Parameter("timeout", SECONDS, "wait so many seconds; 60"),
    ONCE,
)


class Entities:
    """What can be asked about entities."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client

    def operations(self) -> list[Operation]:
        """The routes."""
        one = FIELD + "/entities/{name}/{key:path}"
        listing: dict[str, Any] = {
            "method": "GET",
            "answered_by": self.listed,
            "text": "Entities that have a state, in byte order of their addresses",
            "parameters": _LISTING,
        }
        return [
            Operation(path=FIELD + "/entities", **listing),
            Operation(path=FIELD + "/entities/", **listing),
            Operation(path=FIELD + "/entities/{name}", **listing),
            Operation(
                method="GET",
                path=one,
                answered_by=self.state,
                text="The state of an entity",
                answers={200: "its state", 404: "it has none"},
            ),
            Operation(
                method="POST",
                path=one,
                answered_by=self.operate,
                text="Signal an entity, or call it",
                role=OPERATE,
                body=ANYTHING,
                parameters=_OPERATING,
                answers={200: "the result", 202: "the signal is on disk", 422: "it raised"},
            ),
            Operation(
                method="DELETE",
                path=one,
                answered_by=self.delete,
                text="Signal an entity to delete its state",
                role=OPERATE,
                parameters=(ONCE,),
                answers={202: "the signal is on disk"},
            ),
        ]

    async def state(self, request: Request) -> Response:
        """GET ``/entities/{name}/{key}``."""
        entity_id = _named(request)
        self._client.definition_of(entity_id.kind)
        self._client.node.check_open()
        row = await self._engine.read(lambda: self._client.node.store.state(str(entity_id)))
        state = None if row is None else shown_state(row.state)
        if state is None:
            return missing(f"there is no entity {entity_id}")
        return answer(200, msgspec.Raw(state))

    async def listed(self, request: Request) -> Response:
        """GET ``/entities/{name?}``."""
        query = request.query_params
        with_state = parameters.flag(query, "fetchState", default=False)
        kind = request.path_params.get("name")
        start = f"@{self._client.definition_of(kind).kind}@" if kind else "@"
        first = parameters.moment(query, "lastOperationTimeFrom")
        last = parameters.moment(query, "lastOperationTimeTo")
        self._client.node.check_open()
        size = parameters.page_size(query)
        after = parameters.continuation(request)

        def step(behind: str, count: int) -> tuple[list[Any], str | None]:
            rows = self._client.node.store.states(
                start,
                after=behind,
                limit=count,
                modified_from=None if first is None else to_micros(first),
                modified_to=None if last is None else to_micros(last),
            )
            entries = [_entry(row, with_state=with_state) for row in rows]
            following = rows[-1].stream if len(rows) == count else None
            return [entry for entry in entries if entry is not None], following

        return page_answer(*await self._engine.read(lambda: read_page(step, after, size)))

    async def operate(self, request: Request) -> Response:
        """POST ``/entities/{name}/{key}``: a signal, or with ``wait=true`` a call."""
        query = request.query_params
        wait = parameters.flag(query, "wait", default=False)
        seconds = parameters.seconds(query, "timeout") or limits.ENGINE_SECONDS
        message = self._message(request, query.get("op", ""), await parameters.body(request))
        if wait:
            reply = await self._engine.send(
                lambda: self._client.send_call(message, msgspec.Raw)
            )
            return answer(200, await answered(reply, seconds))
        return await self._signal(message)

    async def delete(self, request: Request) -> Response:
        """DELETE ``/entities/{name}/{key}``."""
        return await self._signal(self._message(request, "delete", b""))

    async def _signal(self, message: Message) -> Response:
        reply = await self._engine.send(lambda: self._client.hand_over(message))
        await answered(reply, limits.ENGINE_SECONDS)
        return accepted()

    def _message(self, request: Request, operation: str, data: bytes) -> Message:
        if not operation:
            msg = "op is needed: the name of the operation"
            raise InvalidInputError(msg)
        entity_id = _named(request)
        authorise(request, role_for_message(str(entity_id), operation.lower()))
        name = parameters.request_id(request)
        message = message_of(
            self._client,
            Signal(
                target=str(entity_id),
                operation=operation,
                request_id=name or self._client.new_id(),
                arguments=[msgspec.Raw(data)] if data else [],
            ),
        )
        message.chosen = name is not None
        return message


def _named(request: Request) -> EntityId:
    key = request.path_params["key"]
    return EntityId(request.path_params["name"], "" if key == EMPTY_KEY else key)


def _entry(row: StoredState, *, with_state: bool) -> dict[str, Any] | None:
    """What a list says of an entity; nothing of one that is damaged, or has no state now."""
    state = None if row.corrupt is not None else shown_state(row.state)
    if state is None:
        return None
    entity_id = EntityId.parse(row.stream)
    entry: dict[str, Any] = {
        "entityId": {"name": entity_id.kind, "key": entity_id.key},
        "lastOperationTime": second(to_datetime(row.time_micros)),
    }
    if with_state:
        entry["state"] = msgspec.Raw(state)
    return entry
