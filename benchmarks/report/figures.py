"""What a benchmark yields: bars, the turns of a row, and the figure made of them.

Pure: nothing is measured here. A figure is the median of its turns' values; the value of a turn
is a ratio when something was measured beside it, and the measurement itself when not.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from enum import StrEnum

import attrs


class Verdict(StrEnum):
    """How a figure stands against its bar."""

    AIM = "aim"
    PASS = "pass"
    FAIL = "fail"
    SHOWN = "shown"


@attrs.frozen(kw_only=True)
class Bar:
    """What a figure must reach, and what it should.

    Attributes:
        limit: the value that passes just so.
        at_most: smaller is better; else larger is.
        aim: the value to be proud of.
    """

    limit: float
    at_most: bool = False
    aim: float | None = None

    def verdict(self, value: float) -> Verdict:
        """How *value* stands."""
        if not self._reaches(value, self.limit):
            return Verdict.FAIL
        if self.aim is not None and self._reaches(value, self.aim):
            return Verdict.AIM
        return Verdict.PASS

    def _reaches(self, value: float, wanted: float) -> bool:
        return value <= wanted if self.at_most else value >= wanted

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"


@attrs.frozen
class Turn:
    """One measurement of a row, and of what it is compared with, one right after the other.

    Attributes:
        subject: what perdure does, in the row's unit.
        reference: what the reference does, in the same unit; ``None`` when there is none.
    """

    subject: float
    reference: float | None = None

    @property
    def value(self) -> float:
        """The ratio, or the measurement itself."""
        return self.subject if self.reference is None else self.subject / self.reference


@attrs.frozen(kw_only=True)
class Figure:
    """One row of a report.

    Attributes:
        name: for ``--only`` and for comparisons.
        title: what was measured.
        against: what it is a ratio to; empty for a plain measurement.
        unit: of the measurements: ``/s``, ``µs``, ``ms``, ``s``, ``KiB``.
        bar: what to reach; ``None``: the figure is shown and not judged.
        turns: all measurements, in the order in which they were made.
        workload: ``W1`` to ``W12``.
    """

    name: str
    title: str
    against: str
    unit: str
    bar: Bar | None
    turns: tuple[Turn, ...]
    workload: str = ""

    @property
    def is_better_when_larger(self) -> bool:
        """Whether a larger value is the better one: speeds, and shares that must be kept."""
        return self.unit == "/s" or (self.bar is not None and not self.bar.at_most)

    def worse_by(self, earlier: Figure) -> float:
        """How many percent worse this is than *earlier*; negative when it is better."""
        if not self.value or not earlier.value:
            return 0.0
        change = (
            earlier.value / self.value
            if self.is_better_when_larger
            else (self.value / earlier.value)
        )
        return (change - 1) * 100

    @property
    def value(self) -> float:
        """The median over the turns."""
        return statistics.median(turn.value for turn in self.turns)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest value of a turn: how much to trust the median."""
        values = [turn.value for turn in self.turns]
        return min(values), max(values)

    @property
    def subject(self) -> float:
        """The median of what perdure did."""
        return statistics.median(turn.subject for turn in self.turns)

    @property
    def reference(self) -> float | None:
        """The median of what the reference did."""
        known = [turn.reference for turn in self.turns if turn.reference is not None]
        return statistics.median(known) if known else None

    @property
    def verdict(self) -> Verdict:
        """How the figure stands against its bar."""
        return Verdict.SHOWN if self.bar is None else self.bar.verdict(self.value)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of *values* that at least *percent* of them do not exceed."""
    assert values
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]
