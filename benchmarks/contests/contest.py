"""Tasks between systems: each round asks one system after the other, and checks each answer."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import attrs

from perdure.benchmarks.bars import BARS
from perdure.benchmarks.bench import Bench, MismatchError
from perdure.benchmarks.contests.tasks import Axes, Outcome, Points, Task
from perdure.benchmarks.peers.catalog import OURS, InstallError, Peer, install
from perdure.benchmarks.peers.contestant import Contestant, PeerError
from perdure.benchmarks.report.figures import Figure, Turn
from perdure.benchmarks.report.report import Curve, Entrant, Missed
from perdure.benchmarks.rows import Workload

Step = Callable[[str], None]


@attrs.define
class Contest:
    """All turns of all tasks.

    Attributes:
        workloads: those that take part.
        outcomes: of each task and system, one for each round; ``None`` where it does not count.
    """

    workloads: list[Workload]
    contestants: list[Contestant] = attrs.Factory(list[Contestant])
    outcomes: dict[tuple[str, str], list[Outcome | None]] = attrs.Factory(
        dict[tuple[str, str], list[Outcome | None]]
    )
    missed: list[Missed] = attrs.Factory(list[Missed])

    def enter(self, peers: Sequence[Peer], bench: Bench, stack: ExitStack, step: Step) -> None:
        """Install the systems; one that cannot be is reported with the reason."""
        for peer in peers:
            step(f"installing {peer.name}")
            try:
                install(peer)
            except InstallError as error:
                self._miss(peer.name, "all", str(error))
                continue
            folder = bench.folder / f"peer-{peer.name}"
            self.contestants.append(stack.enter_context(Contestant(peer, folder)))

    def round(self, workload: Workload, number: int, bench: Bench, step: Step) -> None:
        """One turn of each task of a workload, one system after the other."""
        tasks = [task for task in workload.tasks if number < task.turns]
        for contestant in self.contestants if tasks else ():
            step(f"{workload.name} {contestant.peer.name}")
            for task in tasks:
                outcome = self._turn(task, contestant, bench)
                place = (task.name, contestant.peer.name)
                self.outcomes.setdefault(place, []).append(outcome)
            contestant.renew()

    def _turn(self, task: Task, contestant: Contestant, bench: Bench) -> Outcome | None:
        name = contestant.peer.name
        try:
            if not contestant.about:
                contestant.start()  # what it can do, it tells then
            if lacking := contestant.lacks(task.needs):
                self._miss(name, task.name, f"has no {', no '.join(lacking)}")
                return None
            return task.measure(contestant, bench)
        except (PeerError, MismatchError) as error:
            if name == OURS and isinstance(error, MismatchError):
                raise  # a wrong count of our own ends the run
            self._miss(name, task.name, str(error).splitlines()[0][:300])
            contestant.renew()
            return None

    def _miss(self, peer: str, task: str, reason: str) -> None:
        missed = Missed(peer=peer, task=task, reason=reason)
        if missed not in self.missed:
            self.missed.append(missed)

    # ---- what came of it --------------------------------------------------------------------

    def figures(self) -> Iterator[Figure]:
        """For each task, perdure beside each peer, pair by pair; alone where there is none."""
        others = [each.peer.name for each in self.contestants if each.peer.name != OURS]
        for workload in self.workloads:
            for task in workload.tasks:
                ours = self.outcomes.get((task.name, OURS), [])
                pairs = {
                    peer: _pairs(ours, self.outcomes.get((task.name, peer), []))
                    for peer in others
                }
                for peer, turns in pairs.items():
                    if turns:
                        yield _figure(workload, task, turns, peer)
                alone = tuple(Turn(turn.value) for turn in ours if turn is not None)
                if alone and not any(pairs.values()):
                    yield _figure(workload, task, alone, "")
                yield from _more(workload, task, ours)

    def curves(self) -> Iterator[Curve]:
        """The curves of each task that has axes, with the medians over the rounds."""
        for workload in self.workloads:
            for task in workload.tasks:
                for axes in task.axes:
                    if lines := dict(self._lines(task, axes)):
                        yield _curve(workload, task, axes, lines)

    def _lines(self, task: Task, axes: Axes) -> Iterator[tuple[str, Points]]:
        for contestant in self.contestants:
            name = contestant.peer.name
            found = [turn for turn in self.outcomes.get((task.name, name), []) if turn]
            for line in found[0].lines if found else ():
                if not axes.lines:
                    yield f"{name} {line}", _median_line([turn.lines[line] for turn in found])
                elif line in axes.lines:
                    yield name, _median_line([turn.lines[line] for turn in found])

    def entrants(self) -> Iterator[Entrant]:
        """What the drivers say of their systems."""
        for contestant in self.contestants:
            about = contestant.about
            if about:
                yield Entrant(
                    peer=contestant.peer.name,
                    version=about["version"],
                    durability=about["durability"],
                    client=about["client"],
                    sqlite=about["sqlite"],
                )


def _pairs(
    ours: Sequence[Outcome | None], theirs: Sequence[Outcome | None]
) -> tuple[Turn, ...]:
    both = zip(ours, theirs, strict=False)
    return tuple(Turn(a.value, b.value) for a, b in both if a and b and b.value)


def _figure(workload: Workload, task: Task, turns: tuple[Turn, ...], peer: str) -> Figure:
    name = f"{task.name}/{peer}" if peer else task.name
    return Figure(
        name=name,
        title=task.title,
        against=peer,
        unit=task.unit,
        bar=BARS.get(name),
        turns=turns,
        workload=workload.name,
    )


def _curve(workload: Workload, task: Task, axes: Axes, lines: dict[str, Points]) -> Curve:
    title = f"{axes.up} by {axes.across}" if len(task.axes) > 1 else workload.title
    return Curve(
        task=task.name,
        name="-".join((task.name, *axes.lines)),
        title=f"{workload.name}: {title}",
        across=axes.across,
        up=axes.up,
        is_log=axes.is_log,
        lines=lines,
    )


def _more(workload: Workload, task: Task, ours: Sequence[Outcome | None]) -> Iterator[Figure]:
    for key, (title, unit) in task.more.items():
        turns = tuple(Turn(turn.more[key]) for turn in ours if turn is not None)
        name = f"{task.name}-{key}"
        if turns:
            yield Figure(
                name=name,
                title=title,
                against="",
                unit=unit,
                bar=BARS.get(name),
                turns=turns,
                workload=workload.name,
            )


def _median_line(lines: Sequence[Points]) -> Points:
    return tuple(
        (statistics.median(x for x, _ in points), statistics.median(y for _, y in points))
        for points in zip(*lines, strict=True)
    )
