"""A run's report, and its form as JSON: to be kept, and compared with later runs."""

from __future__ import annotations

from pathlib import Path

import attrs
import msgspec

from perdure.benchmarks.report.figures import Figure, Verdict
from perdure.errors import InvalidInputError

FORMAT = 3


@attrs.frozen(kw_only=True)
class Machine:
    """Where figures come from; ratios of two machines may be compared, measurements not."""

    python: str
    sqlite: str
    system: str
    cores: int
    on_disk: bool
    processor: str = ""
    perdure: str = ""
    fsync_micros: tuple[float, float] = (0.0, 0.0)

    def __str__(self) -> str:
        parts = [f"Python {self.python}", f"SQLite {self.sqlite}", self.system]
        parts.append(f"{self.cores} cores")
        if self.fsync_micros[0]:
            parts.append(f"fsync {self.fsync_micros[0]:.0f} µs")
        return ", ".join(parts)


@attrs.frozen(kw_only=True)
class Entrant:
    """A system that took part, as its driver describes it."""

    peer: str
    version: str
    durability: str
    client: str
    sqlite: str = ""


@attrs.frozen(kw_only=True)
class Missed:
    """A turn that does not count, or one that there was not: which, and why."""

    peer: str
    task: str
    reason: str


@attrs.frozen(kw_only=True)
class Curve:
    """Lines of one task, each the points of one system; ``name`` is that of its picture."""

    task: str
    name: str
    title: str
    across: str
    up: str
    is_log: bool
    lines: dict[str, tuple[tuple[float, float], ...]]


@attrs.frozen(kw_only=True)
class Report:
    """All figures of one run.

    Attributes:
        machine: where it ran.
        scale: of the counts; below 1 the figures are a look and no result.
        seconds: that it took.
        figures: one for each row, and for each task and peer.
        entrants: the systems that took part.
        missed: what does not count, or could not be done, with the reason.
        curves: what is no single number.
        finished: the workloads that were measured to their end.
        step_seconds: what each kind of step took, for the time that a later run will take.
    """

    machine: Machine
    scale: float
    seconds: float
    figures: tuple[Figure, ...]
    entrants: tuple[Entrant, ...] = ()
    missed: tuple[Missed, ...] = ()
    curves: tuple[Curve, ...] = ()
    finished: tuple[str, ...] = ()
    step_seconds: dict[str, float] = attrs.Factory(dict[str, float])
    format: int = FORMAT

    @property
    def failed(self) -> tuple[Figure, ...]:
        """The figures below their bars."""
        return tuple(f for f in self.figures if f.verdict is Verdict.FAIL)

    def regressions(self, earlier: Report, threshold: float) -> tuple[Figure, ...]:
        """The figures that are worse than *earlier* by more than *threshold* percent."""
        found: list[Figure] = []
        for figure in self.figures:
            before = earlier.find(figure.name)
            if before is not None and figure.worse_by(before) > threshold:
                found.append(figure)
        return tuple(found)

    def missed_by_reason(self) -> list[tuple[str, str, list[str]]]:
        """Each system and reason once, with all tasks that it is the reason for."""
        found: dict[tuple[str, str], list[str]] = {}
        for missed in self.missed:
            found.setdefault((missed.peer, missed.reason), []).append(missed.task)
        return [(peer, reason, tasks) for (peer, reason), tasks in sorted(found.items())]

    def find(self, name: str) -> Figure | None:
        """The figure of one row, if it was measured."""
        return next((figure for figure in self.figures if figure.name == name), None)


def to_json(report: Report) -> bytes:
    """The report as indented JSON; each figure also with its median, for other programs."""
    tree = msgspec.to_builtins(report)
    for figure, shown in zip(report.figures, tree["figures"], strict=True):
        shown["median"] = figure.value
        shown["verdict"] = figure.verdict.value
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"


def read_report(path: Path) -> Report:
    """The report that an earlier run wrote to *path*.

    Raises:
        InvalidInputError: it is not one.
    """
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report, strict=True)
    except (OSError, msgspec.MsgspecError) as error:
        msg = f"{path} is no report of perdure bench --json: {error}"
        raise InvalidInputError(msg) from error
    if report.format != FORMAT:
        msg = f"{path} is a report of format {report.format}; this perdure reads {FORMAT}"
        raise InvalidInputError(msg)
    return report
