"""Kill -9 at every named place and at random moments; nothing is lost, doubled, early or late.

Run as ``python -m tests.torture.kills``. At named places a scene is played again and again from
the same beginning, killed at its first place, its second, ... until it comes to its end by
itself; after each kill the store is opened, comes to rest, and is reckoned with the client's
journal. At random moments one store lives through many kills. After each tenth kill the store
is verified.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import attrs
import click

from perdure.storage.sqlite import SqliteStore
from tests.torture.children import ChildFailedError, run_child
from tests.torture.engine_load import app, live_once
from tests.torture.reckoning import reckon
from tests.torture.scenes import SCENES, Place

WORKERS = 2
VERIFY_EVERY = 10
KILLS_OF_A_STORE = 50
LONGEST_LIFE_SECONDS = 0.25
"""Longer than a life takes to open a store and to have much in hand."""


class WrongError(Exception):
    """A kill has broken a promise."""


@attrs.define
class Tally:
    """What happened so far."""

    kills: int = 0
    verified: int = 0
    acknowledged: int = 0
    places: Counter[str] = attrs.Factory(Counter[str])

    def add(self, other: Tally) -> None:
        """Take in what another worker did."""
        self.kills += other.kills
        self.verified += other.verified
        self.acknowledged += other.acknowledged
        self.places += other.places


@contextmanager
def a_place() -> Generator[Place, None, None]:
    """A folder that is kept only when something was wrong in it."""
    folder = Path(tempfile.mkdtemp(prefix="perdure-kills-"))
    yield Place(folder)
    shutil.rmtree(folder)


def judge(place: Place, tally: Tally, *, verify: bool, when: str) -> None:
    """Reckon in a child, since a parent must not have opened a store before it forks."""

    def work() -> None:
        wrong = reckon(place.store, place.journal, verify=verify)
        wrong += judge_copy(place)
        place.wrong.write_text("\n".join(wrong))

    run_child(work)
    tally.verified += verify
    if wrong := place.wrong.read_text():
        msg = f"{when}: {wrong}\nits files are kept in {place.folder}"
        raise WrongError(msg)
    place.wrong.unlink()


def judge_copy(place: Place) -> list[str]:
    """A backup is there whole, when it is there; it is there when it was acknowledged."""
    if not place.copy.exists():
        return ["the backup was acknowledged and is not there"] if place.copied.exists() else []
    store = SqliteStore.open(str(place.copy))
    wrong = [f"backup: {damage}" for damage in store.check()]
    if not store.opening.last_batch:
        wrong.append("the backup is empty")
    store.close(clean=store.opening.clean)
    with app.open(str(place.copy)) as client:
        wrong += [f"backup: {finding}" for finding in client.verify()]
    return wrong


def at_named_places(scene_name: str, first: int, step: int, most: int) -> Tally:
    """Kill a scene at its places *first*, *first* + *step*, ... until it ends by itself."""
    scene, tally = SCENES[scene_name], Tally()
    with a_place() as prepared:
        scene.prepare(prepared)
        for at in count(first, step):
            if at > most:
                break
            with a_place() as place:
                ignored = shutil.ignore_patterns("*.sock", "fatal")
                shutil.copytree(
                    prepared.folder, place.folder, dirs_exist_ok=True, ignore=ignored
                )
                killed = scene.play(place, at)
                tally.kills += killed
                fatal = place.fatal.read_text() if killed else "the end"
                tally.places[fatal] += killed
                verify = not killed or tally.kills % VERIFY_EVERY == 0
                judge(place, tally, verify=verify, when=f"{scene_name}, place {at}, {fatal}")
            if not killed:
                break
    return tally


def at_random_moments(seed: int, kills: int) -> Tally:
    """One store's lives, each killed at a moment between its fork and its full load."""
    chance, tally = random.Random(seed), Tally()
    with a_place() as place:
        life = 0
        while tally.kills < kills:
            life += 1
            work = partial(live_once, place.store, place.journal, life=life, rounds=40)
            moment = chance.uniform(0.0, LONGEST_LIFE_SECONDS)
            tally.kills += run_child(work, kill_after=moment)
            if tally.kills % VERIFY_EVERY == 0 or tally.kills == kills:
                judge(place, tally, verify=True, when=f"seed {seed}, life {life}")
    return tally


def jobs(seed: int, random_kills: int, most: int) -> list[Callable[[], Tally]]:
    """What the workers share."""
    work: list[Callable[[], Tally]] = []
    for name in SCENES:
        work += [partial(at_named_places, name, part, 2, most) for part in (1, 2)]
    for place in range(0, random_kills, KILLS_OF_A_STORE):
        kills = min(KILLS_OF_A_STORE, random_kills - place)
        work.append(partial(at_random_moments, seed + place, kills))
    return work


@click.command()
@click.option("--random-kills", default=200, help="Kills at random moments.")
@click.option("--most", default=10_000, help="Stop each scene after so many named places.")
@click.option("--seed", type=int, help="Of the random moments, as far as they can be repeated.")
def main(random_kills: int, most: int, seed: int | None) -> None:
    """Kill -9 everywhere, and reckon."""
    seed = random.randrange(1 << 32) if seed is None else seed
    started, tally = time.monotonic(), Tally()
    with ProcessPoolExecutor(WORKERS) as workers:
        running = [workers.submit(job) for job in jobs(seed, random_kills, most)]
        for done in as_completed(running):
            try:
                tally.add(done.result())
            except (WrongError, ChildFailedError) as error:
                workers.shutdown(cancel_futures=True)
                msg = f"seed {seed}: {error}"
                raise SystemExit(msg) from error
            click.echo(f"{tally.kills:6,} kills, {time.monotonic() - started:4.0f} s")
    click.echo(
        f"{tally.kills:,} kills -9, of which {tally.kills - random_kills:,} at "
        f"{len(tally.places)} named places in {len(SCENES)} scenes and {random_kills:,} at "
        f"random moments; verified {tally.verified:,} times; nothing lost, doubled or early; "
        f"{time.monotonic() - started:.0f} s, seed {seed}"
    )


if __name__ == "__main__":
    main()
