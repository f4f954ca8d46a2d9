"""Whether a store may live where it is asked to: not on the disk of another machine.

A write-ahead log needs memory that all who use the file share, and locks that hold; over a
network neither can be relied on (https://sqlite.org/wal.html, "WAL does not work over a network
filesystem"), and what is lost there is lost silently.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3

from perdure.errors import StoreOpenError

logger = logging.getLogger("perdure")

MOUNTS = "/proc/self/mountinfo"
"""Where Linux tells what is mounted; elsewhere nothing is checked."""

ALLOW = "PERDURE_ALLOW_NETWORK_DISK"
"""Set to ``1``, this variable of the environment turns the refusal into a warning."""

SQLITE_NEEDED = (3, 37, 0)
"""The first SQLite with STRICT tables."""

_NETWORK = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|ceph|lustre|beegfs|gpfs|gfs2?|ocfs2|glusterfs|pvfs2"
    r"|davfs|webdav|fuse\.(sshfs|ceph.*|gluster.*|glusterfs|s3.*|rclone|gcsfuse|blobfuse.*"
    r"|davfs.*|nfs.*|smb.*|juicefs|mfs|moosefs|cifs.*))"
)
_DOUBTFUL = re.compile(
    r"9p|virtiofs|fuse\.(grpcfuse|osxfs)|prl_fs|vboxsf|vmhgfs.*|fuse\.vmhgfs.*"
)
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def check_disk(path: str) -> None:
    """Refuse a store at the real path *path* when it would be on a network file system.

    Raises:
        StoreOpenError: it would, and the environment does not allow it.
    """
    try:
        with open(MOUNTS, "rb") as file:
            kind = file_system_of(path, file.read())
    except OSError:
        return
    if _DOUBTFUL.fullmatch(kind):
        logger.warning(
            "store %r is on a shared folder (%s): nobody outside this machine may use it",
            path,
            kind,
        )
    if not _NETWORK.fullmatch(kind):
        return
    msg = (
        f"store {path!r} is on a network file system ({kind}), where acknowledged work can be "
        "lost; use a local disk"
    )
    if os.environ.get(ALLOW) == "1":
        logger.warning("%s", msg)
        return
    msg = f"{msg}, or set {ALLOW}=1 if you know that it is safe there"
    raise StoreOpenError(msg)


def file_system_of(path: str, mounts: bytes) -> str:
    """The kind of file system that holds *path*, by the text of ``mountinfo``; empty when it
    does not tell.
    """
    wanted = os.fsencode(path)
    best, kind = b"", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(b" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), fields[4])
        inside = wanted.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(best):  # of two at one place the later one is on top
            best, kind = point, right.split()[0].decode(errors="replace")
    return kind


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Refuse a SQLite that lacks what the tables need.

    Newer ones with known bugs are not refused: the one that can corrupt a file in WAL mode (up
    to 3.51.2) takes two connections that write or checkpoint, and here there is only one.

    Raises:
        StoreOpenError: it is too old.
    """
    if version < SQLITE_NEEDED:
        needed, present = (".".join(map(str, v)) for v in (SQLITE_NEEDED, version))
        msg = f"Python's SQLite is {present}, perdure needs {needed}; use a newer Python"
        raise StoreOpenError(msg)
