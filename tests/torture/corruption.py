"""Spoil a store's file or log at random, and read everything: told, harmless, or a failure.

Run as ``python -m tests.torture.corruption``. Each time a part of a killed store's file or log
is changed: a bit, some bytes, a page of zeros or of another place, a cut. Then the store is
opened and everything in it is read. What is read must be what was written, unless its row says
that it is damaged, or an error does; and what is missing must be told by ``check``. A log that
is damaged ends, for SQLite, where the damage is: the store is then, row for row, as it was
after an earlier transaction, and must tell so. Only where nothing readable is left behind the
damage, as in a log that was cut off, or whose newest transaction is damaged, can it not: those
are counted as ``older``.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import attrs
import click

from perdure.errors import StoreError
from perdure.storage.records import BaseRow
from perdure.storage.sqlite import SqliteStore
from tests.torture.power_cuts import be_silent, fast_folder
from tests.torture.store_work import STREAMS, Worker, do

WORKERS = 2
STORE, LOG = "a.db", "a.db-wal"
WORKS = 60
CHECKPOINT_PAGES = 60
FRAME_BYTES = 24 + 4096

Said = dict[str, Any]
"""Everything that a store says, by what it is about."""


@attrs.frozen
class Original:
    """A killed store: its files, and what it said after each piece of work."""

    files: dict[str, bytes]
    said: list[Said]


def make_original(folder: Path, seed: int) -> Original:
    """Do work on a store, and take its files while it is open."""
    store = SqliteStore.open(str(folder / STORE))
    store.connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    said: list[Said] = []
    for work in Worker(random.Random(seed), largest=1_500).work(WORKS):
        do(store, work)
        said.append(dict(everything(store)))
    files = {name: (folder / name).read_bytes() for name in (STORE, LOG)}
    store.close(clean=True)
    return Original(files, said)


def everything(store: SqliteStore) -> Iterator[tuple[str, Any]]:
    """All that can be read of a store, each with its name; what is damaged says so."""
    now = 10**14
    for stream in STREAMS:
        loaded = _try(lambda stream=stream: store.load([stream], now)[stream])
        if isinstance(loaded, Told) or loaded.corrupt:
            yield f"state {stream}", Told()
            yield f"mailbox {stream}", Told()
        else:
            yield f"state {stream}", (loaded.version, loaded.state)
            yield f"mailbox {stream}", {row.id for row in loaded.messages if not row.corrupt}
        if not isinstance(loaded, Told):
            for row in loaded.messages:
                kept = (row.stream, row.due_micros, row.body)
                yield f"message {row.id}", Told() if row.corrupt else kept
        yield f"base {stream}", _try(lambda stream=stream: store.base(stream))
        turns = _try(lambda stream=stream: store.turns(stream))
        yield f"turns {stream}", turns
    names = [f"r{number}" for number in range(WORKS)]
    outcomes = _try(lambda: store.outcomes(names, 0))
    for name in names:
        found = Told() if isinstance(outcomes, Told) else outcomes.get(name)
        yield f"outcome {name}", Told() if getattr(found, "corrupt", None) else found
    aside = _try(lambda: store.quarantined(limit=1000))
    if isinstance(aside, Told):
        yield "quarantine", aside
    else:
        yield "quarantine", [row for row in aside if not row.reason.startswith("damaged")]
        if any(row.reason.startswith("damaged") for row in aside):
            yield "quarantine, damaged", Told()
    yield "feed", _try(lambda: store.feed(0))


def ends_there(log: bytes, spoiled: bytes) -> bool:
    """Whether too little is left from the first changed byte on to show that there was more."""
    first = next(
        (at for at, pair in enumerate(zip(log, spoiled, strict=False)) if pair[0] != pair[1]),
        len(spoiled),
    )
    page = first - (first - 32) % FRAME_BYTES if first >= 32 else 32
    salts = log[16:24]
    ends = [
        at
        for at in range(page, len(spoiled) - FRAME_BYTES + 1, FRAME_BYTES)
        if spoiled[at + 8 : at + 16] == salts and any(spoiled[at + 4 : at + 8])
    ]
    return len(ends) < (2 if first >= 32 else 1)


@attrs.frozen
class Told:
    """It is damaged, and says so."""


def _try(read: Any) -> Any:
    try:
        return read()
    except StoreError:
        return Told()


# ---- damage ---------------------------------------------------------------------------


def spoil(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Damage of one kind, at one place; returns what it is, too."""
    data = bytearray(content)
    at = chance.randrange(len(data))
    page = at // 4096 * 4096
    match chance.choice(("bit", "bytes", "zeros", "sector", "page elsewhere", "cut")):
        case "bit" as kind:
            data[at] ^= 1 << chance.randrange(8)
        case "bytes" as kind:
            count = chance.randint(1, 64)
            data[at : at + count] = chance.randbytes(len(data[at : at + count]))
        case "zeros" as kind:
            data[page : page + 4096] = bytes(len(data[page : page + 4096]))
        case "sector" as kind:
            start = at // 512 * 512
            data[start : start + 512] = chance.randbytes(len(data[start : start + 512]))
        case "page elsewhere" as kind:
            other = chance.randrange(len(data)) // 4096 * 4096
            length = min(4096, len(data) - page, len(data) - other)
            data[page : page + length] = content[other : other + length]
        case kind:
            del data[at:]
    return kind, bytes(data)


