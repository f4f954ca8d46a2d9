"""A disk of which the n-th call fails: once, or from there on until it is mended."""

from __future__ import annotations

from typing import Any

import apsw
import attrs

NAME = "failing"
CODES = {
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "size": apsw.SQLITE_IOERR_FSTAT,
    "open": apsw.SQLITE_CANTOPEN,
}
GROWS = {"write", "truncate", "open"}
"""What a full disk refuses."""


@attrs.define(eq=False)
class Faults:
    """Which call fails, and how.

    Attributes:
        how: ``EIO``: the disk is broken; ``ENOSPC``: it is full; ``SHORT``: half is written
            before it is. (A read that the system cuts short SQLite's own files go on with.)
        at: the how-manieth of the calls that can fail so; 0: none.
        lasts: whether all that follow fail as well.
        calls: how many there were.
        failed: how many have failed.
    """

    how: str
    at: int
    lasts: bool
    calls: int = 0
    failed: int = 0

    def strikes(self, call: str) -> bool:
        """Whether this call fails."""
        if self.how == "ENOSPC" and call not in GROWS:
            return False
        if self.how == "SHORT" and call != "write":
            return False
        self.calls += 1
        if not self.at or self.calls < self.at or (self.calls > self.at and not self.lasts):
            return False
        self.failed += 1
        return True

    def check(self, call: str) -> None:
        """Fail, if it is time to."""
        if self.strikes(call):
            full = self.how in {"ENOSPC", "SHORT"}
            raise apsw.exception_for(apsw.SQLITE_FULL if full else CODES[call])

    def mend(self) -> None:
        """Nothing fails any more."""
        self.at = 0


class FailingFile(apsw.VFSFile):
    """One open file on it."""

    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("unix", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802  SQLite names it
        self._disk.faults.check("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        try:
            self._disk.faults.check("write")
        except apsw.Error:
            if self._disk.faults.how == "SHORT":
                super().xWrite(data[: len(data) // 2], offset)  # pyright: ignore[reportUnknownMemberType]
            raise
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  apsw: Buffer

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.faults.check("truncate")
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.faults.check("sync")

    def xFileSize(self) -> int:  # noqa: N802
        self._disk.faults.check("size")
        return super().xFileSize()


class FailingDisk(apsw.VFS):
    """The machine's own disk, but for the faults."""

    def __init__(self) -> None:
        self.faults = Faults("EIO", 0, lasts=False)
        super().__init__(NAME, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> FailingFile:  # noqa: N802
        self.faults.check("open")
        return FailingFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.faults.check("delete")
        super().xDelete(filename, syncdir)
