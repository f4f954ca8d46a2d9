"""A disk that is full, under the whole engine: nothing acknowledged is lost, and it heals."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, cast

import perdure
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.sqlite import SqliteStore

app = perdure.App()
PIECE = "x" * 20_000


@app.entity
class Box(perdure.Entity):
    """Holds a piece, of which its history keeps all."""

    count: int = 0
    piece: str = ""

    def put(self, number: int) -> int:
        """Take another piece."""
        self.count += 1
        self.piece = f"{number}{PIECE}"
        return self.count


def limit_pages(client: EmbeddedClient, pages: int) -> None:
    """Let the store's file have so many pages."""

    def change(store: Any) -> None:
        connection: sqlite3.Connection = cast(SqliteStore, store).connection
        connection.execute(f"PRAGMA max_page_count = {pages}")

    client.node.maintain(change)


def test_a_full_disk_refuses_reads_go_on_and_it_heals_without_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.db")
    acknowledged: list[int] = []
    unknown: list[int] = []
    with app.open(path) as client:
        ref = client.entity(Box, "a")
        limit_pages(client, 200)
        for number in range(60):
            try:
                ref.options(request_id=f"r{number}").call(Box.put, number).get(timeout=10)
            except (perdure.StoreUnavailableError, perdure.OutcomeUnknownError):
                unknown.append(number)
            else:
                acknowledged.append(number)
        assert acknowledged
        assert unknown
        snapshot = ref.get()
        assert snapshot is not None
        assert snapshot.state.count >= len(acknowledged)

        limit_pages(client, 100_000)
        while unknown:
            number = unknown[0]
            try:
                ref.options(request_id=f"r{number}").call(Box.put, number).get(timeout=10)
            except (perdure.StoreUnavailableError, perdure.OutcomeUnknownError):
                continue
            unknown.pop(0)

        snapshot = ref.get()
        assert snapshot is not None
        assert snapshot.state.count == 60
        assert not list(client.verify())