def judge(folder: Path, original: Original, *, may_be_older: bool) -> tuple[str, str]:
    """Open the spoiled store: in one word, and what is wrong if it is ``wrong``."""
    try:
        store = SqliteStore.open(str(folder / STORE))
    except StoreError:
        return "refused", ""
    try:
        said = dict(everything(store))
        is_told = Told() in said.values() or bool(list(store.check()))
    finally:
        store.close(clean=False)
    newest = original.said[-1]
    if said == newest:
        return ("told" if is_told else "harmless"), ""
    if is_told:
        return _judge_told(said, original)
    if said not in original.said:
        return "wrong", _first_difference(said, newest)
    if may_be_older:
        return "older", ""
    return "wrong", f"it is as after work {original.said.index(said)}, and does not say so"


def _judge_told(said: Said, original: Original) -> tuple[str, str]:
    """Damage is told; what is still shown must have been so, at one time."""
    for name, value in said.items():
        if _is_missing(value):
            continue
        known = [one.get(name) for one in original.said]
        if isinstance(value, BaseRow) and _was_so(value, original):
            continue
        if value not in known and not _is_part(value, known):
            return "wrong", f"{name} is {value!r}"
    return "told", ""


def _was_so(base: BaseRow, original: Original) -> bool:
    """Whether the actor was so then: its own row, in the place of a base, is true."""
    state = (base.version, base.state)
    return any(said[f"state {base.stream}"] == state for said in original.said)


def _is_missing(value: Any) -> bool:
    """Nothing is shown: a row that is not there at all, which only ``check`` can tell."""
    return value in (Told(), None, set(), []) or (isinstance(value, tuple) and value[1] is None)


def _is_part(value: Any, known: list[Any]) -> bool:
    """Rows are missing, which ``check`` tells; those that are there are as they were."""
    if not isinstance(value, set | list):
        return False
    rows = list(cast("set[Any]", value))
    return all(any(one and row in one for one in known) for row in rows)


def _first_difference(said: Said, expected: Said) -> str:
    for name in sorted(said.keys() | expected.keys()):
        if said.get(name) != expected.get(name):
            return f"{name} is {said.get(name)!r}, not {expected.get(name)!r}"
    return "nothing"


def spoil_many(seed: int, count: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Spoil one store *count* times, each time anew."""
    chance = random.Random(seed)
    folder = fast_folder()
    original = make_original(folder, seed)
    results: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for number in range(count):
        for old in folder.iterdir():
            old.unlink()
        name = chance.choice((STORE, LOG))
        kind, spoiled = spoil(original.files[name], chance)
        for each, content in (original.files | {name: spoiled}).items():
            (folder / each).write_bytes(content)
        may_be_older = name == LOG and ends_there(original.files[LOG], spoiled)
        word, what = judge(folder, original, may_be_older=may_be_older)
        results["the file" if name == STORE else "the log", word] += 1
        if word == "wrong":
            wrong.append(f"seed {seed}, number {number}, {kind} in {name}: {what}")
    shutil.rmtree(folder)
    return results, wrong


@click.command()
@click.option("--count", default=2_000, help="How often something is spoiled.")
@click.option("--seed", type=int, help="Of the stores and of the damage.")
def main(count: int, seed: int | None) -> None:
    """Spoil stores, and see what they tell."""
    seed = random.randrange(1 << 32) if seed is None else seed
    started = time.monotonic()
    parts = 4 * WORKERS
    results: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(WORKERS, initializer=be_silent) as workers:
        each = partial(spoil_many, count=-(-count // parts))
        for found, wrong in workers.map(each, range(seed, seed + parts)):
            results += found
            if wrong:
                raise SystemExit("\n".join(wrong[:20]))
            click.echo(f"{results.total():6,} spoiled")
    told = "; ".join(
        f"{where}: "
        + ", ".join(f"{word} {n:,}" for (w, word), n in sorted(results.items()) if w == where)
        for where in ("the file", "the log")
    )
    click.echo(
        f"{results.total():,} spoiled, never wrong data; {told}; "
        f"{time.monotonic() - started:.0f} s, seed {seed}"
    )


if __name__ == "__main__":
    main()
