"""Disks of 1 to 8 MiB that run full in the middle of a load, and heal without a restart.

Run as ``python -m tests.torture.full_tmpfs``, where mounting is allowed. The engine loads until
its disk is full, and is told so by typed errors; then the disk is enlarged, and the load goes
on in the same process: everything acknowledged is there once, and what was asked for again is
too.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

import perdure
from perdure.errors import OutcomeUnknownError, StoreUnavailableError

SIZES_MIB = (1, 2, 4, 8)
ROOMY_MIB = 64
AFTER = 40
SECONDS = 30.0
INSIDE = "PERDURE_TORTURE_MOUNTS"

app = perdure.App("full")


@app.entity
class Shelf(perdure.Entity):
    """Keeps the numbers of what it was given, and the last of it."""

    numbers: list[int] = perdure.field(factory=list[int])
    thing: str = ""

    def put(self, number: int, thing: str) -> None:
        """Take one more."""
        self.numbers.append(number)
        self.thing = thing


class Load:
    """Puts things on a shelf, each under a request id, so that it may be tried again."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.acknowledged: list[int] = []
        self.told: Counter[str] = Counter()
        self.number = 0

    def put(self) -> bool:
        """Put the next thing; false when it was refused, and has to be tried again."""
        thing = os.urandom(4_000 if self.number % 3 else 40_000).hex()
        shelf = self._client.entity(Shelf, "a").options(request_id=f"put {self.number}")
        try:
            shelf.call(Shelf.put, self.number, "").get(SECONDS)
            self._client.entity(Shelf, "weight").call(Shelf.put, 0, thing).get(SECONDS)
        except (StoreUnavailableError, OutcomeUnknownError) as error:
            self.told[type(error).__name__] += 1
            time.sleep(0.01)
            return False
        self.acknowledged.append(self.number)
        self.number += 1
        return True


def fill(folder: Path, mib: int) -> tuple[int, Counter[str]]:
    """Fill a disk, enlarge it, go on; returns how much was acknowledged, and the errors."""
    mount("-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder))
    try:
        with app.open(str(folder / "a.db")) as client:
            load = Load(client)
            while sum(load.told.values()) < 5:
                load.put()
            before = len(load.acknowledged)
            snapshot = client.entity(Shelf, "a").get()  # reads go on
            assert snapshot is not None
            assert snapshot.state.numbers[:before] == load.acknowledged
            mount("-o", f"remount,size={ROOMY_MIB}m", str(folder))
            until = time.monotonic() + SECONDS
            while len(load.acknowledged) < before + AFTER:
                assert load.put() or time.monotonic() < until, "it does not heal"
            check(client, load)
        with app.open(str(folder / "a.db")) as client:
            check(client, load)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    return len(load.acknowledged), load.told


def check(client: Any, load: Load) -> None:
    """All that was acknowledged is there, once and in order; nothing is damaged."""
    snapshot = client.entity(Shelf, "a").get()
    assert snapshot.state.numbers == load.acknowledged, snapshot.state.numbers
    assert not list(client.verify())


def mount(*arguments: str) -> None:
    """Have the system mount something."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def may_mount() -> bool:
    """Whether this process may have mounts of its own."""
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
        check=False,
        capture_output=True,
    )
    return tried.returncode == 0


def inside_own_mounts() -> None:
    """Begin this program again where its mounts are seen by itself alone."""
    command = ["unshare", "--mount", sys.executable, "-m", "tests.torture.full_tmpfs"]
    environment = {**os.environ, INSIDE: "1"}
    os.execvpe("unshare", [*command, *sys.argv[1:]], environment)


@click.command()
@click.option("--mib", type=int, multiple=True, help="The sizes of the disks.")
def main(mib: tuple[int, ...]) -> None:
    """Fill small disks."""
    if INSIDE not in os.environ:
        if not may_mount():
            click.echo("skipped: mounting is not allowed here; run it as root")
            return
        inside_own_mounts()
    logging.getLogger("perdure").setLevel(logging.CRITICAL)
    started, acknowledged = time.monotonic(), 0
    told: Counter[str] = Counter()
    sizes = mib or SIZES_MIB
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="perdure-full-") as folder:
            count, errors = fill(Path(folder), size)
        acknowledged += count
        told += errors
        click.echo(f"{size} MiB: {count:,} acknowledged and there")
    click.echo(
        f"disks of {', '.join(map(str, sizes))} MiB ran full and healed while open: "
        f"{acknowledged:,} acknowledged, all there once; told as {dict(told)}; "
        f"{time.monotonic() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
