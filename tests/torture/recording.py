"""Records what a store's work does to the disk; it runs in a process of its own, over apsw.

Run as ``python -m tests.torture.recording FILE --durability power --load store --seed 1``.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import apsw
import click
import msgspec

from perdure.storage.sqlite import SqliteStore
from tests.torture import apsw_connections, recorded_disk
from tests.torture.apsw_connections import ApswConnection
from tests.torture.contents import digest
from tests.torture.engine_load import live_once
from tests.torture.recorded_disk import Begin, Done, RecordedDisk, Recording
from tests.torture.store_work import Worker, do

STORE = "a.db"


def mark_transactions(disk: RecordedDisk, path: Path) -> None:
    """Have the recording tell when a transaction of the store at *path* begins to be possible
    on the disk, and when it was acknowledged.
    """
    last = [""]

    def hook(connection: ApswConnection, sql: str, after: bool) -> None:
        raw = connection.raw
        if raw.readonly("main") or raw.db_filename("main") != str(path):
            return
        if not after:
            if sql == "COMMIT" or not connection.in_transaction:
                disk.steps.append(Begin())
            return
        if connection.in_transaction:
            return
        content = digest(_Unheard(connection))
        if content != last[0]:
            last[0] = content
            disk.steps.append(Done(content))

    apsw_connections.take_over(recorded_disk.NAME, hook)


class _Unheard:
    """Reads over a connection without telling the hook."""

    def __init__(self, connection: ApswConnection) -> None:
        self._raw: Any = connection.raw

    def execute(self, sql: str) -> Any:
        return self._raw.execute(sql)


def work_on_store(path: Path, durability: str, seed: int) -> None:
    """Two lives of a store, the log of which is moved to the file every few commits."""
    worker = Worker(random.Random(seed))
    for _ in range(2):
        store = SqliteStore.open(str(path), durability=durability)
        store.connection.execute("PRAGMA wal_autocheckpoint = 30")
        for work in worker.work(60):
            do(store, work)
        store.close(clean=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--durability", type=click.Choice(["power", "process"]), default="power")
@click.option("--load", type=click.Choice(["store", "engine"]), default="store")
@click.option("--seed", type=int, default=1)
def main(file: Path, durability: str, load: str, seed: int) -> None:
    """Record into FILE."""
    with tempfile.TemporaryDirectory(prefix="perdure-recording-") as name:
        folder = Path(name).resolve()
        disk = RecordedDisk(folder)
        mark_transactions(disk, folder / STORE)
        if load == "store":
            work_on_store(folder / STORE, durability, seed)
        else:
            for life in (1, 2):
                live_once(folder / STORE, folder / "j", life=life, durability=durability)
        recording = Recording(durability, apsw.sqlite_lib_version(), disk.steps)
        file.write_bytes(msgspec.msgpack.encode(recording))


if __name__ == "__main__":
    main()
