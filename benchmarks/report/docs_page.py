"""The page of results in the docs, made of a run's JSON: its tables and its pictures."""

from __future__ import annotations

from pathlib import Path

from perdure.benchmarks.report.curve_chart import curve_svg
from perdure.benchmarks.report.figures import Figure, Verdict
from perdure.benchmarks.report.micro import micro_table
from perdure.benchmarks.report.report import Report
from perdure.benchmarks.report.table import markdown_of
from perdure.benchmarks.workloads import WORKLOADS

PICTURES = "pictures"


def write_pages(report: Report, page: Path) -> list[Path]:
    """Write the page and, in a folder beside it, its pictures; all files that were written."""
    folder = page.parent / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    written = [page]
    page.write_text(page_of(report), encoding="utf-8")
    for curve in report.curves:
        picture = folder / f"{curve.name}.svg"
        picture.write_text(curve_svg(curve), encoding="utf-8")
        written.append(picture)
    return written


def page_of(report: Report) -> str:
    """The page as Markdown."""
    judged = [figure for figure in report.figures if figure.bar is not None]
    reached = [figure for figure in judged if figure.verdict is not Verdict.FAIL]
    missed = "; ".join(_short(figure) for figure in report.failed)
    parts = [
        "# Benchmarks: the results of one run",
        "This page is made by `perdure bench docs run.json`; "
        "[how to measure](../how-to/benchmark.md) tells how to get another, and "
        "[what bounds us](../why/what-bounds-us.md) why the figures are as they are.",
        _machine(report),
        f"Of {len(judged)} bars {len(reached)} were reached."
        + (f" Not reached: {missed}." if missed else ""),
        "A ratio compares two figures of the same round, and is the median over the rounds; "
        "*turns* are its lowest and its highest. With `/s` more is better, else less.",
    ]
    for workload in WORKLOADS:
        figures = [figure for figure in report.figures if figure.workload == workload.name]
        tasks = {task.name for task in workload.tasks}
        curves = [curve for curve in report.curves if curve.task in tasks]
        if figures or curves:
            parts.append(f"## {workload.name}: {workload.title}")
            parts.append(f"{_sentence(workload.does)} Checked: {workload.checks}.")
        if figures:
            parts.append(markdown_of(figures).rstrip())
        parts += [f"![{curve.title}]({PICTURES}/{curve.name}.svg)" for curve in curves]
    return "\n\n".join([*parts, *_peers(report), *_micro(), _REPRODUCE]) + "\n"


def _short(figure: Figure) -> str:
    return f"`{figure.name}` ({figure.value:.3g} instead of {figure.bar})"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _machine(report: Report) -> str:
    machine = report.machine
    p50, p99 = machine.fsync_micros
    look = "" if report.scale >= 1 else " **A tenth of the work: a look, no result.**"
    return (
        f"perdure {machine.perdure}, Python {machine.python}, SQLite {machine.sqlite}, "
        f"{machine.system}, {machine.cores} cores ({machine.processor}). "
        f"An fsync of 4 KiB takes {p50:.0f} µs (p99: {p99:.0f} µs) on its disk. "
        f"The run took {report.seconds / 60:.0f} minutes.{look}"
    )


def _micro() -> list[str]:
    """The pieces of the hot path; nothing where they are not at hand."""
    table = micro_table()
    if not table:
        return []
    return [
        "## The hot path in pieces",
        "`pytest benchmarks/micro --benchmark-only` measures each piece, and fails when one "
        "takes over 1.6 times as long as this committed ratio to a loop that calibrates the "
        "machine; `--write-baseline` keeps new ones.",
        table,
    ]


def _peers(report: Report) -> list[str]:
    if not report.entrants:
        return []
    parts = ["## What each system guarantees, and how it was asked"]
    lines = ["| system | version | durable | client |", "|---|---|---|---|"]
    lines += [
        f"| {each.peer} | {each.version} | {each.durability} | {each.client} |"
        for each in report.entrants
    ]
    parts.append("\n".join(lines))
    if report.missed:
        parts.append("What does not count, or was not there:")
        lines = ["| system | tasks | why |", "|---|---|---|"]
        lines += [
            f"| {peer} | {', '.join(tasks)} | {reason.replace('|', '/')} |"
            for peer, reason, tasks in report.missed_by_reason()
        ]
        parts.append("\n".join(lines))
    return parts


_REPRODUCE = """## How to reproduce

```sh
perdure bench --peers all --full --json run.json --html run.html
perdure bench docs run.json
```"""
