"""Prints what each list of a large store costs the server, the first time and again.

``python -m perdure.benchmarks.list_table [STORE]``: a store that is there is used again.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from perdure.benchmarks.lists import EVENTS, INSTANCES, fill, measured


def main() -> None:
    """Fill a store, unless it is there, and ask everything five times."""
    path = sys.argv[1] if len(sys.argv) > 1 else "lists.db"
    if not Path(path).exists():
        fill(path, INSTANCES, EVENTS)
    print(f"{'':44}{'first':>9}{'median':>9}  ms")
    for what, taken in measured(path, 5).items():
        print(f"{what:44}{taken[0]:9.1f}{statistics.median(taken):9.1f}")


if __name__ == "__main__":
    main()
