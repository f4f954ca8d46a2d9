"""The bench: where measuring happens, on which disk, with which sizes."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import attrs

from perdure.actors.node import Node
from perdure.benchmarks.subjects.entities import bench_app
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.records import Batch

LOAD_SECONDS = 1.2
WAIT_SECONDS = 120.0
"""A benchmark that takes longer for one step is broken, not slow."""


class MismatchError(AssertionError):
    """A benchmark's final counts are wrong: its figures mean nothing."""


@attrs.define
class Bench:
    """A folder on the disk to measure, and how large the benchmarks are.

    Attributes:
        folder: for stores; made and removed by :meth:`beside`.
        scale: all counts are multiplied by it.
        full: also the sizes that take minutes.
    """

    folder: Path
    scale: float = 1.0
    full: bool = False
    _stores: int = 0

    @classmethod
    @contextmanager
    def beside(cls, parent: Path, *, scale: float, full: bool) -> Generator[Self]:
        """A bench in a folder of its own in *parent*, which is removed at the end."""
        folder = Path(tempfile.mkdtemp(prefix="perdure-bench-", dir=parent))
        try:
            yield cls(folder, scale, full)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def count(self, whole: int, *, least: int = 1) -> int:
        """How many to do where a whole run does *whole*."""
        return max(least, round(whole * self.scale))

    @property
    def load_seconds(self) -> float:
        """How long a load of a task takes: 1.2 s, half a second of a tenth."""
        return LOAD_SECONDS if self.scale >= 1 else max(0.1, 5 * self.scale)

    def new_path(self) -> str:
        """A path for a store, or another file, that is not there yet."""
        self._stores += 1
        return str(self.folder / f"bench-{self._stores}.db")

    @contextmanager
    def client(self, path: str | None = None) -> Generator[EmbeddedClient]:
        """A client of the store at *path*, or of a new one, which is then removed."""
        used = path or self.new_path()
        try:
            with bench_app().open(used) as client:
                yield client
        finally:
            if path is None:
                remove_store(used)


def remove_store(path: str) -> None:
    """Remove a store's files, so that a long run does not fill the disk."""
    for ending in ("", "-wal", "-shm", ".lock"):
        Path(path + ending).unlink(missing_ok=True)


class Applied:
    """Counts operations as they become durable *and* applied: by the events in each commit."""

    def __init__(self, node: Node) -> None:
        self.count = 0
        self._wanted = 0
        self._reached = threading.Event()
        self._end = node.on_commit(self._count)

    def _count(self, batch: Batch) -> None:
        self.count += sum(turn.count for turn in batch.turns)
        if self.count >= self._wanted:
            self._reached.set()

    def wait(self, wanted: int) -> None:
        """Return once *wanted* operations are durable and applied.

        Raises:
            MismatchError: they are not, after two minutes.
        """
        self._reached.clear()
        self._wanted = wanted
        if self.count < wanted and not self._reached.wait(WAIT_SECONDS):
            msg = f"{self.count} of {wanted} operations were applied"
            raise MismatchError(msg)

    def close(self) -> None:
        """Count no more."""
        self._end()


def check(what: str, found: object, wanted: object) -> None:
    """Raise MismatchError unless what was *found* is what was *wanted*."""
    if found != wanted:
        msg = f"{what}: {found!r} instead of {wanted!r}"
        raise MismatchError(msg)


def seconds_of(work: Callable[[], object]) -> float:
    """How long *work* takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def is_in_memory(folder: Path) -> bool:
    """Whether *folder* is on a file system without a disk, as far as Linux tells."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return False
    found = ("", "")
    place = os.path.realpath(folder)
    for line in mounts.read_text(encoding="utf-8").splitlines():
        _, point, kind, *_ = line.split()
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1] in {"tmpfs", "ramfs"}
