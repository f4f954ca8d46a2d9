"""Who asks, and what they may: tokens with roles, one-time links, and sessions of browsers.

Secrets are kept as hashes and compared in constant time. :func:`authorise` is the one place
where it is decided what somebody may, also of an operation inside of another request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
from starlette.requests import Request

from perdure.actors.app import RESERVED
from perdure.actors.ids import INSTANCES, kind_of
from perdure.errors import AccessDeniedError, InvalidInputError
from perdure.gateway.http.operations import ADMIN, OPERATE, ROLES
from perdure.orchestration import requests

IDENTITY = "perdure.identity"
"""Where a request's scope says who asks."""

SHORTEST = 32
LINK_SECONDS = 3_600.0
SESSION_SECONDS = 43_200.0
_MOST = 1_000
"""Links, and sessions, that there may be; the oldest go."""


def hashed(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


@attrs.frozen
class Identity:
    """Who asks.

    Attributes:
        name: of the token that was sent, or that a session began with.
        role: what they may; empty: nothing but what is public.
        by: ``token``, ``session`` or ``none``.
    """

    name: str
    role: str
    by: str


NOBODY = Identity("", "", "none")
OWNER = Identity("owner", ADMIN, "token")
ANYONE = Identity("anyone", ADMIN, "none")


def _known_role(_: object, __: Any, value: str) -> None:
    if value not in ROLES:
        msg = f"role {value!r}: use one of {', '.join(ROLES)}"
        raise InvalidInputError(msg)


@attrs.frozen
class Token:
    """A secret that requests carry, as its hash.

    Attributes:
        name: whose it is, for people and the audit log.
        role: ``read``, ``operate`` or ``admin``.
        digest: SHA-256 of the secret.
    """

    name: str
    role: str = attrs.field(validator=_known_role)
    digest: bytes = attrs.field(repr=False)

    @classmethod
    def of(cls, name: str, role: str, secret: str) -> Token:
        """The token of a secret.

        Raises:
            InvalidInputError: it can be guessed, or there is no such role.
        """
        if len(secret) < SHORTEST:
            msg = f"a token of {len(secret)} characters can be guessed; use {SHORTEST} or more"
            raise InvalidInputError(msg)
        return cls(name, role, hashed(secret))


def allows(identity: Identity, role: str) -> bool:
    """Whether somebody may do what needs a role."""
    if not role:
        return True
    return identity.role in ROLES and ROLES.index(identity.role) >= ROLES.index(role)


def authorise(request: Request, role: str) -> Identity:
    """Let a request do what needs a role; returns who asks.

    Raises:
        AccessDeniedError: they may not.
    """
    identity: Identity = request.scope.get(IDENTITY, NOBODY)
    if not allows(identity, role):
        msg = f"this needs the role {role!r}; {identity.name or 'nobody'} has {identity.role!r}"
        raise AccessDeniedError(msg)
    return identity


def role_for_message(target: str, operation: str) -> str:
    """The role that a message needs, however it comes. Forgetting an orchestration is more than
    operating, and so is changing what is perdure's own, such as schedules.
    """
    if kind_of(target) == INSTANCES and operation == requests.PURGE:
        return ADMIN
    if kind_of(target).startswith(RESERVED) and operation not in _OPERATED:
        return ADMIN
    return OPERATE


_OPERATED = frozenset({"pause", "resume", "trigger", "backfill"})


class Access:
    """Everybody who may ask, and how they are known."""

    def __init__(
        self,
        tokens: Callable[[], Sequence[Token]],
        *,
        is_open: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know those with tokens.

        Args:
            tokens: those that are good now.
            is_open: nobody needs one.
            now: seconds, for what does not last.
        """
        self._tokens = tokens
        self._now = now
        self._links: dict[bytes, tuple[float, Identity]] = {}
        self._sessions: dict[bytes, tuple[float, Identity]] = {}
        self.is_open = is_open

    @classmethod
    def by(cls, token: str | None, more: Iterable[Token] = ()) -> Access:
        """Access with one token that may do everything, and others; ``None``: with nothing."""
        known = list(more)
        if token is not None:
            known.insert(0, Token.of(OWNER.name, OWNER.role, token))
        return cls(lambda: known, is_open=token is None)

    def identify(self, given: Sequence[str], session: str | None) -> Identity | None:
        """Who has sent these tokens, which must all be right, or else this session."""
        if given:
            found = [self._named(secret) for secret in given]
            return found[0] if all(one == found[0] for one in found) else None
        if session is not None and (one := self._session_of(session)) is not None:
            return one
        return ANYONE if self.is_open else None

    def _named(self, secret: str) -> Identity | None:
        if self.is_open:
            return ANYONE
        digest = hashed(secret)
        found: Identity | None = None
        for token in self._tokens():  # all of them, however early one fits
            if hmac.compare_digest(token.digest, digest):
                found = Identity(token.name, token.role, "token")
        return found

    # ---- browsers -------------------------------------------------------------------------

    def new_link(self, identity: Identity) -> str:
        """A secret that opens one session of the same rights, once and within an hour."""
        return self._keep(self._links, identity, LINK_SECONDS)

    def log_in(self, secret: str) -> tuple[str, Identity] | None:
        """Use up a link; what names the new session, and whose it is."""
        kept = self._links.pop(hashed(secret), None)
        if kept is None or kept[0] < self._now() or not self._lives(kept[1]):
            return None
        identity = attrs.evolve(kept[1], by="session")
        return self._keep(self._sessions, identity, SESSION_SECONDS), identity

    def log_out(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(hashed(session), None)

    def _session_of(self, session: str) -> Identity | None:
        kept = self._sessions.get(hashed(session))
        if kept is None or kept[0] < self._now() or not self._lives(kept[1]):
            return None
        return kept[1]

    def _lives(self, identity: Identity) -> bool:
        """Whether the token that somebody began with is still good, and as good."""
        if self.is_open:
            return True
        return any((t.name, t.role) == (identity.name, identity.role) for t in self._tokens())

    def _keep(
        self, kept: dict[bytes, tuple[float, Identity]], identity: Identity, seconds: float
    ) -> str:
        secret = secrets.token_urlsafe(32)
        kept[hashed(secret)] = (self._now() + seconds, identity)
        while len(kept) > _MOST:
            del kept[next(iter(kept))]
        return secret
