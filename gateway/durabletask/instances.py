"""The routes of the field that are about orchestrations."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from perdure.errors import InstanceNotFoundError, InvalidInputError, WrongStatusError
from perdure.gateway import limits
from perdure.gateway.durabletask.history_events import compacted
from perdure.gateway.durabletask.links import Links
from perdure.gateway.durabletask.payloads import status_payload
from perdure.gateway.engine import Engine
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import accepted, answer
from perdure.gateway.http.operations import (
    ADMIN,
    ANYTHING,
    CREATED,
    FIELD,
    FLAG,
    ONCE,
    OPERATE,
    PAGED,
    PREFIX,
    REASON,
    SECONDS,
    STATUS,
    TEXT,
    Operation,
    Parameter,
)
from perdure.gateway.http.pages import page_answer, read_page
from perdure.orchestration import requests
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.history import EventRaised
from perdure.orchestration.starting import instance_id_of
from perdure.orchestration.state import FAILED
from perdure.orchestration.status import OrchestrationState

_WITH_REASON = {
    "cancel": (requests.CANCEL, requests.Reason),
    "suspend": (requests.SUSPEND, requests.Reason),
    "resume": (requests.RESUME, requests.Reason),
    "rewind": (requests.REWIND, requests.Reason),
}


_SHOW_INPUT = Parameter("showInput", FLAG, "with their inputs; true")
_SHOWING = (
    _SHOW_INPUT,
    Parameter("showHistory", FLAG, "with its history; false"),
    Parameter("showHistoryOutput", FLAG, "with results in the history; false"),
    Parameter("returnInternalServerErrorOnFailure", FLAG, "500 when it has failed; false"),
)
_STARTING = (
    Parameter("version", TEXT, "of the orchestrator; the app's unless given"),
    Parameter("timeout", SECONDS, "wait so many seconds for its end"),
    Parameter("pollingInterval", SECONDS, "taken and not needed"),
    ONCE,
)
_FRESH = Parameter("restartWithNewInstanceId", FLAG, "of restart: under a new id; true")


class Instances:
    """What can be asked about orchestrations."""

    def __init__(self, engine: Engine, links: Links) -> None:
        self._engine = engine
        self._client = engine.client
        self._links = links

    def operations(self) -> list[Operation]:
        """The routes."""
        start = FIELD + "/orchestrators/{name}"
        listing: dict[str, Any] = {
            "method": "GET",
            "answered_by": self.listed,
            "text": "Orchestrations, in byte order of their ids",
            "parameters": (PREFIX, STATUS, *CREATED, _SHOW_INPUT, *PAGED),
        }
        purging: dict[str, Any] = {
            "method": "DELETE",
            "answered_by": self.purge_many,
            "text": "Forget those that have ended and fit",
            "role": ADMIN,
            "audited": True,
            "parameters": (attrs.evolve(CREATED[0], required=True), CREATED[1], STATUS),
            "answers": {200: "how many are forgotten", 404: "none fits"},
        }
        starting: dict[str, Any] = {
            "method": "POST",
            "answered_by": self.start,
            "text": "Start an orchestration",
            "role": OPERATE,
            "body": ANYTHING,
            "parameters": _STARTING,
            "answers": {200: "it ended in time", 202: "started", 409: "one of that id lives"},
        }
        return [
            Operation(path=start, **starting),
            Operation(path=start + "/{instance_id}", **starting),
            *(Operation(path=FIELD + "/instances" + end, **listing) for end in ("", "/")),
            *(Operation(path=FIELD + "/instances" + end, **purging) for end in ("", "/")),
            *self._of_one(),
        ]

    def _of_one(self) -> list[Operation]:
        """The routes about one orchestration."""
        one = FIELD + "/instances/{instance_id}"
        return [
            Operation(
                method="GET",
                path=one,
                answered_by=self.status,
                text="The status of an orchestration",
                parameters=_SHOWING,
                answers={200: "it has ended", 202: "it has not ended", 404: "there is none"},
            ),
            Operation(
                method="DELETE",
                path=one,
                answered_by=self.purge,
                text="Forget an orchestration that has ended",
                role=ADMIN,
                audited=True,
                answers={200: "it is forgotten", 404: "there is none"},
            ),
            Operation(
                method="POST",
                path=one + "/{operation}/{event_name}",
                answered_by=self.raise_event,
                text="Raise an event: the operation is raiseEvent",
                role=OPERATE,
                body=ANYTHING,
                parameters=(ONCE,),
                answers={202: "it has the event", 404: "there is none", 410: "it has ended"},
            ),
            Operation(
                method="POST",
                path=one + "/{operation}",
                answered_by=self.control,
                text="terminate, cancel, suspend, resume, rewind or restart",
                role=OPERATE,
                audited=True,
                parameters=(REASON, _FRESH, ONCE),
                answers={
                    202: "it will",
                    404: "there is none",
                    409: "it lives",
                    410: "it has ended",
                },
            ),
        ]

    async def start(self, request: Request) -> Response:
        """POST ``/orchestrators/{name}/{instanceId?}``."""
        query = request.query_params
        given = await parameters.value(request)
        wait = parameters.seconds(query, "timeout")
        parameters.seconds(query, "pollingInterval")
        request_id = parameters.request_id(request)
        start, ref = self._client.prepare_start(
            request.path_params["name"],
            given,
            instance_id_of(
                request.path_params.get("instance_id"), self._client.new_id, request_id
            ),
            query.get("version"),
        )
        await self._engine.tell(ref, requests.START, start, request_id)
        if wait is None:
            return self._links.check_status(request, ref.id)
        return await self.outcome(request, ref.id, wait)

    async def outcome(
        self, request: Request, instance_id: str, wait: float, *, fail: bool = False
    ) -> Response:
        """The output of one that ends in time, else where to look for it.

        Args:
            request: whose answer it is.
            instance_id: which one.
            wait: so many seconds.
            fail: with status 500 if it failed.
        """
        if not await self._engine.ended(instance_id, wait):
            return self._links.check_status(request, instance_id)
        state = await self._engine.read(self._client.orchestration(instance_id).status)
        if state is None:
            msg = f"there is no orchestration {instance_id!r}"
            raise InstanceNotFoundError(msg)
        if state.runtime_status == "Completed":
            return answer(200, state.output)
        status = 500 if fail and state.runtime_status == FAILED else 200
        return answer(status, status_payload(state))

    async def status(self, request: Request) -> Response:
        """GET ``/instances/{id}``."""
        query = request.query_params
        ref = self._client.orchestration(request.path_params["instance_id"])
        show_history = parameters.flag(query, "showHistory", default=False)
        show_output = parameters.flag(query, "showHistoryOutput", default=False)
        show_input = parameters.flag(query, "showInput", default=True)
        fail = parameters.flag(query, "returnInternalServerErrorOnFailure", default=False)

        def look() -> tuple[OrchestrationState, dict[str, Any]]:
            state = ref.status(fetch_input=show_input)
            if state is None:
                msg = f"there is no orchestration {ref.id!r}"
                raise InstanceNotFoundError(msg)
            payload = status_payload(state)
            if show_history:
                payload["historyEvents"] = compacted(ref.history(), with_output=show_output)
            return state, payload

        state, payload = await self._engine.read(look)
        if not state.is_finished:
            where = self._links.instance(request, ref.id)
            return answer(202, payload, {"Location": where, "Retry-After": "5"})
        return answer(500 if fail and state.runtime_status == FAILED else 200, payload)

    async def listed(self, request: Request) -> Response:
        """GET ``/instances``."""
        query = request.query_params
        show_input = parameters.flag(query, "showInput", default=True)
        filters: dict[str, Any] = {
            "statuses": parameters.statuses(query),
            "created_from": parameters.moment(query, "createdTimeFrom"),
            "created_to": parameters.moment(query, "createdTimeTo"),
            "prefix": query.get("instanceIdPrefix", ""),
            "fetch_input": show_input,
        }
        size = parameters.page_size(query)
        after = parameters.continuation(request)

        def step(behind: str, count: int) -> tuple[list[Any], str | None]:
            page = self._client.query(**filters, after=behind, limit=count)
            return [status_payload(state) for state in page.items], page.next

        return page_answer(*await self._engine.read(lambda: read_page(step, after, size)))

    async def raise_event(self, request: Request) -> Response:
        """POST ``/instances/{id}/raiseEvent/{eventName}``."""
        name = request.path_params["event_name"]
        if request.path_params["operation"].lower() != "raiseevent":
            raise HTTPException(404)
        data = encode_plain(await parameters.value(request), f"event {name}")
        await self._tell(request, requests.RAISE_EVENT, EventRaised(name=name, data=data))
        return accepted()

    async def control(self, request: Request) -> Response:
        """POST ``/instances/{id}/{operation}``, in any case."""
        operation = request.path_params["operation"].lower()
        if operation == "restart":
            return await self._restart(request)
        reason = request.query_params.get("reason", "")
        if operation == "terminate":
            output = encode_plain(reason or None, "the reason")
            await self._tell(request, requests.TERMINATE, requests.Terminate(output))
            return accepted()
        if operation not in _WITH_REASON:
            raise HTTPException(404)
        wanted, carrying = _WITH_REASON[operation]
        try:
            await self._tell(request, wanted, carrying(reason))
        except WrongStatusError as error:
            return await self._wrong_status(request, error)
        return accepted()

    async def purge(self, request: Request) -> Response:
        """DELETE ``/instances/{id}``."""
        await self._tell(request, requests.PURGE, requests.Purge())
        return answer(200, {"instancesDeleted": 1})

    async def purge_many(self, request: Request) -> Response:
        """DELETE ``/instances``."""
        query = request.query_params
        first = parameters.moment(query, "createdTimeFrom")
        if first is None:
            msg = "createdTimeFrom is needed: everything started since then is forgotten"
            raise InvalidInputError(msg)
        last = parameters.moment(query, "createdTimeTo")
        chosen = parameters.statuses(query)
        result = await self._engine.read(
            lambda: self._client.purge_orchestrations(
                created_from=first,
                created_to=last,
                statuses=chosen,
                timeout=limits.PURGE_SECONDS,
            )
        )
        if not result.deleted and result.is_complete:
            msg = "there is no finished orchestration that fits"
            raise InstanceNotFoundError(msg)
        content = {"instancesDeleted": result.deleted}
        return answer(200, content if result.is_complete else content | {"isComplete": False})

    async def _tell(self, request: Request, operation: str, payload: Any) -> None:
        ref = self._client.orchestration(request.path_params["instance_id"])
        name = parameters.request_id(request)
        await self._engine.tell(ref, operation, payload, name)

    async def _restart(self, request: Request) -> Response:
        old = self._client.orchestration(request.path_params["instance_id"])
        fresh = parameters.flag(request.query_params, "restartWithNewInstanceId", default=True)
        new_id = self._client.new_id() if fresh else None
        try:
            again = await self._engine.read(lambda: old.restart(new_instance_id=new_id))
        except InstanceNotFoundError as error:  # as in the field
            raise InvalidInputError(str(error)) from error
        return self._links.check_status(request, again.id)

    async def _wrong_status(self, request: Request, error: WrongStatusError) -> Response:
        """Who asks too late is told so: what has ended well does not become failed."""
        ref = self._client.orchestration(request.path_params["instance_id"])
        state = await self._engine.read(ref.status)
        gone = state is not None and state.is_finished and state.runtime_status != FAILED
        content = {"Message": str(error), "ExceptionMessage": str(error)}
        return answer(410 if gone else 400, content)
