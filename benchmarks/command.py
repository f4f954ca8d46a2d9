"""``perdure bench``: the benchmarks as a command."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from perdure.benchmarks.bench import Bench, MismatchError, is_in_memory
from perdure.benchmarks.profiling import flame_of, profile
from perdure.benchmarks.report.bar_chart import svg_of
from perdure.benchmarks.report.docs_page import write_pages
from perdure.benchmarks.report.html_page import html_of
from perdure.benchmarks.report.report import Report, read_report, to_json
from perdure.benchmarks.report.table import table_of
from perdure.benchmarks.runner import QUICK_SCALE, Moment, Options, run
from perdure.benchmarks.workloads import WORKLOADS
from perdure.errors import InvalidInputError

OUT = click.Path(dir_okay=False, path_type=Path)
WIDE = 120
"""Columns of a terminal that shows what the ratios are made of."""
IN = click.Path(exists=True, dir_okay=False, path_type=Path)
THRESHOLD_PERCENT = 25.0
PAGE = Path("docs/reference/benchmarks.md")


class Commands(click.Group):
    """``bench [NAME]...`` measures; a first word that is a command's name is that command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of what is no command."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of perdure becomes one line."""
        try:
            return super().invoke(ctx)
        except (InvalidInputError, MismatchError) as error:
            raise click.ClickException(str(error)) from error


@click.group("bench", cls=Commands, invoke_without_command=True)
def bench() -> None:
    """Measure perdure on this machine's disk, against pykka, SQLite and other systems.

    `bench [NAME]...` measures all, or the workloads (W1 to W12), rows and tasks that are named;
    `bench run --help` lists its options.
    """


