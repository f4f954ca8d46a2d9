"""Where a server is, and what opens its door: the URL and the token, checked before use."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from perdure.errors import InvalidInputError

TOKEN = "PERDURE_TOKEN"
TOKEN_FILE = "PERDURE_TOKEN_FILE"
FIELD = "/runtime/webhooks/durabletask"
"""What the field's base addresses end with; the API of clients is beside it."""


@attrs.frozen
class Place:
    """A server.

    Attributes:
        url: without a slash at its end.
        token: what requests carry; never shown. ``None``: nothing.
        verify: how a server proves who it is: ``True``: by the system's certificates.
        is_local: only this machine is on the way.
    """

    url: str
    token: str | None = attrs.field(repr=False)
    verify: bool | ssl.SSLContext = True
    is_local: bool = False


def place_of(
    url: str,
    token: str | None,
    token_file: str | os.PathLike[str] | None,
    *,
    verify: bool | ssl.SSLContext,
    allow_plain_http: bool,
    environment: Mapping[str, str],
) -> Place:
    """Where to connect to.

    Raises:
        InvalidInputError: it is no URL of a server, or a token would be sent in the clear.
    """
    given: object = url
    if not isinstance(given, str):
        msg = f"url {given!r} is of type {type(given).__name__}; use a str"
        raise InvalidInputError(msg)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        msg = f"url {url[:80]!r} is none: {error}"
        raise InvalidInputError(msg) from error
    if parts.scheme not in ("http", "https") or not host:
        msg = f"url {url[:80]!r}: use http://127.0.0.1:7071, or https:// for other machines"
        raise InvalidInputError(msg)
    if parts.username or parts.password or parts.query or parts.fragment:
        msg = (
            f"the url to {host!r} has more than a host and a path; the token is given as token="
        )
        raise InvalidInputError(msg)
    local = _is_local(host)
    found = _token(token, token_file, environment)
    if found is not None and parts.scheme == "http" and not (local or allow_plain_http):
        msg = (
            f"{url!r}: the token would be sent in the clear; use https://, or, on a network "
            "that nobody else listens to, allow_plain_http=True"
        )
        raise InvalidInputError(msg)
    return Place(url.rstrip("/").removesuffix(FIELD), found, verify, local)


def _token(
    token: str | None,
    token_file: str | os.PathLike[str] | None,
    environment: Mapping[str, str],
) -> str | None:
    """The token that was given; else of the environment; else ``None``."""
    if token is None and token_file is None:
        token = environment.get(TOKEN)
        token_file = environment.get(TOKEN_FILE)
    if token is None and token_file is not None:
        token = _read(token_file)
    if token is not None and not (token and token.isascii() and token.isprintable()):
        msg = "the token is empty, or has characters that no token has"
        raise InvalidInputError(msg)
    return token


def _read(path: str | os.PathLike[str]) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read(1025).strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"the token in {os.fspath(path)!r} cannot be read: {error}"
        raise InvalidInputError(msg) from error


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
