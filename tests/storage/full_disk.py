"""Fills a disk with a store and lets it go on; a test runs it in a mount namespace."""

from __future__ import annotations

import os
import sys
import time

import perdure
from perdure.errors import OutcomeUnknownError, StoreUnavailableError
from perdure.storage.records import BaseRow, Batch, StateRow, TurnRow
from perdure.storage.sqlite import SqliteStore

STREAM = "@box@a"
PATIENCE = 1.0

app = perdure.App()


@app.entity
class Box(perdure.Entity):
    """Takes things, of which its history keeps all."""

    count: int = 0
    thing: str = ""

    def put(self, thing: str) -> int:
        """Take another one."""
        self.count += 1
        self.thing = thing
        return self.count


def fill(store: SqliteStore, version: int, most: int, size: int) -> int:
    """Commit turns until the disk is full, at most so many; returns the version."""
    while most:
        most -= 1
        turn = TurnRow(STREAM, version + 1, 1, os.urandom(size), 1)
        state = StateRow(STREAM, version + 1, b"{}", 1, version)
        try:
            store.commit(Batch(version + 1, turns=[turn], states=[state]))
        except StoreUnavailableError:
            break
        version += 1
    return version


def refuses(store: SqliteStore) -> bool:
    """Whether the store takes nothing more."""
    try:
        store.probe()
    except StoreUnavailableError:
        return True
    return False


def fill_store(path: str, size: int) -> None:
    """A store by itself: fill, purge, go on."""
    store = SqliteStore.open(path)
    assert os.path.exists(path + ".reserve")
    version = fill(store, 0, -1, size)
    while not refuses(store):  # the log's own room comes back, perhaps more than once
        version = fill(store, version, -1, size)
    assert not os.path.exists(path + ".reserve")
    assert store.load([STREAM], 0)[STREAM].version == version

    base = BaseRow(STREAM, version - 10, b"{}", 1)
    while store.purge_history(base, limit=20):
        pass
    assert store.probe() == version
    assert fill(store, version, 30, size) == version + 30
    assert list(store.check()) == []
    store.close(clean=True)


def fill_engine(path: str) -> None:
    """The same under the engine, which asks by itself whether the store works again."""
    with app.open(path) as client:
        ref = client.entity(Box, "a")
        worked = time.monotonic()
        while time.monotonic() < worked + PATIENCE:  # then it does not go on by itself
            try:
                ref.call(Box.put, os.urandom(10_000).hex()).get(timeout=20)
                worked = time.monotonic()
            except (StoreUnavailableError, OutcomeUnknownError):
                client.node.world.pause(0.01)
        before = ref.get()
        assert before is not None
        purged = client.purge_history(ref.id, keep=5)
        assert purged > 100, purged
        for number in range(30):
            while True:
                try:
                    put = ref.options(request_id=f"r{number}").call(Box.put, "x" * 20_000)
                    put.get(timeout=20)
                    break
                except (StoreUnavailableError, OutcomeUnknownError):
                    continue
        after = ref.get()
        assert after is not None
        assert after.state.count >= before.state.count + 30
        assert not list(client.verify())


def main(folder: str) -> None:
    """Fill the disk at *folder* again and again."""
    for size in (1_000, 30_000):
        fill_store(f"{folder}/store.db", size)
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
    fill_engine(f"{folder}/engine.db")
    print("well")


if __name__ == "__main__":
    main(sys.argv[1])
