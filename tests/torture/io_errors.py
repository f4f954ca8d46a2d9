"""Fail the first call to the disk, the second, ... in a store's work: nothing promised is lost.

Run as ``python -m tests.torture.io_errors``, a process of its own over apsw. Each run does the
same work; one call fails, or it and all that follow until the disk is mended. The store then
raises a typed error, goes on after ``probe`` without being opened again, and what it holds in
the end is, row for row, what it holds without faults. What is swallowed by SQLite (a failed
checkpoint) is told by apsw all the same, so a commit is called failed here a little more often
than it is.
"""

from __future__ import annotations

import itertools
import logging
import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import attrs
import click

from perdure.errors import CorruptionError, StoreError, StoreUnavailableError
from perdure.storage.records import Batch
from perdure.storage.sqlite import SqliteStore
from tests.torture import apsw_connections, failing_disk
from tests.torture.apsw_connections import ApswConnection
from tests.torture.contents import digest
from tests.torture.failing_disk import FailingDisk, Faults
from tests.torture.store_work import Work, Worker, do

HOWS = ("EIO", "ENOSPC", "SHORT")
TRIES = 5


class WrongError(Exception):
    """A promise was broken."""


@attrs.define
class Run:
    """One store's work on a disk with one fault."""

    disk: FailingDisk
    path: Path
    told: Counter[str] = attrs.Factory(Counter[str])
    openings: int = 0

    def open(self) -> SqliteStore:
        """Open the store; when the disk fails in it, again on the mended one."""
        self.openings += 1
        try:
            store = SqliteStore.open(str(self.path))
        except StoreError as error:
            self._count(error)
            self.disk.faults.mend()
            store = SqliteStore.open(str(self.path))
        store.connection.execute("PRAGMA wal_autocheckpoint = 20")
        return store

    def work(self, works: list[Work]) -> None:
        """Do everything, whatever it takes, and close."""
        store = self.open()
        for work in works:
            for _ in range(TRIES):
                try:
                    do(store, work)
                    break
                except StoreUnavailableError as error:
                    self._count(error)
                    if self._heals(store, work):
                        break
                except CorruptionError as error:  # a node would write no more
                    self._count(error)
                    store.close(clean=False)
                    self.disk.faults.mend()
                    store = self.open()
                    if _is_there(work, store.opening.last_batch):
                        break
            else:
                msg = f"{work} was not done in {TRIES} tries"
                raise WrongError(msg)
        store.close(clean=True)

    def _heals(self, store: SqliteStore, work: Work) -> bool:
        """Try the store until it works; whether *work* turns out to be done."""
        try:
            durable = store.probe()
        except StoreUnavailableError:
            self.disk.faults.mend()
            durable = store.probe()
        return _is_there(work, durable)

    def _count(self, error: StoreError) -> None:
        self.told[type(error).__name__] += 1

    def content(self) -> str:
        """What the file says in the end, once nothing fails any more."""
        self.disk.faults.mend()
        store = SqliteStore.open(str(self.path))
        damage = list(store.check())
        store.close(clean=True)
        if damage:
            msg = f"the store is damaged: {damage[0]}"
            raise WrongError(msg)
        with closing(ApswConnection(str(self.path))) as connection:
            return digest(connection, without_untold=True)


def _is_there(work: Work, durable: int) -> bool:
    return isinstance(work, Batch) and durable >= work.number


@attrs.define
class Tally:
    """What happened so far."""

    runs: int = 0
    restarts: int = 0
    told: Counter[str] = attrs.Factory(Counter[str])


def fail_everywhere(disk: FailingDisk, works: list[Work], step: int, tally: Tally) -> None:
    """Fail each call of each kind, once and for good, until there is none left to fail."""
    expected = run_once(disk, works, Faults("EIO", 0, lasts=False), Tally())
    for how, lasts in itertools.product(HOWS, (False, True)):
        for at in itertools.count(1, step):
            faults = Faults(how, at, lasts=lasts)
            when = f"{how} at call {at}, {'for good' if lasts else 'once'}"
            try:
                content = run_once(disk, works, faults, tally)
            except (StoreError, WrongError) as error:
                error.add_note(when)
                raise
            if not faults.failed:
                break
            tally.runs += 1
            if content != expected:
                msg = f"{when}: what the store holds in the end is not what was written"
                raise WrongError(msg)


def run_once(disk: FailingDisk, works: list[Work], faults: Faults, tally: Tally) -> str:
    """Do the work once on a disk with *faults*; returns what is there in the end."""
    folder = Path(tempfile.mkdtemp(prefix="perdure-io-"))
    run = Run(disk, folder / "a.db")
    disk.faults = faults
    run.work(works)
    content = run.content()
    tally.told += run.told
    tally.restarts += run.openings - 1
    shutil.rmtree(folder)
    return content


@click.command()
@click.option("--work", "count", default=14, help="Pieces of work in each run.")
@click.option("--step", default=1, help="Fail every so manieth call only.")
@click.option("--seed", type=int, help="Of the work.")
def main(count: int, step: int, seed: int | None) -> None:
    """Fail every call to the disk, once and for good."""
    seed = random.randrange(1 << 32) if seed is None else seed
    started = time.monotonic()
    disk, tally = FailingDisk(), Tally()
    logging.getLogger("perdure").setLevel(logging.CRITICAL)
    apsw_connections.take_over(failing_disk.NAME)
    works = Worker(random.Random(seed)).work(count)
    try:
        fail_everywhere(disk, works, step, tally)
    except (StoreError, WrongError) as error:
        msg = f"seed {seed}: {error!r} {error.__notes__}"
        raise SystemExit(msg) from error
    told = ", ".join(f"{name} {n:,}" for name, n in tally.told.most_common())
    click.echo(
        f"{tally.runs:,} failed calls, each in a run of its own: nothing acknowledged lost; "
        f"told as {told}; opened again after damage was told {tally.restarts:,} times, else "
        f"healed while open; {time.monotonic() - started:.0f} s, seed {seed}"
    )


if __name__ == "__main__":
    main()
