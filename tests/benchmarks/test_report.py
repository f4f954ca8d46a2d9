"""A report as JSON, table and chart."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import attrs
import pytest
from rich.console import Console

from perdure.benchmarks.report.bar_chart import svg_of
from perdure.benchmarks.report.curve_chart import WIDTH, curve_svg
from perdure.benchmarks.report.docs_page import write_pages
from perdure.benchmarks.report.figures import Bar, Figure, Turn
from perdure.benchmarks.report.html_page import html_of
from perdure.benchmarks.report.micro import micro_table
from perdure.benchmarks.report.report import (
    Curve,
    Machine,
    Missed,
    Report,
    read_report,
    to_json,
)
from perdure.benchmarks.report.table import markdown_of, number, table_of
from perdure.errors import InvalidInputError

MACHINE = Machine(python="3.11.7", sqlite="3.40.1", system="Linux", cores=2, on_disk=True)


def report_of(*turns: Turn) -> Report:
    calls = Figure(
        name="calls",
        title="calls <at once>",
        against="pykka ask",
        unit="/s",
        bar=Bar(limit=0.35, aim=0.6),
        turns=turns,
        workload="W3",
    )
    call = Figure(
        name="import",
        title="import perdure",
        against="",
        unit="s",
        bar=Bar(limit=0.15, at_most=True),
        turns=(Turn(0.01),),
        workload="W7",
    )
    return Report(machine=MACHINE, scale=1.0, seconds=1.0, figures=(calls, call))


def lines_of(report: Report, earlier: Report | None = None) -> list[str]:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table_of(report, earlier))
    return capture.get().splitlines()


def line_with(lines: list[str], text: str) -> str:
    return next(line for line in lines if text in line)


def test_a_report_that_was_written_is_read_as_it_was(tmp_path: Path) -> None:
    report = report_of(Turn(80_000.0, 200_000.0))
    path = tmp_path / "bench.json"
    path.write_bytes(to_json(report))

    assert read_report(path) == report


def test_the_json_says_median_and_verdict() -> None:
    tree = json.loads(to_json(report_of(Turn(80_000.0, 200_000.0))))

    assert tree["figures"][0]["median"] == 0.4
    assert tree["figures"][0]["verdict"] == "pass"


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 1}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidInputError, match="is no report"):
        read_report(path)


def test_a_report_of_another_format_is_refused(tmp_path: Path) -> None:
    tree = json.loads(to_json(report_of(Turn(1.0, 2.0)))) | {"format": 9}
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(tree), encoding="utf-8")

    with pytest.raises(InvalidInputError, match="of format 9"):
        read_report(path)


def test_the_table_shows_value_bar_and_verdict() -> None:
    line = line_with(lines_of(report_of(Turn(80_000.0, 200_000.0))), "calls")

    for text in ("80,000/s", "pykka ask 200,000/s", "0.4 x", "≥ 0.35 (0.6)", "pass"):
        assert text in line


def test_the_table_shows_the_lowest_and_the_highest_turn() -> None:
    report = report_of(Turn(80.0, 200.0), Turn(60.0, 200.0), Turn(100.0, 200.0))

    assert "0.3 to 0.5" in line_with(lines_of(report), "calls")


def test_a_comparison_shows_the_earlier_value_and_the_change() -> None:
    now, before = report_of(Turn(80.0, 200.0)), report_of(Turn(100.0, 200.0))

    line = line_with(lines_of(now, before), "calls")

    assert "0.5 x" in line
    assert "-20 %" in line


def test_markdown_has_a_line_for_each_figure() -> None:
    lines = markdown_of(report_of(Turn(80.0, 200.0)).figures).splitlines()

    assert len(lines) == 4
    assert "| 0.4 x |  | ≥ 0.35 (0.6) | pass |" in lines[2]


def test_the_chart_is_well_formed_and_escaped() -> None:
    root = ET.fromstring(svg_of(report_of(Turn(80.0, 200.0))))

    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "calls <at once>" in texts
    assert "0.4 x (≥ 0.35)" in texts


def test_figures_below_their_bar_are_named() -> None:
    assert [figure.name for figure in report_of(Turn(1.0, 10.0)).failed] == ["calls"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(169_538.9, "170,000"), (517.7, "518"), (0.28123, "0.281"), (5.754, "5.75"), (0, "0")],
)
def test_three_digits_of_a_number_are_shown(value: float, text: str) -> None:
    assert number(value) == text


ROOT = Path(__file__).parents[2]
CURVE = Curve(
    task="w9-growth",
    name="w9-growth-speed",
    title="growth",
    across="events",
    up="calls",
    is_log=True,
    lines={"perdure calls": ((1e4, 900.0), (1e6, 850.0))},
)


def whole_report() -> Report:
    missed = Missed(peer="restate", task="w9-growth", reason="has no hold")
    return attrs.evolve(report_of(Turn(80.0, 200.0)), curves=(CURVE,), missed=(missed,))


def test_curves_and_what_was_missed_are_read_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_bytes(to_json(whole_report()))

    assert read_report(path) == whole_report()


def test_a_curve_is_well_formed_and_within_its_picture() -> None:
    root = ET.fromstring(curve_svg(CURVE))

    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == 2
    assert all(0 <= float(each.attrib["cx"]) <= WIDTH for each in circles)
    assert float(circles[0].attrib["cy"]) < float(circles[1].attrib["cy"])


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = html_of(whole_report())

    assert "calls &lt;at once&gt;" in page
    assert "has no hold" in page
    assert "<script" not in page
    assert "src=" not in page


def test_the_docs_are_made_of_a_report(tmp_path: Path) -> None:
    written = write_pages(whole_report(), tmp_path / "benchmarks.md")

    page = written[0].read_text("utf-8")
    assert [path.name for path in written] == ["benchmarks.md", "w9-growth-speed.svg"]
    assert "| 0.4 x |  | ≥ 0.35 (0.6) | pass |" in page
    assert "![growth](pictures/w9-growth-speed.svg)" in page


def test_the_docs_tell_the_ratios_of_the_hot_path(tmp_path: Path) -> None:
    page = write_pages(whole_report(), tmp_path / "benchmarks.md")[0].read_text("utf-8")
    baseline = json.loads((ROOT / "benchmarks/micro/baseline.json").read_text("utf-8"))

    line = line_with(page.splitlines(), "| append |")
    assert f"{baseline['test_append']:.3g}" in line
    assert micro_table(tmp_path) == ""


def test_what_was_missed_is_told_once_for_each_reason() -> None:
    first = Missed(peer="restate", task="w10-recovery", reason="has no hold")
    report = whole_report()

    told = attrs.evolve(report, missed=(first, *report.missed)).missed_by_reason()

    assert told == [("restate", "has no hold", ["w10-recovery", "w9-growth"])]


def test_a_figure_that_is_worse_by_more_than_the_threshold_is_a_regression() -> None:
    before, now = report_of(Turn(100.0, 200.0)), report_of(Turn(70.0, 200.0))

    assert [figure.name for figure in now.regressions(before, 25)] == ["calls"]
    assert now.regressions(before, 60) == ()
    assert before.regressions(now, 0) == ()
