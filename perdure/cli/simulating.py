"""``simulate``: a scenario under many seeds, with faults, and what it takes to fail."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import attrs
import click

from perdure.cli.commands import FAILED
from perdure.cli.options import json_option
from perdure.cli.output import counted, print_json, say
from perdure.testing.simulating.faults import FAULTS
from perdure.testing.simulating.runs import Run, command_of, run_seeds, shrink
from perdure.testing.simulating.scenarios import load_scenario
from perdure.testing.simulating.world import STEPS

TOLD_SECONDS = 5.0
"""How often there is word of the progress."""


def _read_faults(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> list[str] | None:
    if value is None:
        return None
    return [] if value == "none" else [name.strip() for name in value.split(",")]


@attrs.define
class Tally:
    """What came of the runs so far."""

    seeds: int
    began: float = attrs.Factory(time.monotonic)
    told: float = attrs.Factory(time.monotonic)
    ran: int = 0
    steps: int = 0
    failed: list[Run] = attrs.Factory(list[Run])

    def note(self, run: Run) -> None:
        """One more; tell of it now and then, and of each failure at once."""
        self.ran += 1
        self.steps += run.steps
        if run.error:
            self.failed.append(run)
            say(f"seed {run.seed} fails: {run.error.splitlines()[0]}", good=False)
        if time.monotonic() - self.told >= TOLD_SECONDS:
            self.told = time.monotonic()
            say(f"{self.ran:,} of {self.seeds:,} seeds, {self.steps:,} steps")


@click.command(epilog="Faults: " + ", ".join(FAULTS) + "; a scenario may have its own.")
@click.argument("target", metavar="MODULE:SCENARIO")
@click.option("--seeds", type=click.IntRange(1), default=100, show_default=True)
@click.option("--first-seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=STEPS,
    show_default=True,
    help="Things that happen in the trouble of one seed.",
)
@click.option(
    "--faults",
    callback=_read_faults,
    metavar="NAME,...",
    help="Only these faults of each seed; none for none at all.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default="one for each core",
)
@click.option("--shrink/--no-shrink", "shrinks", default=True, help="Look for fewer faults.")
@json_option
@click.pass_context
def simulate(
    ctx: click.Context,
    target: str,
    seeds: int,
    first_seed: int,
    steps: int,
    faults: list[str] | None,
    processes: int,
    shrinks: bool,
    as_json: bool,
) -> None:
    """Run a scenario in simulated worlds in which things fail, one for each seed.

    A failure is told with the fewest faults that it takes, and with the line that shows it
    again. The exit code is 1 when a seed fails.
    """
    load_scenario(target)
    tally = Tally(seeds)
    seen = range(first_seed, first_seed + seeds)
    with suppress(KeyboardInterrupt):
        run_seeds(target, seen, steps=steps, only=faults, processes=processes, told=tally.note)
    tally.failed.sort(key=lambda run: run.seed)
    for place, run in enumerate(tally.failed):
        _tell(target, run, steps, faults, shrinks=shrinks and place < 3, as_json=as_json)
    _tell_all(target, tally, as_json)
    if tally.failed or tally.ran < seeds:
        ctx.exit(FAILED)


def _tell(
    target: str,
    run: Run,
    steps: int,
    faults: Sequence[str] | None,
    *,
    shrinks: bool,
    as_json: bool,
) -> None:
    """What failed, and how to see it again, in one line."""
    least, only = run, faults
    if shrinks:
        least = shrink(load_scenario(target), run, steps=steps)
        only = sorted(least.faults)
    line = command_of(target, run, steps=steps, only=only)
    if as_json:
        print_json({**attrs.asdict(least), "again": line})
        return
    click.echo(f"seed {run.seed}: {least.error}")
    click.echo(f"faults: {', '.join(least.faults) or 'none'}")
    click.echo(line)
    sys.stdout.flush()


def _tell_all(target: str, tally: Tally, as_json: bool) -> None:
    seconds = round(time.monotonic() - tally.began, 1)
    if as_json:
        facts = {"scenario": target, "seeds": tally.ran, "steps": tally.steps}
        print_json(facts | {"failed": len(tally.failed), "seconds": seconds})
        return
    ran = f"{counted(tally.ran, 'seed')}, {tally.steps:,} steps in {seconds} s"
    if tally.failed:
        say(f"{ran}: {len(tally.failed)} failed", good=False)
    else:
        say(f"{ran}: all held", good=True)
