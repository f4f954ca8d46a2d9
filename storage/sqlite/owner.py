"""One process owns a store: a lock on a file beside it, with the owner's pid in it.

The lock is on a file of its own because closing any handle of the database file itself would
drop the locks that SQLite holds on it (POSIX locks belong to the process, not to the handle).
"""

from __future__ import annotations

import fcntl
import os
from weakref import WeakSet

import attrs

from perdure.errors import ForkedError, NodeClosedError, StoreOpenError, StoreOwnedError

_owners: WeakSet[Owner] = WeakSet()


@attrs.define(eq=False, weakref_slot=True)
class Owner:
    """The right to write a store, held until it is released or the process ends."""

    path: str
    _handle: int
    _pid: int

    @classmethod
    def acquire(cls, path: str) -> Owner:
        """Become the owner of the store at *path*.

        Raises:
            StoreOwnedError: another handle, here or in another process, owns it.
            StoreOpenError: the lock file cannot be written.
        """
        try:
            handle = os.open(lock_path(path), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            msg = f"cannot write beside store {path!r}: {error.strerror}; choose another path"
            raise StoreOpenError(msg) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            os.close(handle)
            raise StoreOwnedError(path, owner_pid(path)) from None
        except OSError as error:
            os.close(handle)
            msg = f"cannot lock store {path!r}: {error.strerror}; use a local disk"
            raise StoreOpenError(msg) from error
        owner = cls(path, handle, os.getpid())
        _owners.add(owner)
        return owner

    def require(self) -> None:
        """Raise unless this process still holds the store open."""
        if os.getpid() != self._pid:
            msg = f"store {self.path!r} was opened before os.fork(); open it again in the child"
            raise ForkedError(msg)
        if self._handle < 0:
            msg = f"store {self.path!r} is closed; open it again"
            raise NodeClosedError(msg)

    @property
    def is_forked(self) -> bool:
        """Whether this is a copy in a child of the owner."""
        return os.getpid() != self._pid

    @property
    def is_released(self) -> bool:
        """Whether it was let go."""
        return self._handle < 0

    def release(self) -> None:
        """Let go. The lock file stays: removing it would let two processes lock two files."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def lock_path(path: str) -> str:
    """The file that is locked for the store at *path*."""
    return path + ".lock"


def owner_pid(path: str) -> int | None:
    """The pid in the lock file, or ``None`` when it cannot be told."""
    try:
        with open(lock_path(path), "rb") as file:
            return int(file.read(32))
    except (OSError, ValueError):
        return None


def _let_go_in_child() -> None:
    # The child shares the parent's lock: were it to keep the handle, the store would stay
    # owned after the parent's end. Closing it does not unlock the parent's.
    for owner in list(_owners):
        owner.release()


os.register_at_fork(after_in_child=_let_go_in_child)
