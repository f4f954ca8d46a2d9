"""A disk that writes down everything that SQLite does to its files, for the time after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import msgspec


class Write(msgspec.Struct, tag=True):
    """Bytes were given to a file; they are on the disk when it was synced."""

    file: str
    offset: int
    data: bytes


class Cut(msgspec.Struct, tag=True):
    """A file was cut or lengthened."""

    file: str
    size: int


class Sync(msgspec.Struct, tag=True):
    """All that a file was given is on the disk."""

    file: str


class Remove(msgspec.Struct, tag=True):
    """A file was removed."""

    file: str


class Begin(msgspec.Struct, tag=True):
    """From here on the next transaction may be on the disk."""


class Done(msgspec.Struct, tag=True):
    """A transaction was acknowledged; *content* is the digest of all that it left."""

    content: str


Step = Write | Cut | Sync | Remove | Begin | Done


class Recording(msgspec.Struct):
    """What happened to a store's files, in order."""

    durability: str
    sqlite: str
    steps: list[Step]


NAME = "recorded"


class RecordedFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, disk: RecordedDisk, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path).name if path else ""
        self._steps = disk.steps if path and Path(path).parent == disk.folder else []
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite names it
        self._steps.append(Write(self._name, offset, bytes(data)))
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]  apsw: Buffer

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._steps.append(Cut(self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._steps.append(Sync(self._name))


class RecordedDisk(apsw.VFS):
    """The files of one folder, recorded; they are also really written, but never synced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[Step] = []
        super().__init__(NAME, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:  # noqa: N802
        return RecordedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        if Path(filename).parent == self.folder:
            self.steps.append(Remove(Path(filename).name))
        super().xDelete(filename, syncdir)
