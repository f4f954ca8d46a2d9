"""Logging in a browser: a one-time link, whose secret no server but this ever sees.

The secret is in the fragment of the link, which browsers keep to themselves; the page sends it
once, and has a session in a cookie that no script can read.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from perdure.errors import InvalidInputError
from perdure.gateway.durabletask.links import Links
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import answer
from perdure.gateway.http.operations import OURS, READ, TEXT, Operation
from perdure.gateway.security.access import SESSION_SECONDS, Access, authorise
from perdure.gateway.security.guard import COOKIE

LOGIN = OURS + "/login"


class _Secret(msgspec.Struct, forbid_unknown_fields=True):
    secret: str


class Sessions:
    """What browsers ask about who they are."""

    def __init__(self, access: Access, links: Links) -> None:
        self._access = access
        self._links = links

    def operations(self) -> list[Operation]:
        """The routes."""
        return [
            Operation(
                method="POST",
                path=LOGIN,
                answered_by=self.log_in,
                text="Begin a session with the secret of a one-time link; needs no token",
                role="",
                audited=True,
                body={
                    "type": "object",
                    "properties": {"secret": TEXT},
                    "required": ["secret"],
                    "additionalProperties": False,
                },
                body_required=True,
                answers={200: "who it is, and the cookie", 401: "the link was used, or is old"},
            ),
            Operation(
                method="GET",
                path=OURS + "/session",
                answered_by=self.session,
                text="Who asks, and their role",
            ),
            Operation(
                method="POST",
                path=OURS + "/logout",
                answered_by=self.log_out,
                text="End the session",
                audited=True,
                answers={200: "it has ended"},
            ),
            Operation(
                method="POST",
                path=OURS + "/login-links",
                answered_by=self.new_link,
                text="A one-time link that logs a browser in with the rights of who asks",
                audited=True,
            ),
        ]

    async def log_in(self, request: Request) -> Response:
        """POST ``/login``."""
        try:
            given = msgspec.convert(await parameters.value(request), _Secret)
        except msgspec.ValidationError as error:
            msg = 'send {"secret": "…"} from the link'
            raise InvalidInputError(msg) from error
        found = self._access.log_in(given.secret)
        if found is None:
            message = "the link was used already, or is older than an hour; take a new one"
            return answer(401, {"Message": message}, {"WWW-Authenticate": "Bearer"})
        session, identity = found
        reply = answer(200, {"name": identity.name, "role": identity.role})
        self._set_cookie(request, reply, session, int(SESSION_SECONDS))
        return reply

    async def session(self, request: Request) -> Response:
        """GET ``/session``."""
        identity = authorise(request, READ)
        content = {"name": identity.name, "role": identity.role, "by": identity.by}
        return answer(200, content)

    async def log_out(self, request: Request) -> Response:
        """POST ``/logout``."""
        session = request.cookies.get(COOKIE)
        if session:
            self._access.log_out(session)
        reply = answer(200, {})
        self._set_cookie(request, reply, "", 0)
        return reply

    async def new_link(self, request: Request) -> Response:
        """POST ``/login-links``."""
        secret = self._access.new_link(authorise(request, READ))
        return answer(200, {"url": f"{self._links.root(request)}/#login={secret}"})

    def _set_cookie(self, request: Request, reply: Response, value: str, age: int) -> None:
        root = self._links.root(request)
        reply.set_cookie(
            COOKIE,
            value,
            max_age=age,
            path="/",
            secure=root.startswith("https:"),
            httponly=True,
            samesite="strict",
        )
