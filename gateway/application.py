"""The gateway as an ASGI application: routes behind the door, and what users' routes need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from perdure.actors.context import to_datetime
from perdure.errors import InvalidInputError, PerdureError
from perdure.gateway import limits
from perdure.gateway.api.details import Details
from perdure.gateway.api.insight import Insight
from perdure.gateway.api.lists import Lists
from perdure.gateway.api.metrics import Metrics
from perdure.gateway.api.openapi import OpenApi
from perdure.gateway.api.overview import Overview
from perdure.gateway.api.scheduling import Scheduling
from perdure.gateway.api.sessions import LOGIN, Sessions
from perdure.gateway.api.upkeep import Upkeep
from perdure.gateway.assets import Assets
from perdure.gateway.durabletask.entities import Entities
from perdure.gateway.durabletask.instances import Instances
from perdure.gateway.durabletask.links import Links, checked_url
from perdure.gateway.engine import Engine
from perdure.gateway.http.answers import FORBIDDEN, failed, on_bug, on_error, on_missing
from perdure.gateway.http.operations import Endpoint, Operation
from perdure.gateway.remote.calls import Calls
from perdure.gateway.security.access import IDENTITY, NOBODY, Access, Identity, Token, authorise
from perdure.gateway.security.audit import Audit
from perdure.gateway.security.door import Door, Receive, Scope, Send
from perdure.gateway.security.guard import Guard
from perdure.gateway.streams.feed import Feed
from perdure.gateway.streams.progress import Progress
from perdure.gateway.streams.pump import Pump
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.instance_ids import checked_instance_id


class Gateway:
    """The HTTP API over an open client: an ASGI application.

    Serve it by itself, or mount it: ``Mount("/durable", gateway)``.
    """

    def __init__(
        self,
        client: EmbeddedClient,
        *,
        token: str | None,
        tokens: Iterable[Token] = (),
        access: Access | None = None,
        hosts: Iterable[str] = (),
        public_url: str | None = None,
        mounted_at: str = "",
        requests: int = limits.REQUESTS,
        streams: int = limits.STREAMS,
        body_seconds: float = limits.BODY_SECONDS,
    ) -> None:
        names = list(hosts)
        if public_url is not None:
            names.append(_host_of(checked_url(public_url)))
        access = Access.by(token, tokens) if access is None else access
        guard = Guard(access, names)
        engine = Engine(client)
        self._pump = Pump(client.node, streams)
        self._links = Links(guard, public_url, mounted_at)
        self._instances = Instances(engine, self._links)
        overview = Overview(engine, self._pump)
        self.operations: list[Operation] = [
            *self._instances.operations(),
            *Entities(engine).operations(),
            *Sessions(access, self._links).operations(),
            *overview.operations(),
            *Metrics(engine, overview).operations(),
            *Upkeep(engine).operations(),
            *Scheduling(engine).operations(),
            *Feed(engine, self._pump).operations(),
            *Progress(engine, self._pump).operations(),
            *Insight(engine).operations(),
            *Lists(engine).operations(),
            *Details(engine).operations(),
            *Calls(engine).operations(),
        ]
        self.operations += OpenApi(self.operations).operations()
        self.access = access
        audit = Audit(lambda: to_datetime(client.now_micros()))
        every = [
            Route(operation.path, _guarded(operation, audit), methods=[operation.method])
            for operation in self.operations
        ]
        self._assets = Assets()
        every += self._assets.routes()
        handlers: dict[Any, Any] = {
            PerdureError: on_error,
            HTTPException: on_missing,
            Exception: on_bug,
        }
        application = Starlette(routes=every, exception_handlers=handlers)
        application.router.redirect_slashes = False
        self._door = Door(
            application,
            guard,
            is_public=self._is_public,
            requests=requests,
            body_seconds=body_seconds,
        )

    def _is_public(self, scope: Scope) -> bool:
        """Whether a request is for what needs no token: the page's files, and logging in."""
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        return (scope["method"] == "POST" and path == LOGIN) or self._assets.has(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._door(scope, receive, send)

    def end_streams(self) -> None:
        """End all server-sent streams, as a server does that is about to stop."""
        self._pump.close()

    def create_http_management_payload(
        self, instance_id: str, request: Request | None = None
    ) -> dict[str, str]:
        """The links to an orchestration, for an answer of yours.

        Args:
            instance_id: which one.
            request: whose answer it is; without it the public URL is taken.
        """
        return self._links.payload(request, checked_instance_id(instance_id))

    def create_check_status_response(self, request: Request, instance_id: str) -> Response:
        """The answer 202 with the links to an orchestration that a route of yours started."""
        return self._links.check_status(request, checked_instance_id(instance_id))

    async def wait_for_completion_or_create_check_status_response(
        self,
        request: Request,
        instance_id: str,
        timeout: float = 10.0,
        *,
        return_internal_server_error_on_failure: bool = False,
    ) -> Response:
        """The output of an orchestration that ends in time, else 202 with the links.

        Args:
            request: whose answer it is.
            instance_id: which one.
            timeout: so many seconds.
            return_internal_server_error_on_failure: status 500 for one that failed, not 200.
        """
        if not 0 <= timeout <= limits.WAIT_SECONDS:
            msg = f"timeout {timeout}: use 0 to {limits.WAIT_SECONDS:g} seconds"
            raise InvalidInputError(msg)
        return await self._instances.outcome(
            request,
            checked_instance_id(instance_id),
            timeout,
            fail=return_internal_server_error_on_failure,
        )


def asgi(
    client: EmbeddedClient,
    *,
    token: str | None,
    tokens: Iterable[Token] = (),
    hosts: Iterable[str] = (),
    public_url: str | None = None,
    mounted_at: str = "",
) -> Gateway:
    """The gateway over an open client, to be served or mounted.

    Args:
        client: what ``app.open`` gave.
        token: what requests have to carry, 32 characters or more; ``None``: nothing, for
            servers that only this machine reaches. It may do everything.
        tokens: others, each with a role: ``Token.of("grafana", "read", secret)``.
        hosts: names in Host headers that mean this server, besides those of the loopback.
        public_url: where a proxy serves it, with TLS; its name is one of the *hosts*.
        mounted_at: the path that it is mounted at, for the links in its answers.
    """
    return Gateway(
        client,
        token=token,
        tokens=tokens,
        hosts=hosts,
        public_url=public_url,
        mounted_at=mounted_at,
    )


def _guarded(operation: Operation, audit: Audit) -> Endpoint:
    """The endpoint of an operation, for those who may; what has to be is written down."""

    async def answer(request: Request) -> Response:
        identity: Identity = request.scope.get(IDENTITY, NOBODY)
        status = 500
        try:
            authorise(request, operation.role)
            response = await operation.answered_by(request)
            status = response.status_code
        except PerdureError as error:
            response = failed(error)
            status = response.status_code
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            if operation.audited or status == FORBIDDEN:
                audit.note(request, identity, operation, status)
        return response

    return answer


def _host_of(url: str) -> str:
    return url.removeprefix("https://").partition("/")[0].partition(":")[0]
