"""Cut the power at every write of a store's life, and open what the disk holds then.

Run as ``python -m tests.torture.power_cuts --points 20000``. A process of its own records, over
apsw, every write and sync of some lives of a store; here the disk is built as it may be after
each of them, and opened by the standard library's SQLite, as users would. Of every image it is
checked: SQLite's own check finds nothing, and the content is, row for row, that after one of
the transactions: with ``power`` none that was acknowledged is missing, and its log is not taken
for a damaged one. Some are opened as a store as well: nothing is damaged, and it goes on.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs
import click
import msgspec

from perdure.storage.records import Batch, TurnRow
from perdure.storage.sqlite import SqliteStore
from perdure.storage.sqlite.log_breach import find_breach
from tests.torture.contents import digest
from tests.torture.power_images import Files, Point, cuts
from tests.torture.recorded_disk import Done, Recording
from tests.torture.recording import STORE

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2
AS_STORE = 20
"""Of so many images one is opened as a store."""

LOADS = (("power", "store"), ("power", "engine"), ("process", "store"), ("process", "engine"))


@attrs.frozen
class Figures:
    """What was checked."""

    points: int
    as_store: int
    wrong: list[str]


def record(file: Path, *, durability: str, what: str, seed: int) -> None:
    """Have another process record a load into *file*."""
    command = [sys.executable, "-m", "tests.torture.recording", str(file)]
    command += ["--durability", durability, "--load", what, "--seed", str(seed)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)


def load(file: Path) -> Recording:
    """The recording in *file*."""
    return msgspec.msgpack.decode(file.read_bytes(), type=Recording)


def fast_folder() -> Path:
    """A folder in memory, where there is one: nothing here needs to survive."""
    memory = Path("/dev/shm")
    place = str(memory) if os.access(memory, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="perdure-power-", dir=place))


def write_image(folder: Path, files: Files) -> None:
    """Have exactly *files* in *folder*."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def judge(folder: Path, point: Point, contents: list[str], *, keeps_all: bool) -> str | None:
    """What is wrong with the image that is written in *folder*."""
    breach = find_breach(io.BytesIO(point.files.get(f"{STORE}-wal", b"")))
    if keeps_all and breach is not None and breach.is_loss:
        return f"its log is taken for damaged: {breach}"
    with closing(sqlite3.connect(folder / STORE, isolation_level=None)) as connection:
        try:
            found = connection.execute("PRAGMA integrity_check").fetchall()
            content = digest(connection)
        except sqlite3.Error as error:
            return f"{error}"
    if found != [("ok",)]:
        return f"SQLite's own check: {found[0][0]}"
    least = point.least if keeps_all else 0
    allowed = contents[least : point.most + 1]
    if content in allowed:
        return None
    if content in contents:
        return f"it is at transaction {contents.index(content)}, not {least} to {point.most}"
    return "its content is that of no transaction"


def judge_as_store(folder: Path) -> str | None:
    """What is wrong with the image when the store itself opens it and goes on."""
    store = SqliteStore.open(str(folder / STORE))
    try:
        number = store.opening.last_batch + 1
        store.commit(Batch(number, turns=[TurnRow("@box@new", 1, 1, b"[]", 1)]))
        # with ``process`` the log may have lost what was written before other things
        if damage := [each for each in store.check() if "the log that" not in each.what]:
            return f"the store tells of {damage[0]}"
        if store.probe() != number:
            return "the store does not go on"
    finally:
        store.close(clean=True)
    return None


def check_points(recording: Recording, points: Iterable[Point]) -> Figures:
    """Open each image that differs from the others."""
    contents = [digest_of_nothing()]
    contents += [step.content for step in recording.steps if isinstance(step, Done)]
    seen: set[bytes] = set()
    checked = as_store = 0
    wrong: list[str] = []
    folder = fast_folder()
    for point in points:
        if (name := name_of(point)) in seen:
            continue
        seen.add(name)
        checked += 1
        write_image(folder, point.files)
        told = judge(folder, point, contents, keeps_all=recording.durability == "power")
        if told is None and checked % AS_STORE == 0:
            as_store += 1
            write_image(folder, point.files)
            told = judge_as_store(folder)
        if told is not None:
            kept = shutil.copytree(folder, f"{folder}-{point.at}", dirs_exist_ok=True)
            wrong.append(f"power cut after step {point.at}: {told}; see {kept}")
    shutil.rmtree(folder)
    return Figures(checked, as_store, wrong)


def digest_of_nothing() -> str:
    """The content of a file without anything in it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return digest(connection)


def name_of(point: Point) -> bytes:
    """Equal for points that are equal in all that is judged."""
    told = hashlib.sha1(f"{point.least} {point.most}".encode(), usedforsecurity=False)
    for name, content in sorted(point.files.items()):
        told.update(f"{name} {len(content)} ".encode())
        told.update(content)
    return told.digest()


def check_part(file: Path, seed: int, part: int) -> Figures:
    """A worker's share of the power cuts of the recording in *file*."""
    recording = load(file)
    chance = random.Random(seed + part)
    return check_points(recording, cuts(recording.steps, chance, part=part, parts=WORKERS))


def be_silent() -> None:
    """The store tells of what is done to it here, each time."""
    logging.getLogger("perdure").disabled = True


def cut_power(durability: str, what: str, seed: int) -> Figures:
    """Record one load and cut the power at each of its steps."""
    with tempfile.TemporaryDirectory(prefix="perdure-power-") as name:
        file = Path(name) / "recording"
        record(file, durability=durability, what=what, seed=seed)
        with ProcessPoolExecutor(WORKERS, initializer=be_silent) as workers:
            parts = list(workers.map(partial(check_part, file, seed), range(WORKERS)))
    return Figures(
        sum(part.points for part in parts),
        sum(part.as_store for part in parts),
        [told for part in parts for told in part.wrong],
    )


@click.command()
@click.option("--points", type=click.IntRange(1), default=20_000, help="At least so many.")
@click.option("--seed", type=int, help="Which lives, and which parts of them survive.")
def main(points: int, seed: int | None) -> None:
    """Cut the power at every write, and look at what is left."""
    seed = random.randrange(1 << 32) if seed is None else seed
    started = time.monotonic()
    told = {"power": 0, "process": 0}
    as_store = lives = 0
    while told["power"] < points:
        for durability, what in LOADS:
            figures = cut_power(durability, what, seed + lives)
            lives += 1
            told[durability] += figures.points
            as_store += figures.as_store
            click.echo(f"{durability:8} {what:7} {told[durability]:7,} power cuts so far")
            if figures.wrong:
                raise SystemExit("\n".join([f"seed {seed}", *figures.wrong[:20]]))
    click.echo(
        f"{told['power']:,} power cuts with durability 'power': nothing acknowledged lost; "
        f"{told['process']:,} with 'process': nothing damaged; {as_store:,} opened as stores; "
        f"{time.monotonic() - started:.0f} s, seed {seed}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    main()
