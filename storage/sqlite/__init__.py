"""A store in one SQLite file."""

from perdure.storage.sqlite.reader import SqliteReader
from perdure.storage.sqlite.store import SqliteStore

__all__ = ["SqliteReader", "SqliteStore"]
