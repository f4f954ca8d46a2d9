"""The report as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from perdure.benchmarks.report.figures import Figure, Verdict
from perdure.benchmarks.report.report import Report

COLORS = {
    Verdict.AIM: "bold green",
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.SHOWN: "dim",
}


def number(value: float) -> str:
    """Three digits that count, with separators: ``0.284``, ``12.3``, ``169,000``."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def value_of(figure: Figure) -> str:
    """The figure itself: a ratio with an x, a measurement with its unit."""
    return f"{number(figure.value)} {'x' if figure.against else figure.unit}"


def spread_of(figure: Figure) -> str:
    """The lowest and highest of the turns, when there were several."""
    lowest, highest = figure.spread
    return "" if len(figure.turns) == 1 else f"{number(lowest)} to {number(highest)}"


def bar_of(figure: Figure) -> str:
    """What the figure must reach, and what it should."""
    if figure.bar is None:
        return ""
    aim = figure.bar.aim
    return str(figure.bar) if aim is None else f"{figure.bar} ({aim:g})"


def measured(value: float | None, unit: str) -> str:
    """A measurement with its unit."""
    if value is None:
        return ""
    return f"{number(value)}{unit}" if unit == "/s" else f"{number(value)} {unit}"


def table_of(report: Report, earlier: Report | None = None, *, narrow: bool = False) -> Table:
    """One line for each figure.

    Args:
        report: what was measured.
        earlier: a run whose values are shown beside them.
        narrow: leave out what the ratios are made of.
    """
    table = Table(title=f"perdure bench: {report.machine}", title_justify="left")
    table.add_column("", justify="left")
    table.add_column("what")
    if not narrow:
        table.add_column("perdure", justify="right")
        table.add_column("against")
    table.add_column("value", justify="right")
    if not narrow:
        table.add_column("turns", justify="right")
    table.add_column("bar (aim)", justify="right")
    table.add_column("", justify="left")
    if earlier is not None:
        table.add_column("earlier", justify="right")
        table.add_column("change", justify="right")
    for figure in report.figures:
        color = COLORS[figure.verdict]
        cells = [figure.workload, figure.title]
        if not narrow:
            reference = measured(figure.reference, figure.unit)
            cells += [
                measured(figure.subject, figure.unit),
                f"{figure.against} {reference}" if figure.against else "",
            ]
        cells.append(f"[{color}]{value_of(figure)}[/]")
        if not narrow:
            cells.append(spread_of(figure))
        cells += [bar_of(figure), f"[{color}]{figure.verdict}[/]"]
        if earlier is not None:
            cells += _compared(figure, earlier.find(figure.name))
        table.add_row(*cells)
    return table


def _compared(figure: Figure, earlier: Figure | None) -> list[str]:
    if earlier is None:
        return ["", ""]
    if not earlier.value:
        return [value_of(earlier), ""]
    return [value_of(earlier), f"{(figure.value / earlier.value - 1) * 100:+.0f} %"]


def markdown_of(figures: Sequence[Figure]) -> str:
    """Some of them as a Markdown table, for documents."""
    lines = [
        "| what | perdure | against | value | turns | bar (aim) | |",
        "|---|--:|---|--:|--:|--:|---|",
    ]
    for figure in figures:
        reference = measured(figure.reference, figure.unit)
        cells = (
            figure.title,
            measured(figure.subject, figure.unit),
            f"{figure.against}: {reference}" if figure.against else "",
            value_of(figure),
            spread_of(figure),
            bar_of(figure),
            str(figure.verdict),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
