"""The activity behind ``ctx.call_http``: one request, to a host that may be asked.

The name is resolved here, once, and the connection goes to an address that was checked: so a
name that changes its address in between leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import SplitResult, urlsplit

from perdure.errors import (
    ExtraMissingError,
    NonRetriableError,
    PayloadTooLargeError,
)
from perdure.orchestration.activity_context import ActivityContext
from perdure.orchestration.http_calls import HttpRequest, HttpResponse, checked_url

BODY_BYTES = 1024 * 1024
"""The longest body that is taken; what is longer belongs in a store of files."""
TROUBLES = frozenset({408, 429, 500, 502, 503, 504})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class HttpTroubleError(Exception):
    """A server has answered that it has trouble, which may pass."""


def http_activity(allowed: set[str]) -> Callable[..., HttpResponse]:
    """The activity; *allowed* are hosts that may have private addresses."""

    def call(context: ActivityContext, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(checked_url(request.url))
        address = address_of(parts, allowed)
        headers = dict(request.headers)
        if request.method not in _SAFE:
            headers.setdefault("idempotency-key", context.idempotency_key)
        response = _send(request, parts, address, headers)
        if request.retries and response.status_code in TROUBLES:
            msg = f"{request.method} {request.url} was answered {response.status_code}"
            raise HttpTroubleError(msg)
        return response

    return call


def address_of(parts: SplitResult, allowed: Iterable[str]) -> str:
    """An address of the host.

    Raises:
        NonRetriableError: it is private, and not allowed.
    """
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    if host in allowed or f"{host}:{port}" in allowed:
        return addresses[0]
    for address in addresses:
        if not _is_public(address):
            msg = (
                f"{host!r} has the private address {address}; if that may be asked, "
                f"say app.allow_http({host!r})"
            )
            raise NonRetriableError(msg)
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is not None:
            parsed = inner
    return parsed.is_global and not parsed.is_multicast


def _send(
    request: HttpRequest, parts: SplitResult, address: str, headers: dict[str, str]
) -> HttpResponse:
    try:
        import httpx2
    except ImportError as error:
        raise ExtraMissingError(what="call_http", extra="http-client", cause=error) from error
    headers["host"] = parts.netloc
    url = httpx2.URL(request.url).copy_with(host=address)
    with (
        httpx2.Client(
            timeout=request.timeout_seconds, follow_redirects=False, trust_env=False
        ) as client,
        client.stream(
            request.method,
            url,
            headers=headers,
            content=request.content,
            extensions={"sni_hostname": parts.hostname},
        ) as response,
    ):
        body = _read(response.iter_bytes(), request.url)
        return HttpResponse(
            response.status_code,
            {name.lower(): value for name, value in response.headers.items()},
            body.decode(response.charset_encoding or "utf-8", "replace"),
        )


def _read(chunks: Iterable[bytes], url: str) -> bytearray:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > BODY_BYTES:
            msg = f"{url} answers more than {BODY_BYTES} bytes; use an activity of yours"
            raise PayloadTooLargeError(msg)
    return body
