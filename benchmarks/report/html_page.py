"""The report as one HTML page, which opens from a disk and asks nobody for anything."""

from __future__ import annotations

from html import escape

from perdure.benchmarks.report.bar_chart import svg_of
from perdure.benchmarks.report.curve_chart import curve_svg
from perdure.benchmarks.report.figures import Figure, Verdict
from perdure.benchmarks.report.report import Report
from perdure.benchmarks.report.table import bar_of, measured, spread_of, value_of
from perdure.benchmarks.workloads import WORKLOADS

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #111827; background: #fff;
       max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #e5e7eb }
p.note { color: #4b5563; margin: .3rem 0 }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: 14px }
th { text-align: left; color: #4b5563; font-weight: 600 }
td, th { padding: .25rem .6rem; border-bottom: 1px solid #f3f4f6; vertical-align: top }
td:first-child { min-width: 13rem } .turns, .beside { color: #6b7280 }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto } .curves { display: grid; gap: 1rem }
@media (min-width: 1000px) { .curves { grid-template-columns: 1fr 1fr } }
.aim, .pass { color: #15803d; font-weight: 600 } .fail { color: #b91c1c; font-weight: 600 }
.shown { color: #6b7280 } svg { max-width: 100%; height: auto }
"""
HEAD = (
    '<tr><th>what<th class="n">perdure<th class="n">beside<th class="n">ratio or value'
    '<th class="n">turns<th class="n">bar (aim)<th></tr>'
)
WORDS = {
    Verdict.AIM: "reached, and the aim",
    Verdict.PASS: "reached",
    Verdict.FAIL: "missed",
    Verdict.SHOWN: "",
}


def html_of(report: Report) -> str:
    """All that the report has: tables, curves, who took part, and what does not count."""
    machine = report.machine
    p50, p99 = machine.fsync_micros
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>perdure bench</title><style>{STYLE}</style></head><body>",
        "<h1>perdure bench</h1>",
        f'<p class="note">perdure {escape(machine.perdure)}, Python {escape(machine.python)}, '
        f"SQLite {escape(machine.sqlite)}, {escape(machine.system)}, {machine.cores} cores "
        f"({escape(machine.processor)}). fsync of 4 KiB: {p50:.0f} µs (p50), {p99:.0f} (p99). "
        f"The run took {report.seconds / 60:.0f} minutes.</p>",
    ]
    if report.scale < 1:
        parts.append('<p class="note"><b>Less than the whole work: a look, no result.</b></p>')
    parts += [_workload(report, number) for number in range(len(WORKLOADS))]
    if any(figure.bar for figure in report.figures):
        parts += ["<h2>Against the bars</h2>", svg_of(report)]
    parts += [_entrants(report), _missed(report), "</body></html>"]
    return "\n".join(part for part in parts if part) + "\n"


def _workload(report: Report, number: int) -> str:
    workload = WORKLOADS[number]
    figures = [figure for figure in report.figures if figure.workload == workload.name]
    tasks = {task.name for task in workload.tasks}
    curves = [curve_svg(curve) for curve in report.curves if curve.task in tasks]
    if not figures and not curves:
        return ""
    titles = ["", *(figure.title for figure in figures)]
    rows = "\n".join(
        _row(figure, is_first=figure.title != before)
        for figure, before in zip(figures, titles, strict=False)
    )
    table = _table(HEAD, rows) if figures else ""
    return (
        f"<h2>{workload.name}: {escape(workload.title)}</h2>"
        f'<p class="note">{escape(workload.does)}. Checked: {escape(workload.checks)}.</p>'
        f'{table}<div class="curves">{"".join(curves)}</div>'
    )


def _table(head: str, rows: str) -> str:
    """A table that is scrolled by itself where the window is narrow."""
    return f'<div class="wide"><table>{head}{rows}</table></div>'


def _row(figure: Figure, *, is_first: bool) -> str:
    """A line; its title is said once where a task is done by several systems."""
    beside = (
        f"{figure.against} {measured(figure.reference, figure.unit)}" if figure.against else ""
    )
    verdict = figure.verdict
    return (
        f"<tr><td>{escape(figure.title) if is_first else ''}"
        f'<td class="n">{escape(measured(figure.subject, figure.unit))}'
        f'<td class="n beside">{escape(beside)}<td class="n"><b>{escape(value_of(figure))}</b>'
        f'<td class="n turns">{escape(spread_of(figure))}'
        + f'<td class="n">{escape(bar_of(figure))}'
        + f'<td class="{verdict.value}">{WORDS[verdict]}</tr>'
    )


def _entrants(report: Report) -> str:
    if not report.entrants:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each.peer)}<td>{escape(each.version)}<td>{escape(each.durability)}"
        f"<td>{escape(each.client)}</tr>"
        for each in report.entrants
    )
    head = "<tr><th>system<th>version<th>what is durable<th>client</tr>"
    return f"<h2>Who took part</h2>{_table(head, rows)}"


def _missed(report: Report) -> str:
    if not report.missed:
        return ""
    rows = "".join(
        f"<tr><td>{escape(peer)}<td>{escape(', '.join(tasks))}<td>{escape(reason)}</tr>"
        for peer, reason, tasks in report.missed_by_reason()
    )
    head = "<tr><th>system<th>tasks<th>why</tr>"
    return f"<h2>What does not count, or was not there</h2>{_table(head, rows)}"
