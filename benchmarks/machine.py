"""Where figures come from: the machine, its versions, and how long its disk takes to sync."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from pathlib import Path

import perdure
from perdure.benchmarks.bench import is_in_memory
from perdure.benchmarks.report.figures import percentile
from perdure.benchmarks.report.report import Machine

SYNCS = 200
BLOCK = b"x" * 4_096


def this_machine(folder: Path, *, syncs: int = SYNCS) -> Machine:
    """The machine, and the disk of *folder*."""
    return Machine(
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        system=f"{platform.system()} {platform.machine()}",
        cores=usable_cores(),
        on_disk=not is_in_memory(folder),
        processor=_processor(),
        perdure=perdure.__version__,
        fsync_micros=fsync_micros(folder, syncs),
    )


def usable_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def fsync_micros(folder: Path, syncs: int = SYNCS) -> tuple[float, float]:
    """The p50 and the p99 of appending 4 KiB to a file and syncing it, as a log does."""
    path = folder / f".perdure-fsync-{os.getpid()}"
    taken: list[float] = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        for _ in range(max(1, syncs)):
            os.write(descriptor, BLOCK)
            begun = time.perf_counter()
            os.fsync(descriptor)
            taken.append((time.perf_counter() - begun) * 1e6)
    finally:
        os.close(descriptor)
        path.unlink()
    return percentile(taken, 50), percentile(taken, 99)
