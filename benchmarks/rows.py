"""A workload, and its rows: what perdure is measured against in its own process."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from perdure.benchmarks.bars import BARS
from perdure.benchmarks.bench import Bench
from perdure.benchmarks.contests.tasks import Task
from perdure.benchmarks.report.figures import Bar, Turn

TELL = "pykka tell"
ASK = "pykka ask, window 64"


@attrs.frozen(kw_only=True)
class Row:
    """One benchmark of perdure's, beside a reference.

    Attributes:
        name: for ``--only``.
        title: what is measured, in a few words.
        against: what the figure is a ratio to; empty when it is no ratio.
        unit: of what is measured.
        measure: takes one turn.
        turns: at most so many, for what takes long.
    """

    name: str
    title: str
    against: str = ""
    unit: str = "/s"
    measure: Callable[[Bench], Turn]
    turns: int = 1_000

    @property
    def bar(self) -> Bar | None:
        """What to reach; ``None`` when it is only shown."""
        return BARS.get(self.name)


@attrs.frozen(kw_only=True)
class Workload:
    """One kind of work.

    Attributes:
        name: ``W1`` to ``W12``.
        title: in a few words.
        does: what is done.
        checks: what must be right, or a turn does not count.
        rows: what perdure does beside a reference, in one process.
        tasks: what every system does, each in processes of its own.
    """

    name: str
    title: str
    does: str
    checks: str
    rows: tuple[Row, ...] = ()
    tasks: tuple[Task, ...] = ()
