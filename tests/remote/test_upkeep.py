"""A remote client looks after a store: findings, and copies, from a server at a real socket."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import perdure
from perdure.actors.verification import Finding
from perdure.gateway import asgi
from perdure.gateway.remote import upkeep
from perdure.orchestration.client import EmbeddedClient
from tests.contracts.clients import TOKEN, Counter, app
from tests.gateway.live import served

SOON = 20.0


@pytest.fixture
def local(tmp_path: Path) -> Iterator[EmbeddedClient]:
    with app.open(tmp_path / "a.db", durability="process") as local:
        yield local


@pytest.fixture
def client(local: EmbeddedClient) -> Iterator[perdure.Client]:
    with (
        served(asgi(local, token=TOKEN)) as live,
        perdure.connect(f"http://127.0.0.1:{live.port}", token=TOKEN) as client,
    ):
        yield client


def test_damage_is_found_from_afar(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with app.open(path) as local:
        local.entity(Counter, "a").call(Counter.add, 3).get(SOON)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE turns SET crc = crc + 1")
    connection.close()

    with (
        app.open(path) as local,
        served(asgi(local, token=TOKEN)) as live,
        perdure.connect(f"http://127.0.0.1:{live.port}", token=TOKEN) as client,
    ):
        (finding,) = client.verify()

    assert (finding.stream, finding.kind) == ("@counter@a", "damage")
    assert "checksum" in finding.what


def test_a_long_look_is_asked_for_again_and_shared(
    client: perdure.Client, local: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    released = threading.Event()

    def slow() -> Iterator[Finding]:
        asked.append(1)
        assert released.wait(SOON)
        yield Finding("", "found late")

    monkeypatch.setattr(local, "verify", slow)
    monkeypatch.setattr(upkeep, "WAIT_SECONDS", 0.05)  # every answer is late until then

    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(lambda: list(client.verify())) for _ in range(2)]
        while not asked:
            pass
        released.set()
        found = [look.result(SOON) for look in looks]

    assert [[one.what for one in findings] for findings in found] == [["found late"]] * 2
    assert len(asked) <= 2


def test_more_findings_than_are_told_are_not_looked_for(
    client: perdure.Client, local: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless() -> Iterator[Finding]:
        while True:
            yield Finding("@a@b", "wrong")

    monkeypatch.setattr(local, "verify", endless)

    assert len(list(client.verify())) == upkeep.MOST


def test_a_copy_that_ends_early_leaves_no_file(
    client: perdure.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def cut(file: object) -> Iterator[bytes]:
        yield b"SQLite format 3"

    monkeypatch.setattr(upkeep, "_pieces", cut)
    folder = tmp_path / "copies"
    folder.mkdir()

    with pytest.raises(perdure.ServerUnreachableError, match="not sent all of it"):
        client.backup(str(folder / "copy.db"))

    assert list(folder.iterdir()) == []
