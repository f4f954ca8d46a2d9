"""A few MiB beside the store that are given back when its disk is full.

On a disk without a free byte nothing in the store can help itself: what is in the log cannot be
moved to the file, which would have to grow, so the log cannot begin anew either, and a purge
needs room in the log. With the reserve gone the log is emptied, which frees all that it took.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

import attrs

RESERVE_BYTES = 4 * 1024 * 1024
"""As much as a log holds before it is moved to the file."""


@attrs.define(eq=False)
class Reserve:
    """The file ``<store>.reserve``, there while the store is open and there is room for it.

    Attributes:
        is_owed: it was given back, and could not be made again yet.
        is_held: it is there, and ours.
    """

    path: str
    size: int
    is_owed: bool = False
    is_held: bool = False

    @classmethod
    def beside(cls, store: str) -> Reserve:
        """The reserve of a store, made now if there is room."""
        reserve = cls(store + ".reserve", RESERVE_BYTES)
        reserve.make()
        return reserve

    def make(self) -> bool:
        """Take the room, if as much again stays free; returns whether the reserve is there."""
        try:
            self._make()
        except (OSError, AttributeError):  # no room, or a system without posix_fallocate
            return False
        self.is_owed = False
        self.is_held = True
        return True

    def _make(self) -> None:
        with suppress(FileNotFoundError):
            found = os.lstat(self.path)
            if stat.S_ISREG(found.st_mode) and found.st_size == self.size:
                return  # a crash left it
            if found.st_size or not stat.S_ISREG(found.st_mode):
                raise FileExistsError  # it is somebody else's
        disk = os.statvfs(os.path.dirname(self.path))
        if disk.f_bavail * disk.f_frsize < 2 * self.size:
            raise OSError
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(handle, 0, self.size)
        except OSError:
            os.unlink(self.path)
            raise
        finally:
            os.close(handle)

    def release(self) -> bool:
        """Give the room back; false when there is none."""
        if not self.is_held:
            return False
        self.remove()
        self.is_owed = True
        return True

    def remove(self) -> None:
        """Leave nothing of it, as when the store is closed."""
        if self.is_held:
            self.is_held = False
            with suppress(OSError):
                os.unlink(self.path)
