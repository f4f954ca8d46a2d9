"""The report as one HTML page, which opens from a disk and asks nobody for anything."""

from __future__ import annotations

from html import escape

from perdure.benchmarks.report.bar_chart import svg_of
from perdure.benchmarks.report.curve_chart import curve_svg
from perdure.benchmarks.report.figures import Figure, Verdict
from perdure.benchmarks.report.report import Missed, Report
from perdure.benchmarks.report.table import bar_of, measured, spread_of, value_of
from perdure.benchmarks.workloads import WORKLOADS

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #111827; background: #fff;
       max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #e5e7eb }
p.note { color: #4b5563; margin: .3rem 0 }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; font-size: 14px }
th { text-align: left; color: #4b5563; font-weight: 600 }
td, th { padding: .25rem .6rem; border-bottom: 1px solid #f3f4f6; vertical-align: top }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.aim, .pass { color: #15803d; font-weight: 600 } .fail { color: #b91c1c; font-weight: 600 }
.shown { color: #6b7280 } svg { max-width: 100%; height: auto }
"""
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
    parts += [_entrants(report), _missed(report.missed), "</body></html>"]
    return "\n".join(part for part in parts if part) + "\n"


def _workload(report: Report, number: int) -> str:
    workload = WORKLOADS[number]
    figures = [figure for figure in report.figures if figure.workload == workload.name]
    tasks = {task.name for task in workload.tasks}
    curves = [curve_svg(curve) for curve in report.curves if curve.task in tasks]
    if not figures and not curves:
        return ""
    head = "<tr><th>what<th>perdure<th>beside<th>ratio or value<th>turns<th>bar (aim)<th></tr>"
    rows = "\n".join(_row(figure) for figure in figures)
    table = f"<table>{head}{rows}</table>" if figures else ""
    return (
        f"<h2>{workload.name}: {escape(workload.title)}</h2>"
        f'<p class="note">{escape(workload.does)}. Checked: {escape(workload.checks)}.</p>'
        f"{table}{''.join(curves)}"
    )


def _row(figure: Figure) -> str:
    beside = (
        f"{figure.against} {measured(figure.reference, figure.unit)}" if figure.against else ""
    )
    cells = (measured(figure.subject, figure.unit), beside, value_of(figure), spread_of(figure))
    verdict = figure.verdict
    return (
        f"<tr><td>{escape(figure.title)}"
        + "".join(f'<td class="n">{escape(cell)}' for cell in cells)
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
    return f"<h2>Who took part</h2><table>{head}{rows}</table>"


def _missed(missed: tuple[Missed, ...]) -> str:
    if not missed:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each.peer)}<td>{escape(each.task)}<td>{escape(each.reason)}</tr>"
        for each in missed
    )
    head = "<tr><th>system<th>task<th>why</tr>"
    return f"<h2>What does not count, or was not there</h2><table>{head}{rows}</table>"
