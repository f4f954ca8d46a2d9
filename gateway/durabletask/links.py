"""Where the API is, as whoever asks sees it: the links in answers."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from perdure.errors import InvalidInputError
from perdure.gateway.durabletask.payloads import instance_url, management_payload
from perdure.gateway.http.answers import answer
from perdure.gateway.http.operations import FIELD
from perdure.gateway.security.guard import Guard


def checked_url(url: str) -> str:
    """The URL under which a proxy serves the gateway, without a slash at its end.

    Raises:
        InvalidInputError: it is no https URL, or has more than a place.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        msg = f"public URL {url!r}: use one as https://perdure.example, served with TLS"
        raise InvalidInputError(msg)
    if parts.username is not None or parts.password is not None:
        msg = "a public URL has no user or password in it"
        raise InvalidInputError(msg)
    return url.rstrip("/")


class Links:
    """Makes links to orchestrations."""

    def __init__(self, guard: Guard, public_url: str | None, mounted_at: str) -> None:
        self._guard = guard
        self._public = None if public_url is None else checked_url(public_url)
        self._mounted_at = mounted_at.rstrip("/")

    def base(self, request: Request | None) -> str:
        """Where the API is, for who made a request, or by the public URL.

        Raises:
            InvalidInputError: it cannot be known, or the request names another server.
        """
        return self.root(request) + FIELD

    def root(self, request: Request | None) -> str:
        """Where the gateway is, without a slash at the end; raises as :meth:`base`."""
        if self._public is not None:
            return self._public
        if request is None:
            msg = "without a request the links need asgi(…, public_url=…)"
            raise InvalidInputError(msg)
        host = request.headers.get("host", "")
        if not self._guard.knows(host):
            msg = f"Host {host[:80]!r} is not this server; list it in asgi(…, hosts=…)"
            raise InvalidInputError(msg)
        return f"{request.url.scheme}://{host}{self._mounted_at}"

    def instance(self, request: Request | None, instance_id: str) -> str:
        """Where one orchestration is."""
        return instance_url(self.base(request), instance_id)

    def payload(self, request: Request | None, instance_id: str) -> dict[str, str]:
        """All links to one orchestration."""
        return management_payload(self.base(request), instance_id)

    def check_status(self, request: Request, instance_id: str) -> Response:
        """The answer that it has been started, and where to look for it."""
        payload = self.payload(request, instance_id)
        headers = {"Location": payload["statusQueryGetUri"], "Retry-After": "10"}
        return answer(202, payload, headers)
