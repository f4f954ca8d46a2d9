"""Running rows and tasks: in turns, so that a slow minute of the machine hits all of them.

One workload after the other, so that a run that is interrupted keeps those that it finished.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import attrs

from perdure.benchmarks.bench import Bench
from perdure.benchmarks.contests.contest import Contest
from perdure.benchmarks.machine import this_machine
from perdure.benchmarks.pace import Pace
from perdure.benchmarks.peers.catalog import OURS, Peer, peers_named
from perdure.benchmarks.report.figures import Figure, Turn
from perdure.benchmarks.report.report import Machine, Report
from perdure.benchmarks.rows import Row, Workload
from perdure.benchmarks.workloads import ROWS, TASKS, WORKLOADS
from perdure.errors import InvalidInputError
from perdure.own_process import pass_over, settled

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

    @property
    def rounds(self) -> int:
        """Turns of each row and task that has no fewer."""
        return 1 if self.quick else self.repeat

    @property
    def whole_scale(self) -> float:
        """What all counts are multiplied by."""
        return self.scale * (QUICK_SCALE if self.quick else 1.0)

    def contestants(self) -> tuple[Peer, ...]:
        """The systems that take part, perdure first."""
        return peers_named(self.peers or (OURS,))


@attrs.frozen
class Moment:
    """How far a run is when a step begins: the step, the steps done, all steps, the rest."""

    name: str
    done: int
    total: int
    seconds_left: float


T = TypeVar("T")
Step = Callable[[Moment], None]
Keep = Callable[[Report], None]


def _ignore(_: object) -> None:
    """Tell nobody."""


def run(
    options: Options,
    step: Step = _ignore,
    *,
    keep: Keep = _ignore,
    earlier: Report | None = None,
) -> Report:
    """Measure workload by workload, each in rounds: one turn of each row and task at a time.

    Args:
        options: what to run.
        step: told before each turn.
        keep: given the report of what is finished whenever a workload is.
        earlier: a run that was interrupted: what it finished is not measured again.

    Raises:
        InvalidInputError: what is asked for does not exist, or *earlier* is of another scale.
        MismatchError: operations were lost or applied twice, so no figure counts.
    """
    if earlier is not None and earlier.scale != options.whole_scale:
        msg = f"the run to go on with has scale {earlier.scale:g}, not {options.whole_scale:g}"
        raise InvalidInputError(msg)
    behind = earlier.finished if earlier else ()
    workloads = [
        each
        for each in options.workloads()
        if (each.rows or each.tasks) and each.name not in behind
    ]
    peers = options.contestants() if any(each.tasks for each in workloads) else ()
    running = _Run(options, workloads, peers, step, this_machine(options.folder), earlier)
    with (
        Bench.beside(options.folder, scale=options.whole_scale, full=options.full) as bench,
        ExitStack() as stack,
        settled(),
    ):
        running.contest.enter(peers, bench, stack, running.wait)
        for workload in workloads:
            running.measure(workload, bench)
            keep(running.report())
    return running.report()


@attrs.define
class _Run:
    """What was measured so far, and how far it is."""

    options: Options
    workloads: Sequence[Workload]
    peers: Sequence[Peer]
    told: Step
    machine: Machine
    earlier: Report | None
    begun: float = attrs.Factory(time.monotonic)
    contest: Contest = attrs.Factory(lambda: Contest([]))
    figures: list[Figure] = attrs.Factory(list[Figure])
    finished: list[str] = attrs.Factory(list[str])
    pace: Pace = attrs.field(init=False)
    _under_way: tuple[str, float] | None = None

    def __attrs_post_init__(self) -> None:
        self.pace = Pace.of(self._steps(), self.options.whole_scale)

    def _steps(self) -> Iterator[str]:
        for workload in self.workloads:
            for number in range(self.options.rounds):
                yield from (row.name for row in workload.rows if number < row.turns)
                if any(number < task.turns for task in workload.tasks):
                    yield from (f"{workload.name} {peer.name}" for peer in self.peers)

    def measure(self, workload: Workload, bench: Bench) -> None:
        """All rounds of a workload."""
        turns: dict[str, list[Turn]] = {row.name: [] for row in workload.rows}
        self.contest.workloads.append(workload)
        for number in range(self.options.rounds):
            for row in workload.rows:
                if number < row.turns:
                    self.take(row.name)
                    pass_over()  # or a row would pay for what others have left behind
                    turns[row.name].append(row.measure(bench))
            self.contest.round(workload, number, bench, self.take)
        self._end_step()
        self.figures += [_figure(workload, row, turns[row.name]) for row in workload.rows]
        self.finished.append(workload.name)

    def wait(self, name: str) -> None:
        """Something that is no turn."""
        self._tell(name)

    def take(self, name: str) -> None:
        """The next turn begins."""
        self._end_step()
        self._tell(name)
        self._under_way = (name, time.monotonic())

    def _end_step(self) -> None:
        if self._under_way is not None:
            name, begun = self._under_way
            self.pace.took(name, time.monotonic() - begun)
            self._under_way = None

    def _tell(self, name: str) -> None:
        done, ahead = sum(map(len, self.pace.taken.values())), len(self.pace.ahead)
        self.told(Moment(name, done, done + ahead, self.pace.seconds_left()))

    def report(self) -> Report:
        """All that is finished, with what an earlier run had."""
        before = self.earlier
        return Report(
            machine=self.machine,
            scale=self.options.whole_scale,
            seconds=time.monotonic() - self.begun + (before.seconds if before else 0.0),
            figures=_in_order(
                (*(before.figures if before else ()), *self.figures, *self.contest.figures())
            ),
            entrants=_joined(before.entrants if before else (), self.contest.entrants()),
            missed=_joined(before.missed if before else (), self.contest.missed),
            curves=(*(before.curves if before else ()), *self.contest.curves()),
            finished=(*(before.finished if before else ()), *self.finished),
            step_seconds={**(before.step_seconds if before else {}), **self.pace.medians()},
        )


def _joined(before: Iterable[T], now: Iterable[T]) -> tuple[T, ...]:
    """What was there and what is new, each once."""
    found: list[T] = []
    for each in (*before, *now):
        if each not in found:
            found.append(each)
    return tuple(found)


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
