"""A run's report, and its form as JSON: to be kept, and compared with later runs."""

from __future__ import annotations

from pathlib import Path

import attrs
import msgspec

from perdure.benchmarks.figures import Figure, Verdict
from perdure.errors import InvalidInputError

FORMAT = 1


@attrs.frozen(kw_only=True)
class Machine:
    """Where figures come from; ratios of two machines may be compared, measurements not."""

    python: str
    sqlite: str
    system: str
    cores: int
    on_disk: bool

    def __str__(self) -> str:
        return f"Python {self.python}, SQLite {self.sqlite}, {self.system}, {self.cores} cores"


@attrs.frozen(kw_only=True)
class Report:
    """All figures of one run.

    Attributes:
        machine: where it ran.
        scale: of the counts; below 1 the figures are a look and no result.
        seconds: that it took.
        figures: one for each row.
    """

    machine: Machine
    scale: float
    seconds: float
    figures: tuple[Figure, ...]
    format: int = FORMAT

    @property
    def failed(self) -> tuple[Figure, ...]:
        """The figures below their bars."""
        return tuple(f for f in self.figures if f.verdict is Verdict.FAIL)

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
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError) as error:
        msg = f"{path} is no report of perdure bench --json: {error}"
        raise InvalidInputError(msg) from error
    if report.format != FORMAT:
        msg = f"{path} is a report of format {report.format}; this perdure reads {FORMAT}"
        raise InvalidInputError(msg)
    return report
