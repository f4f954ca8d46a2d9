"""The token that requests need: made once, in a file beside the store that its user reads."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager

from perdure.errors import StoreOpenError

TOKEN_BYTES = 32
_SHORTEST = 32
_LONGEST = 1024


def token_path(store: str) -> str:
    """Where the token of a store is."""
    return store + ".token"


def token_of(store: str) -> str:
    """The token of a store, made when there is none. Only for who owns the store.

    Raises:
        StoreOpenError: others can read or change the file, or there is no token in it.
    """
    path = token_path(store)
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
        return _read(path)


def _make(path: str) -> None:
    """Write a new token; a crash leaves all of it or nothing."""
    beside = f"{path}.{secrets.token_hex(8)}"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as opened:
            opened.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        os.rename(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


@contextmanager
def _closing(file: int) -> Generator[None]:
    """Close *file* at the end of the block."""
    try:
        yield
    finally:
        os.close(file)


def _read(path: str) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        msg = f"the token in {path!r} cannot be read: {error.strerror}; remove it for a new one"
        raise StoreOpenError(msg) from error
    with _closing(file):
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            msg = f"the token file {path!r} is not a file of yours; remove it for a new one"
            raise StoreOpenError(msg)
        if facts.st_mode & 0o077:
            msg = (
                f"others may read or change the token in {path!r} (mode "
                f"{stat.S_IMODE(facts.st_mode):04o}); remove it for a new one"
            )
            raise StoreOpenError(msg)
        data = os.read(file, _LONGEST).strip()
    if len(data) < _SHORTEST or not data.isascii() or not data.decode().isprintable():
        msg = f"there is no token of {_SHORTEST} or more characters in {path!r}; remove it"
        raise StoreOpenError(msg)
    return data.decode()
