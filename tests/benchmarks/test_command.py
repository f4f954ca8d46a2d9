"""``perdure bench`` and the runner."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from perdure.benchmarks.bars import BARS
from perdure.benchmarks.command import bench
from perdure.benchmarks.peers.catalog import PEERS
from perdure.benchmarks.report.report import Report, read_report, to_json
from perdure.benchmarks.runner import Moment, Options, run
from perdure.benchmarks.workloads import ROWS, TASKS
from perdure.errors import InvalidInputError


def test_a_run_takes_turns_in_rounds(tmp_path: Path) -> None:
    seen: list[str] = []

    def step(moment: Moment) -> None:
        assert (moment.done, moment.total) == (len(seen), 4)
        assert moment.seconds_left > 0
        seen.append(moment.name)

    options = Options(only=("calls", "call"), repeat=2, folder=tmp_path, scale=0.002)
    report = run(options, step)

    assert seen == ["calls", "call", "calls", "call"]
    assert [len(figure.turns) for figure in report.figures] == [2, 2]


def test_an_unknown_row_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"no benchmark nothing; there are: W1, "):
        run(Options(only=("nothing",)))


def test_all_rows_run_unless_some_are_named() -> None:
    assert list(Options().rows()) == list(ROWS)


COMPARE = ["--compare", "a.json", "--threshold", "100000"]


def test_the_command_writes_json_and_chart_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--only", "import", "--quick", "--json", "a.json", "--svg", "a.svg"]
    first = CliRunner().invoke(bench, arguments)
    second = CliRunner().invoke(bench, ["--only", "import", "--quick", *COMPARE])

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


def names_of(options: Options) -> list[str]:
    return [
        each for work in options.workloads() for each in (*(r.name for r in work.rows),
                                                          *(t.name for t in work.tasks))
    ]  # fmt: skip


def test_a_workload_is_chosen_by_its_name_with_its_rows() -> None:
    assert names_of(Options(only=("w2",))) == ["fan-out"]


def test_tasks_join_when_other_systems_do() -> None:
    assert names_of(Options(only=("W2",), peers=("restate",))) == ["fan-out", "w2-fan-out"]
    assert names_of(Options(only=("w2-fan-out",))) == ["w2-fan-out"]
    assert names_of(Options(only=("W9",))) == ["w9-growth", "w9-instances"]


def test_the_bar_of_a_figure_that_nobody_measures_is_a_mistake() -> None:
    known = {row.name for row in ROWS} | {"tracing"} | {task.name for task in TASKS}
    more = {f"{task.name}-{key}" for task in TASKS for key in task.more}
    peers = {peer.name for peer in PEERS}

    for name in BARS:
        task, _, peer = name.partition("/")
        assert task in known | more
        assert not peer or peer in peers


def test_peers_are_measured_beside_perdure_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [
        "w3-call",
        "--quick",
        "--peers",
        "sqlite",
        "--html",
        "a.html",
        "--json",
        "a.json",
    ]
    result = CliRunner().invoke(bench, arguments)

    assert result.exit_code == 0, result.output
    page = Path("a.html").read_text("utf-8")
    assert "synchronous = FULL" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    figures = json.loads(Path("a.json").read_text("utf-8"))["figures"]
    assert [figure["name"] for figure in figures] == ["w3-call/sqlite"]


def test_the_list_names_all_workloads() -> None:
    lines = CliRunner().invoke(bench, ["list"]).output.splitlines()

    assert [line.split()[0] for line in lines if line.startswith("W")] == [
        f"W{number}" for number in range(1, 13)
    ]


def test_a_profile_has_threads_and_a_flame_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(bench, ["profile", "calls", "--quick"])

    assert result.exit_code == 0, result.output
    assert "----" in result.output  # which threads did enough to be shown, chance says
    assert "<svg" in Path("profile.html").read_text("utf-8")


def test_the_report_is_written_after_each_workload_and_a_run_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept: list[tuple[str, ...]] = []
    options = Options(only=("signals", "import"), folder=tmp_path, scale=0.002, repeat=1)

    def interrupted(report: Report) -> None:
        kept.append(report.finished)
        Path("a.json").write_bytes(to_json(report))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(options, keep=interrupted)
    seen: list[str] = []
    report = run(
        options, lambda moment: seen.append(moment.name), earlier=read_report(Path("a.json"))
    )

    assert kept == [("W3",)]
    assert seen == ["import"]
    assert [figure.name for figure in report.figures] == ["signals", "import"]
    assert report.finished == ("W3", "W7")
    assert set(report.step_seconds) == {"signals", "import"}


def test_a_run_of_another_scale_is_not_resumed(tmp_path: Path) -> None:
    options = Options(only=("import",), folder=tmp_path, scale=0.002, repeat=1)
    report = run(options)

    with pytest.raises(InvalidInputError, match="scale"):
        run(attrs.evolve(options, scale=0.004), earlier=report)


def test_a_run_is_resumed_from_a_file_that_is_named() -> None:
    result = CliRunner().invoke(bench, ["import", "--quick", "--resume"])

    assert result.exit_code == 1
    assert "--json" in result.output
