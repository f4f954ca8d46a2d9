"""Curves as SVG: points of several lines over axes that may be logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from perdure.benchmarks.report.report import Curve
from perdure.benchmarks.report.table import number

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 80, 220, 58, 50
STEPS = (0.2, 0.25, 0.5, 1.0, 2.0)
MOST_TICKS = 5
COLORS = (
    "#2563eb",
    "#dc2626",
    "#15803d",
    "#9333ea",
    "#d97706",
    "#0891b2",
    "#be185d",
    "#4b5563",
)


def curve_svg(curve: Curve) -> str:
    """One picture, which needs nothing from elsewhere."""
    xs = [x for points in curve.lines.values() for x, _ in points]
    ys = [y for points in curve.lines.values() for _, y in points]
    across = _scale(xs, curve.is_log, LEFT, WIDTH - RIGHT)
    up_log = min(ys) > 0 and max(ys) / min(ys) > 50
    ticks = _ticks(min(ys), max(ys), is_log=up_log)
    up = _scale([*ys, *ticks], up_log, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="16" y="22" font-size="15" font-weight="bold">{escape(curve.title)}</text>',
        *_axes(curve, sorted(set(xs)), ticks, across, up),
    ]
    for place, (name, points) in enumerate(curve.lines.items()):
        parts += _line(name, [(across(x), up(y)) for x, y in points], place)
    return "\n".join([*parts, "</svg>"]) + "\n"


class _scale:  # noqa: N801  (it is used as a function)
    """Where a value is on an axis."""

    def __init__(
        self, values: Sequence[float], is_log: bool, first: float, last: float
    ) -> None:
        self.is_log = is_log
        self.low, self.high = self._place(min(values)), self._place(max(values))
        self.first, self.last = first, last

    def _place(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self.is_log else value

    def __call__(self, value: float) -> float:
        room = self.high - self.low or 1.0
        part = (self._place(value) - self.low) / room
        return self.first + part * (self.last - self.first)


def _axes(
    curve: Curve, xs: Sequence[float], ticks: Sequence[float], across: _scale, up: _scale
) -> list[str]:
    floor = HEIGHT - BOTTOM
    parts = [
        f'<path d="M{LEFT} {TOP} V{floor} H{WIDTH - RIGHT}" fill="none" stroke="#6b7280"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 12}" text-anchor="middle" '
        f'fill="#374151">{escape(curve.across)}</text>',
        f'<text x="16" y="{TOP - 14}" fill="#374151">{escape(curve.up)}</text>',
    ]
    last = -100.0
    for x in xs:
        if across(x) - last > 52:  # so that numbers do not lie on each other
            last = across(x)
            parts.append(
                f'<text x="{last:.1f}" y="{floor + 16}" text-anchor="middle">{number(x)}</text>'
            )
    for y in ticks:
        parts.append(
            f'<path d="M{LEFT} {up(y):.1f} H{WIDTH - RIGHT}" stroke="#e5e7eb"/>'
            f'<text x="{LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end">{number(y)}</text>'
        )
    return parts


def _ticks(low: float, high: float, *, is_log: bool) -> list[float]:
    """Round numbers from the lowest to just above the highest: powers of ten, or steps."""
    if is_log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0**power for power in range(first, last + 1)]
    power = 10.0 ** math.floor(math.log10(high)) if high > 0 else 1.0
    step = next(part * power for part in STEPS if high <= MOST_TICKS * part * power)
    return [step * place for place in range(math.ceil(high / step) + 1)]


def _line(name: str, points: list[tuple[float, float]], place: int) -> list[str]:
    color = COLORS[place % len(COLORS)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points
    )
    y = TOP + 18 * place
    x = WIDTH - RIGHT + 20
    return [
        f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>{dots}',
        f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{color}"/>'
        f'<text x="{x + 16}" y="{y}">{escape(name)}</text>',
    ]
