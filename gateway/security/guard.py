"""Who may ask at all: decided from a request's head, before anything else looks at it.

Pure: no I/O. The order matters: a request from another site learns nothing about the token,
and one without the token learns nothing about what there is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

import attrs

from perdure.gateway.limits import BODY_BYTES, HEADER_BYTES
from perdure.gateway.security.access import NOBODY, Access, Identity

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
COOKIE = "perdure_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SECRET_PARAMETERS = frozenset({"code", "token", "key", "access_token", "authorization"})
"""Where others take a token from the URL: it would be in logs, histories and Referer."""


@attrs.frozen
class Head:
    """What is known of a request before its body is read.

    Attributes:
        method: upper case.
        path: as it was sent.
        query: as it was sent.
        headers: names in lower case, with values.
    """

    method: str
    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def values(self, name: bytes) -> list[str]:
        """All that the headers say under one name."""
        return [value.decode("latin-1").strip() for key, value in self.headers if key == name]

    def media_type(self) -> str:
        """What the body is said to be; empty when nothing is said."""
        given = self.values(b"content-type")
        return given[0].partition(";")[0].strip().lower() if given else ""

    def has_body(self) -> bool:
        """Whether there is a body, as far as the head tells."""
        return bool(self.values(b"transfer-encoding")) or (
            self.values(b"content-length") not in ([], ["0"])
        )


@attrs.frozen
class Refusal:
    """Why a request is refused, and with what status."""

    status: int
    message: str


def host_name(host: str) -> str:
    """The name in a Host header, without the port; empty for one that is none."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return host.lower()
    return name.lower() if port.isdecimal() and port.isascii() else ""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; names but localhost are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses what may not be asked."""

    def __init__(self, access: Access, hosts: Iterable[str]) -> None:
        """Guard what *access* knows people for, at the names in *hosts*."""
        self._access = access
        self._hosts = LOOPBACK | {host.lower() for host in hosts}

    def check(self, head: Head, *, is_public: bool = False) -> Identity | Refusal:
        """Who asks, or why they are refused.

        Args:
            head: of the request.
            is_public: it asks for what everybody may have who can reach the server.
        """
        refusal = self._malformed(head) or self._from_elsewhere(head) or _secret_in_url(head)
        if refusal is not None:
            return refusal
        identity = NOBODY if is_public else self.identify(head)
        if identity is None:
            return Refusal(401, "send the token as Authorization: Bearer, or x-functions-key")
        return _forged(head, identity) or self._wrong_body(head, identity) or identity

    def identify(self, head: Head) -> Identity | None:
        """Who has sent a request, as far as its token or its session says."""
        given = list(head.values(b"x-functions-key"))
        for value in head.values(b"authorization"):
            scheme, _, token = value.partition(" ")
            given.append(token.strip() if scheme.lower() == "bearer" else "")
        return self._access.identify(given, _session_in(head))

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server."""
        return host_name(host) in self._hosts

    def _malformed(self, head: Head) -> Refusal | None:
        size = sum(len(name) + len(value) for name, value in head.headers)
        size += len(head.path.encode("utf-8", "surrogateescape")) + len(head.query)
        if size > HEADER_BYTES:
            return Refusal(431, f"path, query and headers take more than {HEADER_BYTES} bytes")
        lengths = head.values(b"content-length")
        if len(lengths) > 1 or (lengths and head.values(b"transfer-encoding")):
            return Refusal(400, "the length of the body is told in two ways")
        if lengths and not (lengths[0].isascii() and lengths[0].isdecimal()):
            return Refusal(400, "the length of the body is no number")
        return None

    def _from_elsewhere(self, head: Head) -> Refusal | None:
        """Refuse names that are led here (DNS rebinding), and pages of other sites (CSRF)."""
        hosts = head.values(b"host")
        if len(hosts) != 1:
            return Refusal(400, "one Host header is needed")
        if not self.knows(hosts[0]):
            return Refusal(421, "this server is not the one that the Host header names")
        for origin in head.values(b"origin"):
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or parts.netloc != hosts[0]:
                return Refusal(403, "requests from pages of other origins are refused")
        for site in head.values(b"sec-fetch-site"):
            if site not in ("same-origin", "none"):
                return Refusal(403, "requests from pages of other sites are refused")
        return None

    def _wrong_body(self, head: Head, identity: Identity) -> Refusal | None:
        lengths = head.values(b"content-length")
        if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > BODY_BYTES):
            return Refusal(413, f"the body takes more than {BODY_BYTES} bytes")
        if any(coding != "identity" for coding in head.values(b"content-encoding")):
            return Refusal(415, "send the body as it is, without a Content-Encoding")
        if head.method in SAFE_METHODS:
            return None
        kind = head.media_type()
        if kind == "application/json":
            return None
        if kind in ("", "application/octet-stream") and not head.has_body():
            return None  # as clients send it that have nothing to say; no form can
        if kind == "text/plain" and identity.by == "token":
            return None  # no page of another site can send the token
        return Refusal(415, "send the body as Content-Type: application/json")


def _secret_in_url(head: Head) -> Refusal | None:
    query = parse_qsl(head.query.decode("latin-1"), keep_blank_values=True)
    if any(name.lower() in SECRET_PARAMETERS for name, _ in query):
        return Refusal(
            400, "a token in a URL ends up in logs; send it as Authorization: Bearer"
        )
    return None


def _forged(head: Head, identity: Identity) -> Refusal | None:
    """Refuse changes that a browser was made to ask for: a cookie comes along by itself, so its
    page has to be ours, and say so. Where Origin is sent it has been checked already.
    """
    if identity.by != "session" or head.method in SAFE_METHODS:
        return None
    if head.values(b"origin") or "same-origin" in head.values(b"sec-fetch-site"):
        return None
    return Refusal(403, "changes in a session need the Origin header, as browsers send it")


def _session_in(head: Head) -> str | None:
    """What names the session in a request; none where there are several."""
    found = [
        part.partition("=")[2].strip()
        for value in head.values(b"cookie")
        for part in value.split(";")
        if part.partition("=")[0].strip() == COOKIE
    ]
    return found[0] if len(found) == 1 else None
