"""What a process holds: memory, threads, file handles, and the store's log."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import attrs

_PAGE = os.sysconf("SC_PAGE_SIZE")


@attrs.frozen
class Footprint:
    """One look.

    Attributes:
        memory: resident, in MiB.
        log: the store's write-ahead log, in MiB.
    """

    memory: float
    threads: int
    handles: int
    log: float

    def __str__(self) -> str:
        return (
            f"{self.memory:.1f} MiB, {self.threads} threads, {self.handles} file handles, "
            f"log {self.log:.1f} MiB"
        )


def look(store: Path) -> Footprint:
    """At this process."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    log = store.with_name(store.name + "-wal")
    return Footprint(
        memory=resident * _PAGE / 2**20,
        threads=threading.active_count(),
        handles=len(os.listdir("/proc/self/fd")),
        log=log.stat().st_size / 2**20 if log.exists() else 0.0,
    )
