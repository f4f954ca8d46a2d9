"""Running the rows: in turns, so that a slow minute of the machine hits all of them."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from perdure.benchmarks.bench import Bench, is_in_memory
from perdure.benchmarks.figures import Figure, Turn
from perdure.benchmarks.report import Machine, Report
from perdure.benchmarks.rows import ROWS, Row
from perdure.errors import InvalidInputError

QUICK_SCALE = 0.1


@attrs.frozen(kw_only=True)
class Options:
    """What to run.

    Attributes:
        only: names of rows; empty for all.
        repeat: turns of each row; rows that take long have fewer.
        quick: a tenth of everything, one turn: a look, no result.
        full: also what takes minutes: a million passive entities.
        folder: whose disk is measured; the stores are in a folder in it, which is removed.
        scale: all counts are multiplied by it.
    """

    only: tuple[str, ...] = ()
    repeat: int = 5
    quick: bool = False
    full: bool = False
    folder: Path = attrs.Factory(Path.cwd)
    scale: float = 1.0

    def rows(self) -> Sequence[Row]:
        """The rows that are asked for.

        Raises:
            InvalidInputError: there is no such row.
        """
        if unknown := set(self.only) - {row.name for row in ROWS}:
            known = ", ".join(row.name for row in ROWS)
            msg = f"no benchmark {', '.join(sorted(unknown))}; there are: {known}"
            raise InvalidInputError(msg)
        return [row for row in ROWS if not self.only or row.name in self.only]


Step = Callable[[Row, int, int], None]
"""Told before each turn: its row, how many turns are done, how many there are in all."""


def _silent(row: Row, done: int, total: int) -> None:
    del row, done, total


def run(options: Options, step: Step = _silent) -> Report:
    """Measure, in rounds: each round takes one turn of each row that has turns left.

    Raises:
        InvalidInputError: a row that is asked for does not exist.
        MismatchError: operations were lost or applied twice, so no figure counts.
    """
    rows = options.rows()
    repeat = 1 if options.quick else options.repeat
    scale = options.scale * (QUICK_SCALE if options.quick else 1.0)
    plan = [row for number in range(repeat) for row in rows if number < row.turns]
    turns: dict[str, list[Turn]] = {row.name: [] for row in rows}
    begun = time.monotonic()
    with Bench.beside(options.folder, scale=scale, full=options.full) as bench:
        for done, row in enumerate(plan):
            step(row, done, len(plan))
            turns[row.name].append(row.measure(bench))
    return Report(
        machine=this_machine(options.folder),
        scale=scale,
        seconds=time.monotonic() - begun,
        figures=tuple(_figure(row, turns[row.name]) for row in rows),
    )


def _figure(row: Row, turns: Sequence[Turn]) -> Figure:
    return Figure(
        name=row.name,
        title=row.title,
        against=row.against,
        unit=row.unit,
        bar=row.bar,
        turns=tuple(turns),
    )


def this_machine(folder: Path) -> Machine:
    """Where the figures of a run come from."""
    return Machine(
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        system=f"{platform.system()} {platform.machine()}",
        cores=usable_cores(),
        on_disk=not is_in_memory(folder),
    )


def usable_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1
