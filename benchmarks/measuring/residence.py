"""How much memory this process has."""

from __future__ import annotations

import gc
import os
import resource
from pathlib import Path


def resident_kib() -> float:
    """KiB of this process in memory now; where the system does not tell, at its highest."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # bytes on macOS
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024
