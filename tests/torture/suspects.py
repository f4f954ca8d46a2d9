"""Who kills the process is set aside, nobody else: a planted operation, a planted activity.

Run as ``python -m tests.torture.suspects``. Each round a store gets innocent work and two
messages that kill any process that runs them; it is opened again until nothing kills it any
more.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

import perdure
from perdure.actors import limits
from tests.torture.children import run_child

INNOCENTS = 12
MOST_CRASHES = 40
SECONDS = 30.0
LATER = timedelta(seconds=1)

app = perdure.App("suspects")


def die() -> None:
    """End this process, as the system does when it has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)


@app.entity
class Box(perdure.Entity):
    """Holds a number."""

    count: int = 0

    def add(self) -> None:
        """An innocent operation."""
        self.count += 1

    def explode(self) -> None:
        """A planted one."""
        die()


@app.activity
def work(name: str) -> str:
    """An innocent activity."""
    return name


@app.activity
def explode(name: str) -> str:
    """A planted one."""
    die()
    return name


@app.orchestrator
async def innocent(ctx: perdure.OrchestrationContext, name: str) -> str:
    """Comes to its end."""
    return await ctx.call_activity(work, name)


@app.orchestrator
async def guilty(ctx: perdure.OrchestrationContext, name: str) -> str:
    """Waits for what was set aside."""
    return await ctx.call_activity(explode, name)


def ask(store: Path, chance: random.Random) -> None:
    """Ask for everything, in any order, for one moment that comes when this process is gone."""
    with app.open(str(store)) as client:
        moment = datetime.now(UTC) + LATER
        wanted = [f"box{number}" for number in range(INNOCENTS)] + ["operation", "activity"]
        chance.shuffle(wanted)
        for name in wanted:
            match name:
                case "operation":
                    client.entity(Box, "planted").options(at=moment).signal(Box.explode)
                case "activity":
                    client.start(guilty, name, instance_id="guilty", start_at=moment)
                case _:
                    client.entity(Box, name).options(at=moment).signal(Box.add)
                    client.start(innocent, name, instance_id=name, start_at=moment)
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def go_on(store: Path, told: Path) -> None:
    """Open the store and stay until both are set aside and all others have ended."""
    limits.SUSPECT_SECONDS = 0.2
    with app.open(str(store)) as client:
        until = time.monotonic() + SECONDS
        while len(list(client.quarantine())) < 2 and time.monotonic() < until:
            time.sleep(0.005)
        wrong = [
            f"set aside: {row.stream} {row.reason}"
            for row in client.quarantine()
            if row.stream not in {"@box@planted", "@@explode"}
        ]
        if len(list(client.quarantine())) != 2:
            wrong.append(f"set aside are {list(client.quarantine())}")
        for number in range(INNOCENTS):
            name = f"box{number}"
            if client.orchestration(name).result(SECONDS) != name:
                wrong.append(f"orchestration {name} did not end well")
            box = client.entity(Box, name).get()
            if box is None or box.state.count != 1:
                wrong.append(f"{name} is {box}")
        wrong += [f"verify: {finding}" for finding in client.verify()]
        told.write_text("\n".join(wrong))


def play(folder: Path, chance: random.Random) -> int:
    """One round; returns how often the process was killed.

    Raises:
        SystemExit: somebody innocent was set aside, or the planted ones were not.
    """
    store, told = folder / "a.db", folder / "wrong"
    crashes = 0
    run_child(lambda: ask(store, chance))
    while run_child(lambda: go_on(store, told)):
        crashes += 1
        if crashes > MOST_CRASHES:
            msg = f"killed {crashes} times and not yet set aside; see {folder}"
            raise SystemExit(msg)
    if wrong := told.read_text():
        msg = f"{wrong}\nits files are kept in {folder}"
        raise SystemExit(msg)
    return crashes


@click.command()
@click.option("--rounds", default=10, help="How many stores.")
@click.option("--seed", type=int, help="Of the order in which all is asked for.")
def main(rounds: int, seed: int | None) -> None:
    """Plant what kills its process, and see who is set aside."""
    seed = random.randrange(1 << 32) if seed is None else seed
    chance, started, crashes = random.Random(seed), time.monotonic(), 0
    for number in range(1, rounds + 1):
        folder = Path(tempfile.mkdtemp(prefix="perdure-suspects-"))
        crashes += play(folder, chance)
        shutil.rmtree(folder)
        click.echo(f"{number:4} stores, {crashes:4} crashes")
    click.echo(
        f"{rounds} stores with a planted operation and a planted activity among "
        f"{2 * INNOCENTS} innocents: {crashes} crashes, {2 * rounds} set aside, no innocent; "
        f"{time.monotonic() - started:.0f} s, seed {seed}"
    )


if __name__ == "__main__":
    main()
