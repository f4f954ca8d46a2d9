"""What can be asked: each route once, with all that the router, the guard and OpenAPI need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from perdure.gateway import limits

Endpoint = Callable[[Request], Awaitable[Response]]

FIELD = "/runtime/webhooks/durabletask"
"""Where the field's API begins."""

OURS = "/api/v1"
"""Where ours begins."""

READ = "read"
OPERATE = "operate"
ADMIN = "admin"
ROLES = (READ, OPERATE, ADMIN)
"""What a token may do, each more than the one before: look; start, signal and control; forget,
redrive, schedule and back up.
"""


@attrs.frozen
class Parameter:
    """Something that a request says in its query or headers.

    Attributes:
        name: as it is written.
        schema: what it may be, in JSON Schema.
        text: what it means.
        where: ``query`` or ``header``.
        required: without it the request is refused.
    """

    name: str
    schema: Mapping[str, Any]
    text: str
    where: str = "query"
    required: bool = False


@attrs.frozen(kw_only=True)
class Operation:
    """One route.

    Attributes:
        method: GET, POST or DELETE.
        path: with its variables; ``{key:path}`` may hold slashes.
        answered_by: the endpoint.
        text: what it does.
        role: who may.
        parameters: what it reads of query and headers.
        body: what its body may be, in JSON Schema; ``None``: it has none.
        answers: statuses and what they mean, beside those that all have.
        media_type: of what it answers with 200.
        audited: it is written down who did it.
        body_required: without a body it is refused.
    """

    method: str
    path: str
    answered_by: Endpoint
    text: str
    role: str = READ
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] | None = None
    answers: Mapping[int, str] = attrs.field(factory=lambda: {200: "what was asked for"})
    media_type: str = "application/json"
    audited: bool = False
    body_required: bool = False


TEXT: Mapping[str, Any] = {"type": "string"}
FLAG: Mapping[str, Any] = {"type": "boolean"}
MOMENT: Mapping[str, Any] = {"type": "string", "format": "date-time"}
SECONDS: Mapping[str, Any] = {"type": "number", "minimum": 0, "maximum": limits.WAIT_SECONDS}
NUMBER: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
ANYTHING: Mapping[str, Any] = {}

TOP = Parameter(
    "top",
    {"type": "integer", "minimum": 1, "maximum": limits.PAGE_ITEMS},
    f"the most that a page has; {limits.PAGE_USUAL} unless given",
)
CONTINUATION = Parameter(
    "x-ms-continuation-token", TEXT, "the same header of the page before", "header"
)
PAGED = (TOP, CONTINUATION)
PREFIX = Parameter("instanceIdPrefix", TEXT, "only ids that begin so")
STATUS = Parameter("runtimeStatus", TEXT, "only with one of these, separated by commas")
CREATED = (
    Parameter("createdTimeFrom", MOMENT, "only started then or later"),
    Parameter("createdTimeTo", MOMENT, "only started then or before"),
)
REASON = Parameter("reason", TEXT, "why")
ONCE = Parameter(
    "Idempotency-Key", TEXT, "names the request: within seven days it is done once", "header"
)
