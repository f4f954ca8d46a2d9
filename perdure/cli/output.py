"""What commands print: tables and colour on a terminal, tabs in a pipe, JSON for scripts."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.json import JSON
from rich.table import Table
from rich.text import Text

from perdure.actors.context import to_datetime
from perdure.cli.commands import printable

WIDE_LEAST = 20
"""The width that the column which is folded has at least, if it is not empty."""

_encode = msgspec.json.Encoder().encode


def is_terminal() -> bool:
    """Whether a person reads the output."""
    return sys.stdout.isatty()


def terminal() -> Console:
    """The terminal, or what stands in for it."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not is_terminal())


def print_json(value: Any) -> None:
    """Print one value as a line of JSON."""
    click.echo(_encode(value))


def print_value(data: bytes) -> None:
    """Print a JSON value for people: indented, and in colour on a terminal."""
    text = msgspec.json.format(data, indent=2).decode()
    if is_terminal():
        terminal().print(JSON("\n".join(map(printable, text.splitlines()))))
    else:
        click.echo(text)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, wide: int = -1
) -> None:
    """Print rows, the first column highlighted; in a pipe as lines with tabs, unheaded.

    On a terminal only the column *wide* is folded, so that ids can be read and copied; where
    even that is too narrow, each row takes several lines.
    """
    if not is_terminal():
        for row in rows:
            click.echo("\t".join(_one_line(cell) for cell in row))
        return
    lines = [[_one_line(cell) for cell in row] for row in rows]
    if not lines:
        return
    columns = list(zip(headings, *lines, strict=True))
    folded = columns[wide]
    columns = [column for column in columns if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    needed = [
        min(w, WIDE_LEAST) if c is folded else w for w, c in zip(widths, columns, strict=True)
    ]
    if sum(needed) + 2 * (len(needed) - 1) > terminal().width:
        _print_stacked(headings, lines)
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        style = "bold" if place == 0 else ""
        table.add_column(column[0], style=style, overflow="fold", no_wrap=column is not folded)
    for cells in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    terminal().print(table)


def _print_stacked(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    for first, *others in lines:
        terminal().print(Text(first, "bold"), soft_wrap=True)
        for heading, cell in zip(headings[1:], others, strict=True):
            if cell:
                terminal().print(Text.assemble((f"  {heading} ", "dim"), cell), soft_wrap=True)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names with their values, one a line."""
    facts = [(name, value) for name, value in facts if value is not None]
    if not is_terminal():
        for name, value in facts:
            click.echo(f"{name}\t{_one_line(value)}")
        return
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        terminal().print(Text.assemble((name.ljust(width + 2), "dim"), _one_line(value)))


def say(message: str, *, good: bool | None = None) -> None:
    """Tell a person what happened, on stderr: scripts read stdout."""
    colour = {None: None, True: "green", False: "yellow"}[good]
    click.secho(message, fg=colour, err=True)


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 turn``, ``2 turns``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


@contextmanager
def working(what: str) -> Generator[None, None, None]:
    """Show on a terminal that something is being done, while it is."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(what):
        yield


def moment(micros: int) -> str:
    """A stored time as people read it."""
    return clock(to_datetime(micros))


def clock(time: datetime) -> str:
    """A time in UTC, to the millisecond; on a terminal, where room is short, to the second."""
    timespec = "seconds" if is_terminal() else "milliseconds"
    return time.astimezone(UTC).isoformat(sep=" ", timespec=timespec)[:-6] + "Z"


def compact(value: Any, limit: int | None = None) -> str:
    """A plain value as JSON in one line, cut to *limit* characters."""
    text = _encode(value).decode()
    if limit is not None and len(text) > limit:
        return text[: limit - 1] + "…"
    return text


def _one_line(cell: object) -> str:
    return "" if cell is None else printable(str(cell))
