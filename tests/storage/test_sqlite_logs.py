"""A write-ahead log that cannot be read in its middle is told of, and kept."""

from __future__ import annotations

import io
import logging
import os
import random
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.errors import CorruptionError
from perdure.storage.records import Batch, TurnRow
from perdure.storage.sqlite import SqliteReader, SqliteStore
from perdure.storage.sqlite.log_breach import Breach, find_breach

FRAME = 24 + 4096
HEADER = 32
BATCHES = 40
COMMITS = BATCHES + 1
"""One more: the probe's."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed process has left: a store, and its log with all its batches."""
    folder: Path = tmp_path_factory.mktemp("original")
    store = SqliteStore.open(str(folder / "open.db"))
    store.probe()
    for number in range(1, BATCHES + 1):
        store.commit(Batch(number, turns=[TurnRow("@a@b", number, 1, b"x" * 2_000, number)]))
    for end in ("", "-wal"):
        shutil.copy(folder / f"open.db{end}", folder / f"a.db{end}")
    store.close(clean=True)
    return folder


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    for end in ("", "-wal"):
        shutil.copy(original / f"a.db{end}", tmp_path / f"a.db{end}")
    return tmp_path / "a.db"


@pytest.fixture
def log(original: Path) -> bytes:
    return (original / "a.db-wal").read_bytes()


def starts_of(log: bytes) -> Iterator[int]:
    return iter(range(HEADER, len(log), FRAME))


def ends_of(log: bytes) -> list[int]:
    """The numbers of the frames that end a commit."""
    return [n for n, at in enumerate(starts_of(log), 1) if any(log[at + 4 : at + 8])]


def flipped(log: bytes, at: int, bit: int = 1) -> bytes:
    return log[:at] + bytes([log[at] ^ bit]) + log[at + 1 :]


def found(log: bytes) -> Breach | None:
    return find_breach(io.BytesIO(log))


def damage(path: Path, at: int) -> None:
    log = Path(f"{path}-wal")
    log.write_bytes(flipped(log.read_bytes(), at))


# ---- the bytes ----------------------------------------------------------------------------


def test_a_log_that_can_be_read_has_no_breach(log: bytes) -> None:
    assert len(ends_of(log)) == COMMITS
    assert found(log) is None
    assert found(log[: HEADER + 7 * FRAME + 100]) is None
    assert found(log[:20]) is None
    assert found(b"") is None


def test_any_flipped_bit_before_the_last_commit_is_found_where_it_is(log: bytes) -> None:
    chance = random.Random(1)
    ends = ends_of(log)
    for _ in range(80):
        at = chance.randrange(HEADER, HEADER + ends[-2] * FRAME)
        frame = (at - HEADER) // FRAME + 1

        breach = found(flipped(log, at, 1 << chance.randrange(8)))

        assert breach is not None
        assert (breach.frame, breach.is_loss) == (frame, True)
        behind = sum(end >= frame for end in ends)
        assert breach.commits in {behind - 1, behind}  # a damaged end is none any more


def test_pages_that_changed_places_are_found(log: bytes) -> None:
    one, other = HEADER + 3 * FRAME, HEADER + 5 * FRAME
    spoiled = bytearray(log)
    spoiled[one + 24 : one + FRAME] = log[other + 24 : other + FRAME]
    spoiled[other + 24 : other + FRAME] = log[one + 24 : one + FRAME]

    breach = found(bytes(spoiled))

    assert breach is not None
    assert breach.frame == 4


@pytest.mark.parametrize("at", [0, 5, 9, 17, 25])
def test_a_damaged_header_loses_all(log: bytes, at: int) -> None:
    breach = found(flipped(log, at))

    assert breach is not None
    assert (breach.frame, breach.commits, breach.is_loss) == (0, COMMITS, True)


def test_a_last_frame_that_was_not_written_in_full_is_no_loss(log: bytes) -> None:
    breach = found(flipped(log, len(log) - 1))

    assert breach is not None
    assert breach.is_torn_end
    assert not breach.is_loss


def test_what_an_older_log_left_behind_does_not_count(log: bytes) -> None:
    older = log.replace(log[16:24], b"another!")
    cut = HEADER + ends_of(log)[9] * FRAME

    assert found(log[:cut] + older[cut:]) is None
    assert found(flipped(log[:cut], HEADER + 30) + older[cut:]) == Breach(
        log[16:24].hex(), 1, ends_of(log)[9], 10
    )


def test_a_log_of_a_machine_with_the_other_order_is_read_too(log: bytes) -> None:
    turned = big_endian(log)

    assert found(turned) is None
    breach = found(flipped(turned, HEADER + 2 * FRAME + 1_000))
    assert breach is not None
    assert breach.frame == 3


def big_endian(log: bytes) -> bytes:
    """The same log with checksums that read words as big-endian, by the format's rule."""
    one = two = 0

    def add(data: bytes) -> bytes:
        nonlocal one, two
        for x, y in struct.iter_unpack(">2I", data):
            one = (one + two + x) % 2**32
            two = (two + one + y) % 2**32
        return struct.pack(">2I", one, two)

    head = struct.pack(">I", 0x377F0683) + log[4:24]
    turned = head + add(head)
    for at in starts_of(log):
        page = log[at + 24 : at + FRAME]
        turned += log[at : at + 16] + add(log[at : at + 8] + page) + page
    return turned


