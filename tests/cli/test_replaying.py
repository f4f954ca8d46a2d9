"""``perdure replay`` and ``perdure debug``: what would stall is found, and looked into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from perdure.cli.commands import perdure
from tests.cli.changing import app
from tests.cli.conftest import Shell

BEFORE, AFTER = "tests.cli.changing:app", "tests.cli.changing:changed"


@pytest.fixture
def replaying(tmp_path: Path) -> Shell:
    """A shell on a store with two orders that have ended; one is exported beside it."""
    store = tmp_path / "orders.db"
    with app.open(store) as client:
        for item in ("tea", "pot"):
            client.start("order", item, instance_id=item).result(10)
        exported = client.orchestration("tea").export_history()
    (tmp_path / "tea.json").write_bytes(exported)
    return Shell(str(store))


def test_code_that_fits_is_said_to_fit(replaying: Shell) -> None:
    result = replaying.run("replay", BEFORE)

    assert (result.exit_code, result.stderr) == (0, "2 histories replayed: the code fits\n")


def test_what_does_not_fit_is_shown_side_by_side_and_is_exit_code_5(replaying: Shell) -> None:
    result = replaying.run("replay", AFTER)

    assert result.exit_code == 5
    assert "tea (order, Completed)" in result.stdout
    assert ">\t1\tTaskScheduled pack (task 1)\tTaskScheduled post (task 1)" in result.stdout
    assert "changing.py:" in result.stdout
    assert result.stderr == "the code does not fit 2 of 2 histories\n"


def test_scripts_are_told_each_history(replaying: Shell) -> None:
    result = replaying.run("replay", AFTER, "--json")

    first, second = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 5
    assert (first["instance_id"], second["instance_id"]) == ("pot", "tea")
    assert (first["fits"], first["events"]) == (False, 6)
    assert first["recorded"][0] == "TaskScheduled pack (task 1)"
    assert first["asked"][0] == "TaskScheduled post (task 1)"


def test_exported_histories_are_replayed_without_a_store(replaying: Shell) -> None:
    folder = Path(replaying.store).parent
    nowhere = Shell("")

    assert nowhere.run("replay", BEFORE, str(folder / "tea.json")).exit_code == 0
    assert nowhere.run("replay", AFTER, str(folder / "tea.json")).exit_code == 5
    assert nowhere.run("replay", BEFORE, str(folder)).stderr.startswith("1 history replayed")


def test_nothing_to_replay_is_bad_use(replaying: Shell, tmp_path: Path) -> None:
    assert "say what to replay" in Shell("").run("replay", BEFORE).stderr
    (tmp_path / "x.json").write_text("[]")
    result = replaying.run("replay", BEFORE, str(tmp_path / "x.json"))
    assert (result.exit_code, "neither a store nor" in result.stderr) == (1, True)


def debugged(store: str, app: str, instance_id: str, keys: str) -> Result:
    runner = CliRunner(env={"PERDURE_STORE": store, "PERDURE_APP": app})
    return runner.invoke(perdure, ["debug", instance_id], input=keys)


def test_a_history_is_debugged_event_by_event(replaying: Shell) -> None:
    result = debugged(replaying.store, BEFORE, "tea", "p item\nc\nn\n")

    assert result.exit_code == 0
    told = [line.split("Z  ")[1] for line in result.output.splitlines() if "* 20" in line]
    assert told == [
        'ExecutionStarted order: "tea"',
        'TaskCompleted (task 1): "packed tea"',
        'TaskCompleted (task 2): "posted tea"',
    ]
    assert "-> await ctx.call_activity(pack, item)" in result.output
    assert "'tea'" in result.output
    assert result.output.endswith("* it has ended: Completed\n")


def test_debugging_may_be_left(replaying: Shell) -> None:
    result = debugged(replaying.store, BEFORE, "tea", "q\n")

    assert (result.exit_code, result.output.count("ExecutionStarted")) == (0, 1)
    assert "TaskCompleted" not in result.output


def test_debugging_ends_where_the_code_does_not_fit(replaying: Shell) -> None:
    result = debugged(replaying.store, AFTER, "tea", "c\n" * 5)

    assert result.exit_code == 1
    assert "decision 1 is 'TaskScheduled pack (task 1)' there" in result.stderr
    assert debugged(replaying.store, AFTER, "nobody", "").exit_code == 3


def test_why_says_what_something_waits_for(replaying: Shell) -> None:
    ended = replaying.run("why", "tea")
    assert (ended.exit_code, ended.stdout[:29]) == (0, "ended\tit has ended: Completed")
    assert replaying.lines("why", "tea", "--app", BEFORE)[0]["kind"] == "ended"
    assert replaying.run("why", "nobody").exit_code == 3
