"""Looking after a store over HTTP: what was set aside, and backups."""

from __future__ import annotations

import os
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.context import to_datetime
from perdure.errors import InvalidInputError
from perdure.gateway.api.details import set_aside
from perdure.gateway.engine import Engine
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import accepted, answer, missing
from perdure.gateway.http.operations import ADMIN, OURS, PAGED, Operation
from perdure.gateway.http.pages import page_answer


class Upkeep:
    """What is done for a store while it runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client

    def operations(self) -> list[Operation]:
        """The routes."""
        one = OURS + "/quarantine/{message_id:int}"
        none = {404: "there is no such message"}
        return [
            Operation(
                method="GET",
                path=OURS + "/quarantine",
                answered_by=self.quarantine,
                text="Messages that could not be processed, oldest first, each with its reason",
                parameters=PAGED,
            ),
            Operation(
                method="POST",
                path=one + "/redrive",
                answered_by=self.redrive,
                text="Try a message again that was set aside",
                role=ADMIN,
                audited=True,
                answers={202: "it waits again", 400: "its transaction is over"} | none,
            ),
            Operation(
                method="DELETE",
                path=one,
                answered_by=self.discard,
                text="Forget a message that was set aside; who waits for it is told",
                role=ADMIN,
                audited=True,
                answers={202: "it is forgotten"} | none,
            ),
            Operation(
                method="POST",
                path=OURS + "/backup",
                answered_by=self.backup,
                text="Copy the store, while it is in use, into a new file beside it",
                role=ADMIN,
                audited=True,
                answers={200: "the path and the size of the copy", 400: "it is in memory"},
            ),
        ]

    async def quarantine(self, request: Request) -> Response:
        """GET ``/quarantine``."""
        size = parameters.page_size(request.query_params)
        after = parameters.number(parameters.continuation(request), "the token") or 0
        store = self._engine.store()
        rows = await self._engine.read(lambda: store.quarantined(after=after, limit=size))
        following = str(rows[-1].id) if len(rows) == size else None
        return page_answer([set_aside(row) for row in rows], following)

    async def redrive(self, request: Request) -> Response:
        """POST ``/quarantine/{id}/redrive``."""
        number = request.path_params["message_id"]
        found = await self._engine.read(lambda: self._client.redrive(_checked(number)))
        return accepted() if found else _no_message(number)

    async def discard(self, request: Request) -> Response:
        """DELETE ``/quarantine/{id}``."""
        number = request.path_params["message_id"]
        found = await self._engine.read(lambda: self._client.discard(_checked(number)))
        return accepted() if found else _no_message(number)

    async def backup(self, request: Request) -> Response:
        """POST ``/backup``. Where it goes is not for the request to say."""
        del request
        location = self._engine.store().location
        if not os.path.isfile(location):
            msg = f"store {location!r} is in memory; there is no file to copy"
            raise InvalidInputError(msg)
        moment = to_datetime(self._client.now_micros()).strftime("%Y%m%dT%H%M%S.%fZ")
        path = f"{location}.{moment}.backup"

        def copy() -> dict[str, Any]:
            self._client.backup(path)
            return {"path": path, "bytes": os.stat(path).st_size}

        return answer(200, await self._engine.read(copy))


def _checked(number: int) -> int:
    """A message's id, if a store can have it."""
    if number >= 1 << 63:
        msg = f"message {number}: ids are below 2 to the power of 63"
        raise InvalidInputError(msg)
    return number


def _no_message(number: int) -> Response:
    return missing(f"there is no message {number} in quarantine")