# ---- the store ----------------------------------------------------------------------------


def test_a_loss_is_told_the_log_is_kept_and_the_store_goes_on(
    path: Path, log: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path, HEADER + ends_of(log)[20] * FRAME + 500)
    spoiled = Path(f"{path}-wal").read_bytes()
    before = list(SqliteReader.view(str(path)).check())

    store = SqliteStore.open(str(path))

    assert store.opening.last_batch == 20
    (kept,) = path.parent.glob("a.db-wal.damaged-*")
    assert kept.read_bytes() == spoiled
    assert kept.stat().st_mode & 0o777 == 0o600
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "20 commits are missing" in record.message
    assert str(kept) in record.message
    (told,) = before
    assert "20 commits are missing" in told.what
    (told,) = store.check()
    assert "20 commits are missing" in told.what
    assert str(kept) in told.what
    store.commit(Batch(21, turns=[TurnRow("@a@b", 21, 1, b"y", 1)]))
    kept.unlink()
    assert list(store.check()) == []
    store.close(clean=True)


def test_a_loss_is_told_once_though_the_next_process_is_killed_too(
    path: Path, log: bytes
) -> None:
    damage(path, HEADER + 500)
    store = SqliteStore.open(str(path))
    store.commit(Batch(99))
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", path.with_name(f"b.db{end}"))
    store.close(clean=True)

    again = SqliteStore.open(str(path.with_name("b.db")))

    assert list(again.check()) == []
    again.close(clean=True)


def test_what_is_behind_a_torn_end_is_not_taken_for_damage_later(
    path: Path, log: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path, len(log) - 1)

    store = SqliteStore.open(str(path))

    assert os.path.getsize(f"{path}-wal") < len(log)
    assert store.opening.last_batch == BATCHES - 1
    assert list(store.check()) == []
    assert caplog.records == []
    store.close(clean=True)


def test_a_newest_commit_that_is_not_whole_is_told_as_after_a_power_cut(
    path: Path, log: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path, HEADER + ends_of(log)[-2] * FRAME + 500)

    store = SqliteStore.open(str(path))

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "as after a power cut" in caplog.text
    assert list(store.check()) == []
    store.close(clean=True)


def test_a_log_is_kept_once_however_often_its_opening_is_cut_off(
    path: Path, log: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(path, HEADER + 500)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError

    with monkeypatch.context() as patched:
        patched.setattr("perdure.storage.sqlite.store.connect_writer", fail)
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError):
                SqliteStore.open(str(path))
    SqliteStore.open(str(path)).close(clean=True)

    assert len(list(path.parent.glob("a.db-wal.damaged-*"))) == 1


def test_a_log_that_cannot_be_kept_is_told_all_the_same(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(path, HEADER + 500)

    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr("perdure.storage.sqlite.broken_logs.shutil.copyfileobj", full)
    SqliteStore.open(str(path)).close(clean=True)

    assert "there is no room to keep it" in caplog.text
    assert list(path.parent.glob("a.db-wal.damaged-*")) == []


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """What a killed process has left whose log was moved into the file, all of it."""
    store = SqliteStore.open(str(tmp_path / "open.db"))
    store.probe()
    for number in range(1, BATCHES + 1):
        store.commit(Batch(number, turns=[TurnRow("@a@b", number, 1, b"x" * 2_000, number)]))
    store.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"open.db{end}", tmp_path / f"a.db{end}")
    store.close(clean=True)
    return tmp_path / "a.db"


def test_a_log_that_was_moved_into_the_file_is_no_damage(moved: Path) -> None:
    store = SqliteStore.open(str(moved))

    assert len(store.turns("@a@b")) == BATCHES
    assert list(store.check()) == []
    store.close(clean=True)


@pytest.mark.parametrize("left", [10, 20, 30])
def test_a_log_that_ends_before_what_was_moved_from_it_is_refused(
    moved: Path, left: int
) -> None:
    log = moved.with_name("a.db-wal")
    whole = log.read_bytes()
    kept = whole[: HEADER + ends_of(whole)[left] * FRAME]
    log.write_bytes(kept)
    file = moved.read_bytes()

    view = SqliteReader.view(str(moved))
    [damage] = view.check()
    view.close_readers()
    assert f"log ends at batch {left}, " in damage.what
    with pytest.raises(CorruptionError, match=rf"log ends at batch {left}, .* batch {BATCHES}"):
        SqliteStore.open(str(moved))

    assert log.read_bytes() == kept
    assert moved.read_bytes() == file
    log.write_bytes(whole)
    store = SqliteStore.open(str(moved))
    assert len(store.turns("@a@b")) == BATCHES
    store.close(clean=True)


def test_nor_is_one_shown_that_was_damaged_there(moved: Path) -> None:
    log = moved.with_name("a.db-wal")
    log.write_bytes(flipped(log.read_bytes(), HEADER + 60 * FRAME + 100))

    with pytest.raises(CorruptionError, match="the end of the log is missing"):
        SqliteStore.open(str(moved))
