"""``perdure bench`` and the runner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from perdure.benchmarks.command import bench
from perdure.benchmarks.rows import ROWS, Row
from perdure.benchmarks.runner import Options, run
from perdure.errors import InvalidInputError


def test_a_run_takes_turns_in_rounds(tmp_path: Path) -> None:
    seen: list[str] = []

    def step(row: Row, done: int, total: int) -> None:
        assert (done, total) == (len(seen), 4)
        seen.append(row.name)

    options = Options(only=("calls", "call"), repeat=2, folder=tmp_path, scale=0.002)
    report = run(options, step)

    assert seen == ["calls", "call", "calls", "call"]
    assert [len(figure.turns) for figure in report.figures] == [2, 2]


def test_an_unknown_row_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"no benchmark nothing; there are: signals, "):
        run(Options(only=("nothing",)))


def test_all_rows_run_unless_some_are_named() -> None:
    assert list(Options().rows()) == list(ROWS)


def test_the_command_writes_json_and_chart_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--only", "import", "--quick", "--json", "a.json", "--svg", "a.svg"]
    first = CliRunner().invoke(bench, arguments)
    second = CliRunner().invoke(bench, ["--only", "import", "--quick", "--compare", "a.json"])

    assert first.exit_code == 0, first.output
    assert json.loads(Path("a.json").read_text("utf-8"))["figures"][0]["name"] == "import"
    assert Path("a.svg").read_text("utf-8").startswith("<svg")
    assert second.exit_code == 0, second.output
    assert "earlier" in second.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.svg"]


def test_the_command_names_what_it_does_not_know() -> None:
    result = CliRunner().invoke(bench, ["--only", "nothing"])

    assert result.exit_code == 1
    assert "no benchmark nothing" in result.output
