"""A store is refused on the disk of another machine, and with a SQLite that is too old."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from perdure.errors import StoreOpenError
from perdure.storage.sqlite import SqliteStore, disks

MOUNTS = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /data rw shared:9 - nfs4 server:/export rw,vers=4.2
31 30 0:26 / /data/local rw - xfs /dev/vdb rw
32 22 0:27 / /with\040space rw - cifs //server/share rw
33 22 0:28 / /over rw - nfs server:/x rw
34 22 0:29 / /over rw - btrfs /dev/vdc rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/a.db", "ext4"),
        ("/data/a.db", "nfs4"),
        ("/data/local/deep/a.db", "xfs"),
        ("/database/a.db", "ext4"),
        ("/with space/a.db", "cifs"),
        ("/over/a.db", "btrfs"),
    ],
)
def test_the_innermost_and_last_mount_holds_a_path(path: str, kind: str) -> None:
    assert disks.file_system_of(path, MOUNTS) == kind


def test_what_is_not_told_is_not_known() -> None:
    assert disks.file_system_of("/a.db", b"") == ""


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of which the system says what the test writes."""
    monkeypatch.setattr(disks, "MOUNTS", str(tmp_path / "mountinfo"))
    monkeypatch.delenv(disks.ALLOW, raising=False)
    return tmp_path


def say(mount: Path, kind: str) -> str:
    (mount / "mountinfo").write_text(f"1 0 0:1 / {mount} rw - {kind} server:/x rw\n")
    return str(mount / "a.db")


NETWORK = "nfs nfs4 cifs smb3 smbfs afs ceph lustre fuse.sshfs fuse.glusterfs fuse.s3fs".split()
LOCAL = (
    "ext4 xfs btrfs zfs overlay tmpfs fuse.fuse-overlayfs f2fs apfs fuseblk ecryptfs".split()
)


@pytest.mark.parametrize("kind", NETWORK)
def test_a_network_file_system_is_refused_before_anything_is_written(
    mount: Path, kind: str
) -> None:
    path = say(mount, kind)

    with pytest.raises(StoreOpenError, match=rf"network file system \({kind}\).*local disk"):
        SqliteStore.open(path)

    assert [file.name for file in mount.iterdir()] == ["mountinfo"]


def test_whoever_knows_better_may_allow_it(
    mount: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = say(mount, "nfs4")
    monkeypatch.setenv(disks.ALLOW, "1")

    with caplog.at_level(logging.WARNING, "perdure"):
        SqliteStore.open(path).close(clean=True)

    assert "network file system (nfs4)" in caplog.text


@pytest.mark.parametrize("kind", LOCAL)
def test_a_local_file_system_is_taken_without_a_word(
    mount: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    SqliteStore.open(say(mount, kind)).close(clean=True)

    assert caplog.text == ""


def test_a_folder_shared_with_a_host_is_taken_with_a_warning(
    mount: Path, caplog: pytest.LogCaptureFixture
) -> None:
    SqliteStore.open(say(mount, "9p")).close(clean=True)

    assert "shared folder (9p)" in caplog.text


def test_where_the_system_does_not_tell_nothing_is_refused(mount: Path) -> None:
    SqliteStore.open(str(mount / "a.db")).close(clean=True)


def test_a_sqlite_that_is_too_old_is_refused() -> None:
    with pytest.raises(StoreOpenError, match=r"SQLite is 3\.36\.0, perdure needs 3\.37\.0"):
        disks.check_sqlite((3, 36, 0))

    disks.check_sqlite((3, 37, 0))
