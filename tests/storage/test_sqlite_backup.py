"""A backup is there whole, or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.errors import StoreOpenError
from perdure.storage.sqlite import SqliteStore, backup
from tests.contracts.stores import CART, step
from tests.torture.children import run_child


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore.open(str(tmp_path / "a.db"))
    opened.commit(step(1, CART, 1))
    yield opened
    opened.close(clean=True)


@pytest.mark.parametrize("method", ["connect", "STATEMENTS"])
def test_a_backup_that_was_killed_has_not_got_its_name(
    store: SqliteStore, tmp_path: Path, method: str
) -> None:
    store.close(clean=True)

    class Killer:
        """Ends the process where the copy begins, or where it is nearly done."""

        Error = sqlite3.Error

        def connect(self, *_: object, **__: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        def __getitem__(self, _: str) -> str:
            os.kill(os.getpid(), signal.SIGKILL)
            return ""

    def back_up() -> None:
        setattr(backup, "sqlite3" if method == "connect" else method, Killer())
        SqliteStore.open(str(tmp_path / "a.db")).backup(str(tmp_path / "copy.db"))

    assert run_child(back_up)

    assert not (tmp_path / "copy.db").exists()
    [rest] = [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")]
    assert rest.startswith("copy.db.")


def test_a_backup_leaves_nothing_beside_it(store: SqliteStore, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()

    store.backup(str(folder / "copy.db"))
    with pytest.raises(StoreOpenError, match="exists already; choose another path"):
        store.backup(str(folder / "copy.db"))

    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600


def test_a_disk_without_links_gets_its_backup_too(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str, __: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    store.backup(str(tmp_path / "copy.db"))
    with pytest.raises(StoreOpenError, match="exists already"):
        store.backup(str(tmp_path / "copy.db"))

    copy = SqliteStore.open(str(tmp_path / "copy.db"))
    assert (copy.opening.last_batch, copy.opening.clean) == (1, True)
    copy.close(clean=True)
