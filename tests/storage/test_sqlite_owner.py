"""One process owns a store."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.errors import StoreError, StoreOwnedError
from perdure.storage.sqlite import SqliteReader, SqliteStore
from perdure.storage.sqlite.schema import APPLICATION_ID
from tests.contracts.stores import CART, step


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.db")


@pytest.fixture
def store(path: str) -> Iterator[SqliteStore]:
    opened = SqliteStore.open(path)
    yield opened
    opened.close(clean=True)


def run_python(code: str, path: str) -> str:
    """What *code* prints in a process of its own, with the path as its argument."""
    command = [sys.executable, "-c", code, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


OPEN = """
import sys
from perdure.errors import StoreOwnedError
from perdure.storage.sqlite import SqliteStore
try:
    store = SqliteStore.open(sys.argv[1])
    print("opened", store.opening.clean)
    store.close(clean=True)
except StoreOwnedError as error:
    print("owned by", error.pid)
"""


def test_a_second_process_is_told_who_owns_the_store(store: SqliteStore, path: str) -> None:
    assert run_python(OPEN, path) == f"owned by {os.getpid()}"

    store.close(clean=True)
    assert run_python(OPEN, path) == "opened True"


def test_a_second_handle_in_the_same_process_is_refused(store: SqliteStore, path: str) -> None:
    with pytest.raises(StoreOwnedError, match="this process itself") as caught:
        SqliteStore.open(path)

    assert caught.value.pid == os.getpid()
    store.commit(step(1, CART, 1))


def test_a_link_to_a_store_is_the_same_store(
    store: SqliteStore, path: str, tmp_path: Path
) -> None:
    (tmp_path / "link.db").symlink_to(path)

    with pytest.raises(StoreOwnedError):
        SqliteStore.open(str(tmp_path / "link.db"))


def test_a_failed_opening_leaves_no_owner(path: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE meta (not_ours)")
    connection.close()

    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            SqliteStore.open(path)
        assert not isinstance(caught.value, StoreOwnedError)


CRASH = """
import os, signal, sys
from perdure.storage.records import Batch
from perdure.storage.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
store.commit(Batch(1, suspect=7))
print("committed", flush=True)
signal.pause()
"""


def test_a_killed_owner_leaves_the_store_unclean_with_its_suspect(path: str) -> None:
    command = [sys.executable, "-c", CRASH, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "committed\n"
        process.send_signal(signal.SIGKILL)
        process.wait()

    store = SqliteStore.open(path)

    assert (store.opening.incarnation, store.opening.clean) == (2, False)
    assert (store.opening.suspect, store.opening.last_batch) == (7, 1)
    store.close(clean=True)


FORK = """
import os, sys
from perdure.errors import ForkedError
from perdure.storage.records import Batch
from perdure.storage.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
store.commit(Batch(1))
child = os.fork()
if child == 0:
    refused = 0
    for act in (lambda: store.commit(Batch(2)), lambda: store.load(["@a@b"], 0), store.probe):
        try:
            act()
        except ForkedError:
            refused += 1
    store.close(clean=True)
    del store
    os._exit(refused)
_, status = os.waitpid(child, 0)
store.commit(Batch(2))
print(os.waitstatus_to_exitcode(status), store.probe())
"""


def test_a_forked_child_is_refused_and_does_the_parent_no_harm(path: str) -> None:
    assert run_python(FORK, path) == "3 2"
    store = SqliteStore.open(path)
    assert (store.opening.clean, store.opening.last_batch) == (False, 2)
    store.close(clean=True)


ORPHAN = """
import os, signal, sys
from perdure.storage.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
child = os.fork()
if child == 0:
    for handle in (0, 1, 2):
        os.close(handle)
    signal.pause()
print(child, flush=True)
os._exit(0)
"""


def test_a_child_that_outlives_its_parent_does_not_keep_the_store_owned(path: str) -> None:
    child = int(run_python(ORPHAN, path))

    try:
        SqliteStore.open(path).close(clean=True)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_reader_in_another_process_sees_what_is_committed(
    store: SqliteStore, path: str
) -> None:
    store.commit(step(1, CART, 1))
    code = (
        "import sys; from perdure.storage.sqlite import SqliteReader;"
        "reader = SqliteReader.view(sys.argv[1]);"
        "print(len(reader.streams()), reader.waiting()); reader.close_readers()"
    )

    assert run_python(code, path) == "1 0"

    store.commit(step(2, CART, 2))
    viewed = SqliteReader.view(path)
    assert [t.seq for t in viewed.feed(0)] == [1, 2]
    viewed.close_readers()


def test_a_store_at_rest_can_be_viewed(path: str) -> None:
    store = SqliteStore.open(path)
    store.commit(step(1, CART, 1))
    store.close(clean=True)

    viewed = SqliteReader.view(path)
    assert viewed.streams() == [CART]
    viewed.close_readers()
    SqliteStore.open(path).close(clean=True)


def test_only_its_owner_may_read_the_files(store: SqliteStore, path: str) -> None:
    store.commit(step(1, CART, 1))

    files = {name: Path(path + name).stat().st_mode for name in ("", "-wal", "-shm", ".lock")}

    assert {name: stat.S_IMODE(mode) for name, mode in files.items()} == dict.fromkeys(
        files, 0o600
    )
