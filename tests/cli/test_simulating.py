"""``perdure simulate``: scenarios, seeds, and what is told of a failure."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from perdure.cli.commands import perdure

GOOD = "tests.simulation.ledgers:ledgers"
WRONG = "tests.simulation.forgetful:forgetful"


def run(*words: str) -> Result:
    return CliRunner().invoke(perdure, ["simulate", *words])


def test_a_scenario_that_holds_says_so() -> None:
    result = run(GOOD, "--seeds", "3", "--processes", "1")

    assert result.exit_code == 0
    assert "3 seeds, 3," in result.stderr
    assert result.stderr.rstrip().endswith("all held")
    assert result.stdout == ""


def test_a_failure_is_told_in_one_line_that_shows_it_again() -> None:
    result = run(WRONG, "--seeds", "4", "--processes", "1")
    again = result.stdout.splitlines()[2]

    assert result.exit_code == 1
    assert again.startswith(f"perdure simulate {WRONG} --first-seed ")
    shown = run(*again.split()[2:], "--no-shrink")
    assert shown.exit_code == 1
    assert again in shown.stdout.splitlines()


def test_json_tells_of_each_failure_and_of_all() -> None:
    result = run(WRONG, "--seeds", "2", "--processes", "1", "--json")

    *failed, total = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 1
    assert total["seeds"] == 2
    assert total["failed"] == len(failed) > 0
    assert {"seed", "steps", "faults", "digest", "error", "again"} <= set(failed[0])


def test_without_faults_nothing_fails() -> None:
    result = run(WRONG, "--seeds", "3", "--processes", "1", "--faults", "none")

    assert result.exit_code == 0


def test_several_processes_run_the_same_seeds() -> None:
    result = run(GOOD, "--seeds", "52", "--steps", "50", "--processes", "2", "--json")

    assert json.loads(result.stdout)["seeds"] == 52


def test_what_is_no_scenario_is_refused_and_a_near_one_named() -> None:
    result = run("tests.simulation.ledgers:check")

    assert result.exit_code == 1
    assert "'tests.simulation.ledgers:check' is no scenario" in result.stderr
    assert "tests.simulation.ledgers:ledgers" in result.stderr
