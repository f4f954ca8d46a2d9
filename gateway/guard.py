"""Who may ask at all: decided from a request's head, before anything else looks at it.

Pure: no I/O. The order matters: a request from another site learns nothing about the token,
and one without the token learns nothing about what there is.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

import attrs

from perdure.errors import InvalidInputError
from perdure.gateway.limits import BODY_BYTES, HEADER_BYTES

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
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


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


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

    def __init__(self, token: str | None, hosts: Iterable[str]) -> None:
        """Guard with a token, or with none, for requests to the names in *hosts*."""
        if token is not None and len(token) < 32:
            msg = f"a token of {len(token)} characters can be guessed; use 32 or more"
            raise InvalidInputError(msg)
        self._expected = None if token is None else _hash(token)
        self._hosts = LOOPBACK | {host.lower() for host in hosts}

    def refusal(self, head: Head, *, is_public: bool = False) -> Refusal | None:
        """Why a request is refused; ``None``: it is not.

        Args:
            head: of the request.
            is_public: it asks for what everybody may have who can reach the server.
        """
        return (
            self._malformed(head)
            or self._from_elsewhere(head)
            or self._secret_in_url(head)
            or (None if is_public else self._unauthorised(head))
            or self._wrong_body(head)
        )

    def is_authorised(self, head: Head) -> bool:
        """Whether a request has the token, where one is needed.

        Hashes are compared, in a time that does not depend on what they are.
        """
        if self._expected is None:
            return True
        given = list(head.values(b"x-functions-key"))
        for value in head.values(b"authorization"):
            scheme, _, token = value.partition(" ")
            given.append(token.strip() if scheme.lower() == "bearer" else "")
        right = [hmac.compare_digest(_hash(token), self._expected) for token in given]
        return bool(right) and all(right)

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

    def _secret_in_url(self, head: Head) -> Refusal | None:
        query = parse_qsl(head.query.decode("latin-1"), keep_blank_values=True)
        if any(name.lower() in SECRET_PARAMETERS for name, _ in query):
            return Refusal(
                400, "a token in a URL ends up in logs; send it as Authorization: Bearer"
            )
        return None

    def _unauthorised(self, head: Head) -> Refusal | None:
        if not self.is_authorised(head):
            return Refusal(401, "send the token as Authorization: Bearer, or x-functions-key")
        return None

    def _wrong_body(self, head: Head) -> Refusal | None:
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
        if kind == "text/plain" and self._expected is not None:
            return None  # no page of another site can send the token
        return Refusal(415, "send the body as Content-Type: application/json")
