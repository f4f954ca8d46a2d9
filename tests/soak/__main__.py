"""Mixed load, then three times too much: ``python -m tests.soak --minutes 10``.

Before that the load warms up for half as long: until the page caches of SQLite, the allocator
and the pools hold what they will hold, memory grows, and that is no leak.

Prints what it holds now and then, and a line of figures at the end. What a noisy machine can
explain is only told; what it cannot ends with an error.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import click

from perdure.actors.limits import MAILBOX_MESSAGES
from perdure.errors import MailboxFullError
from tests.soak.footprint import Footprint, look
from tests.soak.load import Load, flood, mixed, pressing
from tests.soak.works import app, lateness

CLIENTS = 4
PAUSE_SECONDS = 0.05
"""Between a client's rounds, so that the machine is busy and not full."""

OVERLOAD = 3
FLOOD = 120_000
GROWTH_AIM, GROWTH_LIMIT = 0.05, 0.5
LATENESS_AIM, LATENESS_LIMIT = 0.25, 5.0
THROUGHPUT_AIM, THROUGHPUT_LIMIT = 0.8, 0.4
THREADS_LIMIT, HANDLES_LIMIT, LOG_LIMIT_MIB = 4, 8, 280.0


@attrs.define
class Figures:
    """What was measured, and what of it is too much."""

    told: list[str] = attrs.Factory(list[str])
    violations: list[str] = attrs.Factory(list[str])

    def compare(self, what: str, value: float, aim: float, limit: float) -> None:
        """The greater the worse."""
        mark = "" if value <= aim else f" (the aim is {aim:g})"
        self.told.append(f"{what} {value:.3g}{mark}")
        if value > limit:
            self.violations.append(f"{what} {value:.3g} is over {limit:g}")

    def demand(self, fact: bool, what: str) -> None:
        """What no noise explains."""
        if not fact:
            self.violations.append(what)


def steady(load: Load, store: Path, warm_up: float, seconds: float, figures: Figures) -> None:
    """Run for so long, after so many seconds that do not count."""
    load.begin(CLIENTS, mixed, PAUSE_SECONDS)
    time.sleep(warm_up)
    lateness.take()
    looks = [look(store)]
    late: list[float] = []
    rounds = 10
    for number in range(rounds):
        rate = load.rate_for(seconds / rounds)
        looks.append(look(store))
        late += lateness.take()
        click.echo(f"{number + 1}/{rounds}: {rate:,.0f} operations/s, {looks[-1]}")
    load.end()
    judge(looks, late, figures)


def judge(looks: list[Footprint], late: list[float], figures: Figures) -> None:
    """Compare what was held at first and at last."""
    third = max(1, len(looks) // 3)
    first = statistics.median(each.memory for each in looks[:third])
    last = statistics.median(each.memory for each in looks[-third:])
    figures.told.append(f"memory {first:.0f} to {last:.0f} MiB")
    figures.compare("growth of memory", last / first - 1, GROWTH_AIM, GROWTH_LIMIT)
    threads = max(each.threads for each in looks) - looks[0].threads
    handles = max(each.handles for each in looks) - looks[0].handles
    figures.compare("threads more", threads, THREADS_LIMIT, 10 * THREADS_LIMIT)
    figures.compare("file handles more", handles, HANDLES_LIMIT, 10 * HANDLES_LIMIT)
    log = max(each.log for each in looks)
    figures.compare("log in MiB at most", log, LOG_LIMIT_MIB, 2 * LOG_LIMIT_MIB)
    figures.demand(len(late) > 50, f"only {len(late)} timers came")
    if len(late) > 1:
        p99 = statistics.quantiles(late, n=100)[98]
        figures.told.append(f"{len(late):,} timers")
        figures.compare("timer lateness p99 in s", p99, LATENESS_AIM, LATENESS_LIMIT)
    figures.demand(min(late, default=0.0) >= -0.001, f"a timer came early: {min(late):g} s")


def overload(load: Load, more: Load, store: Path, seconds: float, figures: Figures) -> None:
    """The peak with some clients, and what becomes of it with three times as many."""
    load.begin(CLIENTS, pressing, 0.0)
    load.rate_for(seconds / 6)
    peak = load.rate_for(seconds / 3)
    before = look(store)
    more.begin(CLIENTS * (OVERLOAD - 1), pressing, 0.0)
    begun = load.done + more.done
    clock = time.monotonic()
    time.sleep(seconds / 2)
    rate = (load.done + more.done - begun) / (time.monotonic() - clock)
    after = look(store)
    more.end()
    load.end()
    figures.told.append(f"peak {peak:,.0f} signals/s, {OVERLOAD} times overloaded {rate:,.0f}")
    figures.compare(
        "lost by overload", 1 - rate / peak, 1 - THROUGHPUT_AIM, 1 - THROUGHPUT_LIMIT
    )
    growth = after.memory / before.memory - 1
    figures.compare("growth of memory overloaded", growth, GROWTH_AIM * 4, 4 * GROWTH_LIMIT)


def rejected(outcomes: Counter[str], figures: Figures) -> None:
    """What does not fit into a mailbox is refused, by name; all else is done, once."""
    refused = outcomes[MailboxFullError.__name__]
    figures.told.append(f"{refused:,} of {FLOOD:,} calls to one blocked entity refused")
    figures.demand(refused >= FLOOD - MAILBOX_MESSAGES - 1000, f"flooded: {outcomes}")
    figures.demand(outcomes["answered"] + refused == FLOOD, f"flooded: {outcomes}")
    figures.demand(outcomes["applied"] == outcomes["answered"], f"flooded: {outcomes}")


@click.command(help=__doc__)
@click.option("--minutes", default=10.0, show_default=True)
def main(minutes: float) -> None:
    """Run, tell, and fail when it is far beyond what is aimed at."""
    figures = Figures()
    begun = time.monotonic()
    with TemporaryDirectory() as folder:
        store = Path(folder) / "soak.db"
        with app.open(store) as client:
            load = Load(client)
            steady(load, store, minutes * 60 * 0.5, minutes * 60 * 0.7, figures)
            pressed, more = Load(client), Load(client)
            overload(pressed, more, store, minutes * 60 * 0.3, figures)
            loads = (load, pressed, more)
            rejected(flood(client, FLOOD), figures)
            findings = [str(finding) for finding in client.verify()]
    operations = sum(each.done for each in loads)
    broken = [error for each in loads for error in each.broken]
    refused = sum((each.refused for each in loads), start=type(load.refused)())
    figures.demand(not broken, f"{len(broken)} errors that are not typed, as {broken[:1]}")
    figures.demand(not findings, f"verification finds {findings[:3]}")
    figures.demand(not refused, f"refused although there was room: {refused}")
    minutes_passed = (time.monotonic() - begun) / 60
    click.echo(
        f"soak: {minutes_passed:.1f} minutes, {operations:,} operations; "
        + "; ".join(figures.told)
    )
    if figures.violations:
        raise click.ClickException("; ".join(figures.violations))


if __name__ == "__main__":
    main()
