"""The files of an open store: whether they are still there, and how long the log is."""

from __future__ import annotations

import os

import attrs

LOG_BYTES = 256 * 1024 * 1024
"""The write-ahead log is emptied by force when it is longer than this."""

LOOK_COMMITS = 16
"""The log is looked at once in so many commits."""


@attrs.define(eq=False)
class StoreFiles:
    """The file of a store and its write-ahead log.

    Asking the system for the times or the length of a file that has just been written makes
    its next write dearer: looking at the log after each commit made a commit a quarter
    slower. So it is only asked whether the log exists, and looked at once in a while.
    """

    path: str
    _ids: tuple[int, int]
    _limit: int
    _commits: int = 0

    @classmethod
    def of(cls, path: str) -> StoreFiles:
        """The files as they are now, right after they were opened."""
        return cls(path, (_file_id(path), _file_id(path + "-wal")), LOG_BYTES)

    def are_in_place(self) -> bool:
        """Whether the files are still those that were opened.

        SQLite goes on writing to deleted files, and what it acknowledges then is lost.
        """
        file, log = self._ids
        if _file_id(self.path) != file:
            return False
        if self._commits % LOOK_COMMITS == 0:
            return _file_id(self.path + "-wal") == log
        return os.access(self.path + "-wal", os.F_OK)

    def log_is_too_long(self) -> bool:
        """Whether the log has to be emptied by force; asked after each commit.

        When it cannot be emptied, the next time is when it has grown by as much again.
        """
        self._commits += 1
        if self._commits % LOOK_COMMITS:
            return False
        size = _log_size(self.path)
        if size <= self._limit:
            return False
        self._limit = size + LOG_BYTES
        return True

    def log_was_emptied(self) -> None:
        """The log begins anew."""
        self._limit = LOG_BYTES


def _file_id(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _log_size(path: str) -> int:
    try:
        return os.stat(path + "-wal").st_size
    except FileNotFoundError:  # which are_in_place() tells before the next commit
        return 0