@bench.command("run")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--only", multiple=True, metavar="NAME", help="The same as a name; may be repeated."
)
@click.option(
    "--peers",
    is_flag=False,
    flag_value="all",
    default="",
    metavar="NAMES",
    help="Other systems, with commas between them, or all; installed at their first use.",
)
@click.option("--repeat", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--quick", is_flag=True, help="A tenth of everything, one turn: a look.")
@click.option("--full", is_flag=True, help="Also 1 M entities, 10 M events (much longer).")
@click.option(
    "--json", "json_file", type=OUT, help="Write the report there, after each workload."
)
@click.option(
    "--resume", is_flag=True, help="Leave out the workloads that the JSON file already has."
)
@click.option("--html", "html_file", type=OUT, help="Write it as a page there.")
@click.option("--svg", "svg_file", type=OUT, help="Draw a chart there.")
@click.option("--compare", type=IN, help="Show an earlier report's values; 1 when worse.")
@click.option(
    "--threshold",
    default=THRESHOLD_PERCENT,
    show_default=True,
    help="Percent that a figure may be worse than the earlier one.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 when a figure misses its bar.")
def measure(
    names: tuple[str, ...],
    only: tuple[str, ...],
    peers: str,
    repeat: int,
    quick: bool,
    full: bool,
    json_file: Path | None,
    resume: bool,
    html_file: Path | None,
    svg_file: Path | None,
    compare: Path | None,
    threshold: float,
    strict: bool,
) -> None:
    """Measure all, or the workloads (W1 to W12), rows and tasks that are named.

    Stores are made in a folder in the current one, and removed.
    """
    options = Options(
        only=(*names, *only),
        peers=tuple(peers.split(",")) if peers else (),
        repeat=repeat,
        quick=quick,
        full=full,
    )
    earlier = read_report(compare) if compare else None
    report = _run(options, json_file, _begun(json_file) if resume else None)
    if html_file:
        html_file.write_text(html_of(report), encoding="utf-8")
    if svg_file:
        svg_file.write_text(svg_of(report), encoding="utf-8")
    worse = report.regressions(earlier, threshold) if earlier else ()
    _show(report, earlier)
    for figure in worse:
        click.echo(f"worse by more than {threshold:g} %: {figure.name}", err=True)
    if worse or (strict and report.failed):
        raise SystemExit(1)


def _show(report: Report, earlier: Report | None) -> None:
    console = Console()
    console.print(table_of(report, earlier, narrow=console.width < WIDE))
    for peer, reason, tasks in report.missed_by_reason():
        console.print(f"{peer}, {', '.join(tasks)}: {reason}", style="dim", markup=False)
    if report.scale < 1:
        console.print("a tenth of the work, one turn: a look, not a result", style="yellow")


def _begun(json_file: Path | None) -> Report | None:
    """The run to go on with; none when it has not finished a workload yet."""
    if json_file is None:
        msg = "--resume goes on with the run whose report is in --json; name its file"
        raise InvalidInputError(msg)
    return read_report(json_file) if json_file.exists() else None


def _keep(report: Report, json_file: Path) -> None:
    """Write the report so far; the file is always a whole one."""
    unfinished = json_file.with_name(json_file.name + ".part")
    unfinished.write_bytes(to_json(report))
    unfinished.replace(json_file)


class TimeLeft(ProgressColumn):
    """What the run's own pace says, counted down while a step is under way."""

    def render(self, task: Task) -> Text:
        """Minutes and seconds."""
        end = task.fields.get("end_seconds")
        if end is None:
            return Text("")
        left = max(0, round(end - time.monotonic()))
        return Text(f"{left // 60}:{left % 60:02} left", style="cyan")


def _run(options: Options, json_file: Path | None, earlier: Report | None) -> Report:
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
        TimeLeft(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        def step(moment: Moment) -> None:
            progress.update(
                task,
                description=moment.name,
                completed=moment.done,
                total=moment.total,
                end_seconds=time.monotonic() + moment.seconds_left,
            )

        def keep(report: Report) -> None:
            if json_file is not None:
                _keep(report, json_file)

        return run(options, step, keep=keep, earlier=earlier)


@bench.command("list")
def listed() -> None:
    """List workloads, their rows and their tasks."""
    for workload in WORKLOADS:
        click.echo(f"{workload.name}  {workload.title}")
        for row in workload.rows:
            click.echo(f"    {row.name}: {row.title}")
        for task in workload.tasks:
            click.echo(f"    {task.name}: {task.title}")


@bench.command("profile")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--html", "html_file", type=OUT, default=Path("profile.html"), show_default=True)
@click.option("--quick", is_flag=True, help="A tenth of the work.")
@click.option("--open", "opened", is_flag=True, help="Open the flame graphs in a browser.")
def profiled(names: tuple[str, ...], html_file: Path, quick: bool, opened: bool) -> None:
    """Tell where the time of rows goes: a tree and a flame graph of each thread."""
    options = Options(only=names)
    rows = options.rows()
    if not rows:
        msg = f"{', '.join(names)} has no rows; perdure bench list shows which have"
        raise InvalidInputError(msg)
    scale = QUICK_SCALE if quick else 1.0
    with Bench.beside(options.folder, scale=scale, full=False) as place:
        threads = profile(lambda: [row.measure(place) for row in rows])
    for thread in reversed(threads):
        click.echo(f"---- {thread.name}\n{thread.text}")
    html_file.write_text(flame_of(threads), encoding="utf-8")
    click.echo(f"flame graphs: {html_file}")
    if opened:
        webbrowser.open(html_file.resolve().as_uri())


@bench.command("docs")
@click.argument("run_file", type=IN, metavar="RUN.json")
@click.option("--page", type=OUT, default=PAGE, show_default=True)
def documented(run_file: Path, page: Path) -> None:
    """Write the documentation's page of results, and its pictures, from a report."""
    for path in write_pages(read_report(run_file), page):
        click.echo(str(path))


@bench.command("html")
@click.argument("run_file", type=IN, metavar="RUN.json")
@click.argument("html_file", type=OUT, metavar="OUT.html")
def paged(run_file: Path, html_file: Path) -> None:
    """Write the page of an earlier report."""
    html_file.write_text(html_of(read_report(run_file)), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with *arguments*, or with those of the process."""
    bench.main(arguments, prog_name="perdure bench")
