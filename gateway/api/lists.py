"""Our own lists: orchestrations by all that is known of them, entities by kind and key.

A search looks for a part of a second; then its page ends, with a token to go on from. So no
question, however large the store, holds up whoever asks, or those beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.definition import EntityDefinition
from perdure.errors import CorruptionError, InvalidInputError
from perdure.gateway.api.signatures import signatures
from perdure.gateway.durabletask.payloads import entity_summary, instance_summary
from perdure.gateway.engine import Engine
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import answer
from perdure.gateway.http.operations import (
    CREATED,
    FLAG,
    OURS,
    PAGED,
    PREFIX,
    STATUS,
    TEXT,
    Operation,
    Parameter,
)
from perdure.gateway.http.pages import page_answer
from perdure.orchestration.choosing import Choice, chooser, narrowed_rows, newest_rows
from perdure.orchestration.status import public_state, state_of
from perdure.storage.records import StoredState


class Lists:
    """Lists of what there is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client

    def operations(self) -> list[Operation]:
        """The routes."""
        return [
            Operation(
                method="GET",
                path=OURS + "/instances",
                answered_by=self.instances,
                text="Orchestrations; a page may end early, and even be empty, with a token "
                "to go on",
                parameters=(
                    PREFIX,
                    STATUS,
                    *CREATED,
                    Parameter("name", TEXT, "only of this orchestrator"),
                    Parameter("tag", TEXT, "only with this tag, name:value; several times"),
                    Parameter("parent", TEXT, "only started by that one"),
                    Parameter(
                        "order",
                        {"type": "string", "enum": ["id", "recent"]},
                        "by id, or those first that were changed last; id",
                    ),
                    *PAGED,
                ),
            ),
            Operation(
                method="GET",
                path=OURS + "/entities",
                answered_by=self.kinds,
                text="The kinds of entities, how many of each, and their operations",
            ),
            Operation(
                method="GET",
                path=OURS + "/entities/{name}",
                answered_by=self.entities,
                text="Entities of one kind, in byte order of their keys",
                parameters=(
                    Parameter("prefix", TEXT, "only keys that begin so"),
                    Parameter("fetchState", FLAG, "with their states; false"),
                    *PAGED,
                ),
            ),
        ]

    async def instances(self, request: Request) -> Response:
        """GET ``/instances``."""
        query = request.query_params
        choice = chooser(
            statuses=parameters.statuses(query),
            created_from=parameters.moment(query, "createdTimeFrom"),
            created_to=parameters.moment(query, "createdTimeTo"),
            name=query.get("name"),
            tags=dict(map(_tag, query.getlist("tag"))) or None,
            parent=query.get("parent"),
        )
        order = query.get("order", "id")
        if order not in ("id", "recent"):
            msg = f"order={order[:40]!r}: use id or recent"
            raise InvalidInputError(msg)
        prefix = query.get("instanceIdPrefix", "")
        size = parameters.page_size(query)
        after = parameters.continuation(request)
        rows = self._rows(choice, order, prefix, after)
        enough = self._engine.patience()

        def look() -> tuple[list[Any], str | None]:
            found: list[Any] = []
            for place, row in rows:
                if row is not None and choice.fits(state := state_of(row)):
                    public = public_state(row.stream, state)
                    found.append(instance_summary(public, with_output=False))
                if len(found) == size or not enough():
                    return found, place
            return found, None

        return page_answer(*await self._engine.read(look))

    def _rows(
        self, choice: Choice, order: str, prefix: str, after: str
    ) -> Iterator[tuple[str, StoredState | None]]:
        """Rows that may fit, each with the place behind it as the token says it."""
        store = self._engine.store()
        if order == "id":
            return narrowed_rows(store, choice, prefix, after)
        micros, _, stream = after.partition(" ")
        moment = parameters.number(micros, "the token")
        begin = None if moment is None else (moment, stream)
        rows = newest_rows(store, choice, prefix, begin)
        return ((f"{time} {last}", row) for (time, last), row in rows)

    async def kinds(self, request: Request) -> Response:
        """GET ``/entities``."""
        del request

        def look() -> list[dict[str, Any]]:
            store = self._engine.store()
            return [
                {"name": kind, "count": store.count(f"@{kind}@")}
                | {"operations": signatures(self._client.definition_of(kind))}
                for kind in self._engine.kinds()
            ]

        return answer(200, await self._engine.read(look))

    async def entities(self, request: Request) -> Response:
        """GET ``/entities/{name}``."""
        query = request.query_params
        definition: EntityDefinition = self._client.definition_of(request.path_params["name"])
        prefix = f"@{definition.kind}@{query.get('prefix', '')}"
        with_state = parameters.flag(query, "fetchState", default=False)
        size = parameters.page_size(query)
        after = parameters.continuation(request)

        def look() -> tuple[list[Any], str | None]:
            rows = self._engine.store().states(prefix, after=after, limit=size)
            found = [entry for row in rows if (entry := _entry(row, with_state)) is not None]
            return found, rows[-1].stream if len(rows) == size else None

        return page_answer(*await self._engine.read(look))


def _entry(row: StoredState, with_state: bool) -> dict[str, Any] | None:
    """An entity in a list; of a damaged one why it cannot be read."""
    try:
        if row.corrupt is None:
            return entity_summary(row, with_state=with_state)
        reason = row.corrupt
    except CorruptionError as error:
        reason = str(error)
    name, _, key = row.stream[1:].partition("@")
    return {"entityId": {"name": name, "key": key}, "unreadable": reason}


def _tag(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        msg = f"tag={text[:40]!r}: use name:value"
        raise InvalidInputError(msg)
    return name, value
