"""The report as a bar chart in SVG: how far each figure is from its bar."""

from __future__ import annotations

from xml.sax.saxutils import escape

from perdure.benchmarks.report.figures import Bar, Figure, Verdict
from perdure.benchmarks.report.report import Report
from perdure.benchmarks.report.table import value_of

WIDTH = 900
LEFT = 470
ROOM = 290
LINE = 26
TOP = 56
MOST = 2.0
"""Times the bar that fit into the chart; longer bars are cut."""
FILLS = {
    Verdict.AIM: "#15803d",
    Verdict.PASS: "#4ade80",
    Verdict.FAIL: "#dc2626",
    Verdict.SHOWN: "#9ca3af",
}


def merit(value: float, bar: Bar) -> float:
    """How often *value* reaches the bar: 1 is just so, and more is better."""
    if not bar.at_most:
        return value / bar.limit
    return bar.limit / value if value > 0 else MOST


def svg_of(report: Report) -> str:
    """One bar for each judged figure; the line in the middle is where it passes."""
    judged = [(figure, figure.bar) for figure in report.figures if figure.bar is not None]
    height = TOP + LINE * len(judged) + 20
    middle = LEFT + ROOM / MOST
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="22" font-size="15" font-weight="bold">perdure bench</text>',
        f'<text x="16" y="40" fill="#555555">{escape(str(report.machine))}; '
        "longer is better, the line is the bar</text>",
    ]
    for number, (figure, bar) in enumerate(judged):
        lines += _bar(figure, bar, TOP + LINE * number)
    lines += [
        f'<line x1="{middle:g}" y1="{TOP - 6}" x2="{middle:g}" y2="{height - 14}" '
        'stroke="#111111" stroke-dasharray="4 3"/>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _bar(figure: Figure, bar: Bar, y: int) -> list[str]:
    length = ROOM / MOST * min(MOST, merit(figure.value, bar))
    text = y + 13
    return [
        f'<text x="{LEFT - 10}" y="{text}" text-anchor="end">{escape(figure.title)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="18" rx="2" '
        f'fill="{FILLS[figure.verdict]}"/>',
        f'<text x="{LEFT + ROOM + 10}" y="{text}">{escape(value_of(figure))} '
        f"({escape(str(bar))})</text>",
    ]
