"""Where the time of rows goes: pyinstrument's tree and a flame graph of each kind of thread."""

from __future__ import annotations

import re
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
WAITS = "#e5e7eb"
INTERVAL_SECONDS = 0.0005
LEAST_SHARE = 0.02
"""Of all the work: threads that did less are not shown."""


@attrs.frozen
class Frame:
    """A function within its callers: what it took, and what it called."""

    name: str
    seconds: float
    children: tuple[Frame, ...] = ()


@attrs.frozen
class ThreadProfile:
    """What the threads of one name did; a number at its end makes no difference.

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
    thread that starts meanwhile gets a profiler of its own. Those that did next to nothing are
    left out.

    Raises:
        ExtraMissingError: pyinstrument is not installed.
    """
    try:
        pyinstrument = import_module("pyinstrument")
    except ImportError as error:
        raise ExtraMissingError(
            what="perdure bench profile", extra="bench", cause=error
        ) from error
    found: dict[str, Any] = {}

    def sampled(name: str, run: Callable[[], object]) -> None:
        profiler = pyinstrument.Profiler(interval=INTERVAL_SECONDS, async_mode="disabled")
        profiler.start()
        try:
            run()
        finally:
            session, kind = profiler.stop(), kind_of(name)
            with guard:
                before = found.get(kind)
                found[kind] = session.combine(before, session) if before else session

    guard = threading.Lock()
    with _each_thread(sampled):
        sampled("main", work)
    with guard:
        ended = dict(found)  # a thread may end later than the work
    draw = pyinstrument.renderers.ConsoleRenderer(unicode=True, color=False)
    roots = {kind: merged([_frame(session.root_frame())])[0] for kind, session in ended.items()
             if session.root_frame() is not None}  # fmt: skip
    least = LEAST_SHARE * sum(map(busy, roots.values()))
    shown = sorted((kind for kind in roots if busy(roots[kind]) >= least),
                   key=lambda kind: -busy(roots[kind]))  # fmt: skip
    return [ThreadProfile(kind, draw.render(ended[kind]), roots[kind]) for kind in shown]


def _frame(frame: Any) -> Frame:
    children = tuple(_frame(child) for child in frame.children)
    return Frame(kind_of(str(frame.function)), float(frame.time), children)


def kind_of(thread: str) -> str:
    """A thread's name without its number; sessions of several have their names as frames."""
    return re.sub(r"[-_]\d+$", "", thread)


def merged(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Each function once with all its time, those that take the longest first."""
    groups: dict[str, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(frame.name, []).append(frame)
    whole = (
        Frame(
            name,
            sum(frame.seconds for frame in group),
            merged([child for frame in group for child in frame.children]),
        )
        for name, group in groups.items()
    )
    return tuple(sorted(whole, key=lambda frame: -frame.seconds))


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


WAITING = {"lock.acquire", "SimpleQueue.get", "epoll.poll", "select", "sleep"}
"""Functions in C that give up the interpreter's lock until something happens."""


def busy(frame: Frame) -> float:
    """The seconds of a tree that are not waits for a lock, a queue, a clock or a socket."""
    if frame.name in WAITING and not _calls(frame):
        return 0.0
    own = frame.seconds - sum(child.seconds for child in frame.children)
    return sum(busy(child) for child in frame.children) + max(0.0, own)


def _calls(frame: Frame) -> bool:
    return any(child.name != "[self]" for child in frame.children)


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
        if child.name != "[self]":
            yield from boxes(child, left, depth + 1)
        left += child.seconds


def flame_of(threads: Sequence[ThreadProfile]) -> str:
    """One HTML page: a flame graph for each thread, which tells times when pointed at."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        "<title>perdure bench profile</title>",
        "<style>body{font:13px system-ui,sans-serif;margin:1.5rem} svg{display:block}</style>",
        "<h1>perdure bench profile</h1><p>Grey: waits. Point at a box for its seconds.</p>",
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
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" '
        f'viewBox="0 0 {WIDTH:g} {height}">'
    ]
    for box in shown:
        wide, x, y = box.frame.seconds * scale, box.left * scale, box.depth * LINE
        name = escape(box.frame.name)
        fill = FILLS[sum(box.frame.name.encode()) % len(FILLS)]
        if not busy(box.frame):
            fill = WAITS
        label = name if wide > 6.6 * len(box.frame.name) + 4 else ""
        parts.append(
            f"<g><title>{name}: {box.frame.seconds:.3f} s</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{LINE - 1}" fill="{fill}"/>'
            f'<text x="{x + 3:.1f}" y="{y + 13}" font-size="11">{label}</text></g>'
        )
    return "".join([*parts, "</svg>"])
