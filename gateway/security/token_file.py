"""More tokens of a store, each with a name and a role: kept as hashes in a file beside it.

A server that runs sees at once what is added and removed.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Sequence
from datetime import datetime

import msgspec

from perdure.actors.ids import checked_name
from perdure.errors import InvalidInputError, StoreOpenError
from perdure.gateway.security.access import OWNER, Access, Token
from perdure.gateway.security.tokens import TOKEN_BYTES, token_of


class Entry(msgspec.Struct):
    """One token in the file.

    Attributes:
        name: whose it is.
        role: what it may.
        sha256: of the secret, in hexadecimal.
        created: when it was made.
    """

    name: str
    role: str
    sha256: str
    created: datetime


_read = msgspec.json.Decoder(list[Entry]).decode


class TokenFile:
    """The tokens beside a store."""

    def __init__(self, store: str) -> None:
        self.path = store + ".tokens"
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def tokens(self) -> Sequence[Token]:
        """Those that are good now: the file is read again when it has changed.

        Raises:
            StoreOpenError: it cannot be read or trusted.
        """
        try:
            facts = os.stat(self.path, follow_symlinks=False)
            mark = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
        except FileNotFoundError:
            self._seen, self._tokens = None, ()
            return ()
        if mark != self._seen:
            known = self.entries()
            self._tokens = tuple(
                Token(entry.name, entry.role, bytes.fromhex(entry.sha256)) for entry in known
            )
            self._seen = mark
        return self._tokens

    def entries(self) -> list[Entry]:
        """What is in the file; nothing where there is none.

        Raises:
            StoreOpenError: it cannot be read, or others can read or change it.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return []
        except OSError as error:
            msg = f"the tokens in {self.path!r} cannot be read: {error.strerror}"
            raise StoreOpenError(msg) from error
        with os.fdopen(file, "rb") as opened:
            facts = os.fstat(file)
            mine = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid()
            if not mine or facts.st_mode & 0o077:
                msg = f"others may read or change {self.path!r}; remove it, and add them again"
                raise StoreOpenError(msg)
            data = opened.read()
        try:
            return _read(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            msg = f"{self.path!r} holds no tokens: {error}; remove it, and add them again"
            raise StoreOpenError(msg) from error

    def add(self, name: str, role: str, now: datetime) -> str:
        """Make a token; its secret, which is kept nowhere.

        Raises:
            InvalidInputError: there is one of that name, or no such role.
        """
        checked_name("the name of a token", name)
        entries = self.entries()
        if name == "owner" or any(entry.name == name for entry in entries):
            msg = f"there is a token {name!r}; remove it, or choose another name"
            raise InvalidInputError(msg)
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        digest = Token.of(name, role, secret).digest
        self._write([*entries, Entry(name, role, digest.hex(), now)])
        return secret

    def remove(self, name: str) -> None:
        """Have a token be good no more; so end the sessions that began with it.

        Raises:
            InvalidInputError: there is none of that name.
        """
        entries = self.entries()
        left = [entry for entry in entries if entry.name != name]
        if len(left) == len(entries):
            msg = f"there is no token {name!r} in {self.path!r}"
            raise InvalidInputError(msg)
        self._write(left)

    def _write(self, entries: list[Entry]) -> None:
        """Replace the file; a crash leaves the old one or the new one."""
        beside = f"{self.path}.{secrets.token_hex(8)}"
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(msgspec.json.format(msgspec.json.encode(entries)) + b"\n")
                opened.flush()
                os.fsync(file)
            os.rename(beside, self.path)
        except BaseException:
            os.unlink(beside)
            raise


def access_to(store: str, *, needs_token: bool) -> Access:
    """Who may ask about a store, by the files beside it; its own token is made if need be.

    Raises:
        StoreOpenError: a file cannot be read or trusted.
    """
    if not needs_token:
        return Access.by(None)
    owner = Token.of(OWNER.name, OWNER.role, token_of(store))
    others = TokenFile(store)
    others.tokens()
    return Access(lambda: [owner, *others.tokens()])
