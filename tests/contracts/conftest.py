"""One place of each kind: every test of the contract runs on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import perdure
from perdure.storage.ports import Store
from tests.contracts.clients import CLIENTS
from tests.contracts.stores import MemoryPlace, Place, SqlitePlace

PLACES: dict[str, Callable[[Path], Place]] = {
    "memory": lambda _: MemoryPlace(),
    "sqlite": lambda folder: SqlitePlace(folder / "a.db"),
    "sqlite-process": lambda folder: SqlitePlace(folder / "a.db", "process"),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    opened = place.open()
    yield opened
    opened.close(clean=True)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[perdure.Client]:
    with CLIENTS[request.param](tmp_path) as client:
        yield client
