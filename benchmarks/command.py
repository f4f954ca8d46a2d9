"""``perdure bench``: the benchmarks as a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from perdure.benchmarks.bench import MismatchError, is_in_memory
from perdure.benchmarks.chart import svg_of
from perdure.benchmarks.report import Report, read_report, to_json
from perdure.benchmarks.rows import Row
from perdure.benchmarks.runner import Options, run
from perdure.benchmarks.table import table_of
from perdure.errors import InvalidInputError

OUT = click.Path(dir_okay=False, path_type=Path)
WIDE = 120
"""Columns of a terminal that shows what the ratios are made of."""
IN = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("bench")
@click.option("--only", multiple=True, metavar="NAME", help="Only this row; may be repeated.")
@click.option("--repeat", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--quick", is_flag=True, help="A tenth of everything, one turn: a look.")
@click.option("--full", is_flag=True, help="Also a million passive entities (minutes).")
@click.option("--json", "json_file", type=OUT, help="Write the report there.")
@click.option("--compare", type=IN, help="Show an earlier report's values beside these.")
@click.option("--svg", "svg_file", type=OUT, help="Draw a chart there.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a figure misses its bar.")
def bench(
    only: tuple[str, ...],
    repeat: int,
    quick: bool,
    full: bool,
    json_file: Path | None,
    compare: Path | None,
    svg_file: Path | None,
    strict: bool,
) -> None:
    """Measure perdure on this machine's disk, against pykka and SQLite alone.

    Stores are made in a folder in the current one, and removed.
    """
    options = Options(only=only, repeat=repeat, quick=quick, full=full)
    try:
        earlier = read_report(compare) if compare else None
        report = _run(options)
    except (InvalidInputError, MismatchError) as error:
        raise click.ClickException(str(error)) from error
    console = Console()
    console.print(table_of(report, earlier, narrow=console.width < WIDE))
    if report.scale < 1:
        console.print("a tenth of the work, one turn: a look, not a result", style="yellow")
    if json_file:
        json_file.write_bytes(to_json(report))
    if svg_file:
        svg_file.write_text(svg_of(report), encoding="utf-8")
    if strict and report.failed:
        raise SystemExit(1)


def _run(options: Options) -> Report:
    console = Console(stderr=True)
    if is_in_memory(options.folder):
        console.print(
            f"{options.folder} is in memory, so no disk is measured: start in another folder",
            style="yellow",
        )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        def step(row: Row, done: int, total: int) -> None:
            progress.update(task, description=row.name, completed=done, total=total)

        return run(options, step)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with *arguments*, or with those of the process."""
    bench.main(arguments, prog_name="perdure bench")
