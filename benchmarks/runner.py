"""Running rows and tasks: in turns, so that a slow minute of the machine hits all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from perdure.benchmarks.bench import Bench
from perdure.benchmarks.contests.contest import Contest
from perdure.benchmarks.machine import this_machine
from perdure.benchmarks.peers.catalog import OURS, Peer, peers_named
from perdure.benchmarks.report.figures import Figure, Turn
from perdure.benchmarks.report.report import Report
from perdure.benchmarks.rows import Row, Workload
from perdure.benchmarks.workloads import ROWS, TASKS, WORKLOADS
from perdure.errors import InvalidInputError

QUICK_SCALE = 0.1


@attrs.frozen(kw_only=True)
class Options:
    """What to run.

    Attributes:
        only: names of workloads, rows and tasks; empty for all.
        peers: names of systems to measure beside perdure, or ``all``.
        repeat: turns of each row and task; those that take long have fewer.
        quick: a tenth of everything, one turn: a look, no result.
        full: also what takes minutes: a million passive entities, ten million events.
        folder: whose disk is measured; the stores are in a folder in it, which is removed.
        scale: all counts are multiplied by it.
    """

    only: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    repeat: int = 5
    quick: bool = False
    full: bool = False
    folder: Path = attrs.Factory(Path.cwd)
    scale: float = 1.0

    def rows(self) -> Sequence[Row]:
        """The rows that are asked for.

        Raises:
            InvalidInputError: there is no such row, task or workload.
        """
        return [row for workload in self.workloads() for row in workload.rows]

    def workloads(self) -> Sequence[Workload]:
        """The workloads that are asked for, each with the rows and tasks that are.

        Without other systems only those tasks are left that perdure does alone: the rest would
        repeat its rows. What is asked for by its own name is always done.

        Raises:
            InvalidInputError: there is no such row, task or workload.
        """
        wanted = {name.lower() for name in self.only}
        known = [w.name for w in WORKLOADS] + [row.name for row in ROWS]
        known += [task.name for task in TASKS]
        if unknown := wanted - {name.lower() for name in known}:
            msg = f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}"
            raise InvalidInputError(msg)

        def chosen(workload: Workload, name: str) -> bool:
            return not wanted or bool(wanted & {workload.name.lower(), name})

        return [
            attrs.evolve(
                workload,
                rows=tuple(row for row in workload.rows if chosen(workload, row.name)),
                tasks=tuple(
                    task
                    for task in workload.tasks
                    if chosen(workload, task.name)
                    and (self.peers or task.alone or task.name in wanted)
                ),
            )
            for workload in WORKLOADS
        ]

    def contestants(self) -> tuple[Peer, ...]:
        """The systems that take part, perdure first."""
        return peers_named(self.peers or (OURS,))


Step = Callable[[str, int, int], None]
"""Told before each turn: what it is, how many turns are done, how many there are in all."""


def _silent(name: str, done: int, total: int) -> None:
    del name, done, total


def run(options: Options, step: Step = _silent) -> Report:
    """Measure, in rounds: each round takes one turn of each row and task that has turns left.

    Raises:
        InvalidInputError: what is asked for does not exist.
        MismatchError: operations were lost or applied twice, so no figure counts.
    """
    workloads, peers = options.workloads(), options.contestants()
    contested = [workload for workload in workloads if workload.tasks]
    repeat = 1 if options.quick else options.repeat
    scale = options.scale * (QUICK_SCALE if options.quick else 1.0)
    rows = options.rows()
    turns: dict[str, list[Turn]] = {row.name: [] for row in rows}
    steps = _Steps(step, _total(rows, contested, peers, repeat))
    begun = time.monotonic()
    contest = Contest(contested)
    with (
        Bench.beside(options.folder, scale=scale, full=options.full) as bench,
        ExitStack() as stack,
    ):
        if contested:
            contest.enter(peers, bench, stack, steps.wait)
        for number in range(repeat):
            for row in rows:
                if number < row.turns:
                    steps.take(row.name)
                    turns[row.name].append(row.measure(bench))
            contest.round(number, bench, steps.take)
    figures = [_figure(workload, row, turns[row.name]) for workload in workloads
               for row in workload.rows]  # fmt: skip
    return Report(
        machine=this_machine(options.folder),
        scale=scale,
        seconds=time.monotonic() - begun,
        figures=_in_order((*figures, *contest.figures())),
        entrants=tuple(contest.entrants()),
        missed=tuple(contest.missed),
        curves=tuple(contest.curves()),
    )


@attrs.define
class _Steps:
    """Tells how far a run is."""

    told: Step
    total: int
    done: int = 0

    def wait(self, name: str) -> None:
        """Something that is no turn."""
        self.told(name, self.done, self.total)

    def take(self, name: str) -> None:
        """The next turn begins."""
        self.told(name, self.done, self.total)
        self.done += 1


def _total(
    rows: Sequence[Row], contested: Sequence[Workload], peers: Sequence[Peer], repeat: int
) -> int:
    of_rows = sum(min(repeat, row.turns) for row in rows)
    of_tasks = sum(
        min(repeat, max(task.turns for task in workload.tasks)) for workload in contested
    )
    return of_rows + of_tasks * len(peers)


def _in_order(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """By workload, each with its rows first."""
    return tuple(sorted(figures, key=lambda figure: int(figure.workload[1:])))


def _figure(workload: Workload, row: Row, turns: Sequence[Turn]) -> Figure:
    return Figure(
        name=row.name,
        title=row.title,
        against=row.against,
        unit=row.unit,
        bar=row.bar,
        turns=tuple(turns),
        workload=workload.name,
    )
