"""A full disk leaves room to purge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from perdure.storage.sqlite import SqliteStore
from perdure.storage.sqlite.reserve import RESERVE_BYTES, Reserve

ROOT = Path(__file__).resolve().parents[2]


def in_a_small_disk(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run *command* where *folder* is a disk of 24 MiB, which ends with it."""
    mount = f'mount -t tmpfs -o size=24m tmpfs "{folder}" || exit 77; exec "$@"'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_disk_that_is_full_can_be_purged_and_goes_on_without_a_restart(
    tmp_path: Path,
) -> None:
    try:
        ran = in_a_small_disk(
            tmp_path, sys.executable, "-m", "tests.storage.full_disk", str(tmp_path)
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if ran.returncode == 77 or "unshare" in ran.stderr:
        pytest.skip(f"no disk can be mounted: {ran.stderr}")

    assert ran.stdout.startswith("well"), ran.stderr


def test_the_reserve_is_there_while_the_store_is_open(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = SqliteStore.open(str(path))

    reserve = tmp_path / "a.db.reserve"
    assert reserve.stat().st_size == RESERVE_BYTES
    assert reserve.stat().st_mode & 0o777 == 0o600
    store.close(clean=True)
    assert not reserve.exists()


def test_a_reserve_that_a_crash_left_is_taken_over(tmp_path: Path) -> None:
    Reserve.beside(str(tmp_path / "a.db"))

    again = Reserve.beside(str(tmp_path / "a.db"))

    assert again.release()
    assert again.is_owed
    assert not again.release()
    assert again.make()
    assert not again.is_owed


def test_no_reserve_is_made_where_there_is_no_room_for_it(tmp_path: Path) -> None:
    reserve = Reserve(str(tmp_path / "a.db.reserve"), 1 << 60)

    assert not reserve.make()
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_the_reserve_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "a.db.reserve").symlink_to(precious)

    SqliteStore.open(str(tmp_path / "a.db")).close(clean=True)

    assert precious.read_text() == "mine"
    assert (tmp_path / "a.db.reserve").is_symlink()


def test_a_file_of_somebody_else_in_the_place_of_the_reserve_is_left_alone(
    tmp_path: Path,
) -> None:
    precious = tmp_path / "a.db.reserve"
    precious.write_text("mine")

    SqliteStore.open(str(tmp_path / "a.db")).close(clean=True)

    assert precious.read_text() == "mine"
