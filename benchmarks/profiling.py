"""Where the time of rows goes: pyinstrument's tree and a flame graph of each thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

import attrs

from perdure.errors import ExtraMissingError

WIDTH, LINE, LEAST = 1_200.0, 18, 2.0
FILLS = ("#fde68a", "#fdba74", "#fca5a5", "#fcd34d", "#fecaca")
INTERVAL_SECONDS = 0.0005


@attrs.frozen
class Frame:
    """A function within its callers: what it took, and what it called."""

    name: str
    seconds: float
    children: tuple[Frame, ...] = ()


@attrs.frozen
class ThreadProfile:
    """What one thread did.

    Attributes:
        text: as a tree, for a terminal.
        root: the same, for a flame graph.
    """

    name: str
    text: str
    root: Frame


def profile(work: Callable[[], object]) -> Sequence[ThreadProfile]:
    """Run *work* and tell what its thread and all that it started did, the busiest first.

    Turns and commits are in threads of their own, and pyinstrument samples one thread; so each
    thread that starts meanwhile gets a profiler of its own.

    Raises:
        ExtraMissingError: pyinstrument is not installed.
    """
    try:
        pyinstrument = import_module("pyinstrument")
    except ImportError as error:
        raise ExtraMissingError(
            what="perdure bench profile", extra="bench", cause=error
        ) from error
    found: list[ThreadProfile] = []

    def sampled(name: str, run: Callable[[], object]) -> None:
        profiler = pyinstrument.Profiler(interval=INTERVAL_SECONDS, async_mode="disabled")
        profiler.start()
        try:
            run()
        finally:
            session = profiler.stop()
            root = session.root_frame()
            if root is not None:
                text = profiler.output_text(unicode=True, show_all=False)
                found.append(ThreadProfile(name, text, _frame(root)))

    with _each_thread(sampled):
        sampled("main", work)
    return sorted(found, key=lambda each: -busy(each.root))


def _frame(frame: Any) -> Frame:
    children = tuple(_frame(child) for child in frame.children)
    return Frame(str(frame.function), float(frame.time), children)


@contextmanager
def _each_thread(sampled: Callable[[str, Callable[[], object]], None]) -> Generator[None]:
    """Have each thread that starts run under *sampled*."""
    start = threading.Thread.start

    def sampled_start(self: threading.Thread) -> None:
        run = self.run
        self.run = lambda: sampled(self.name, run)  # type: ignore[method-assign]
        start(self)

    threading.Thread.start = sampled_start  # type: ignore[method-assign]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]


WAITING = ("wait", "acquire", "get", "select", "poll", "sleep", "join", "result")


def busy(frame: Frame) -> float:
    """The seconds of a tree that are not waits for a lock, a queue or a socket."""
    if not frame.children:
        return 0.0 if frame.name.strip("[]") in WAITING else frame.seconds
    inside = sum(busy(child) for child in frame.children)
    own = frame.seconds - sum(child.seconds for child in frame.children)
    return inside + (0.0 if frame.name in WAITING else max(0.0, own))


# ---- the flame graph ------------------------------------------------------------------------


@attrs.frozen
class Box:
    """One rectangle of it."""

    frame: Frame
    left: float
    depth: int


def boxes(frame: Frame, left: float = 0.0, depth: int = 0) -> Iterator[Box]:
    """A frame and, above it, what it called, side by side."""
    yield Box(frame, left, depth)
    for child in frame.children:
        yield from boxes(child, left, depth + 1)
        left += child.seconds


def flame_of(threads: Sequence[ThreadProfile]) -> str:
    """One HTML page: a flame graph for each thread, which tells times when pointed at."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        "<title>perdure bench profile</title>",
        "<style>body{font:13px system-ui,sans-serif;margin:1.5rem} svg{display:block}</style>",
        "<h1>perdure bench profile</h1>",
    ]
    for thread in threads:
        seconds = f"{busy(thread.root):.2f} s without waits"
        parts.append(f"<h2>{escape(thread.name)}: {seconds}</h2>")
        parts.append(_flame(thread.root))
    return "\n".join(parts) + "</html>\n"


def _flame(root: Frame) -> str:
    scale = WIDTH / max(root.seconds, 1e-9)
    shown = [box for box in boxes(root) if box.frame.seconds * scale >= LEAST]
    height = (max(box.depth for box in shown) + 1) * LINE
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}" height="{height}">']
    for box in shown:
        wide, x, y = box.frame.seconds * scale, box.left * scale, box.depth * LINE
        name = escape(box.frame.name)
        fill = FILLS[sum(box.frame.name.encode()) % len(FILLS)]
        label = name if wide > 7 * len(box.frame.name) else ""
        parts.append(
            f"<g><title>{name}: {box.frame.seconds:.3f} s</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{LINE - 1}" fill="{fill}"/>'
            f'<text x="{x + 3:.1f}" y="{y + 13}" font-size="11">{label}</text></g>'
        )
    return "".join([*parts, "</svg>"])
