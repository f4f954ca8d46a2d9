"""``perdure entities``, ``show``, ``history`` and ``tail``."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.orchestration.client import EmbeddedClient
from tests.actors.holder import Purse, lock, plan_of, run
from tests.actors.holder import app as holding
from tests.cli.conftest import APP, ROOT, Shell


def test_entities_are_listed_by_kind_and_prefix(shell: Shell, client: EmbeddedClient) -> None:
    for key in ("a1", "a2", "b1"):
        client.entity("counter", key).call("add", 1).get(timeout=5)
    client.entity("account", "ada").call("deposit", 5).get(timeout=5)

    everything = [row["id"] for row in shell.lines("entities")]
    chosen = [row["id"] for row in shell.lines("entities", "Counter", "--prefix", "a")]

    assert everything == ["@account@ada", "@counter@a1", "@counter@a2", "@counter@b1"]
    assert chosen == ["@counter@a1", "@counter@a2"]


def test_a_page_of_entities_tells_how_to_go_on(shell: Shell, client: EmbeddedClient) -> None:
    for key in ("a", "b", "c"):
        client.entity("counter", key).call("add", 1).get(timeout=5)

    first = shell.run("entities", "--limit", "2")
    second = shell.run("entities", "--limit", "2", "--after", "@counter@b")

    assert "--after '@counter@b'" in first.stderr
    assert [line.split("\t")[0] for line in second.stdout.splitlines()] == ["@counter@c"]
    assert second.stderr == ""


def test_an_unknown_kind_is_exit_code_3_and_names_those_that_are_known(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.entity("counter", "a").call("add", 1).get(timeout=5)

    running = shell.run("entities", "conter")
    unused = shell.run("entities", "account")
    client.close()
    closed = shell.run("entities", "lamp")
    named = shell.run("entities", "account", "--app", APP)

    assert running.exit_code == closed.exit_code == 3
    assert "did you mean 'counter'? Known are: account, counter" in running.stderr
    assert "no kind 'lamp'. Known are: counter; while it runs, or with --app" in closed.stderr
    assert (unused.exit_code, named.exit_code) == (0, 0)
    assert shell.run("entities", "counter", "--prefix", "zzz").exit_code == 0


def test_rows_that_cannot_be_read_are_listed_and_said_to_be(
    shell: Shell, client: EmbeddedClient
) -> None:
    for key in ("a", "b"):
        client.entity("counter", key).call("add", 7).get(timeout=5)
    client.close()
    with sqlite3.connect(shell.store) as connection:
        connection.execute("UPDATE actors SET crc = crc + 1 WHERE stream = '@counter@a'")
    connection.close()

    table = shell.run("entities")
    fitted = shell.run("entities", "--app", "tests.cli.shop:other")
    damaged, unreadable = shell.lines("entities", "--app", "tests.cli.shop:other")

    first, second = table.stdout.splitlines()
    assert (table.exit_code, "damaged: " in first, "damaged" in second) == (0, True, False)
    assert "perdure verify" in table.stderr
    assert "unreadable: " in fitted.stdout.splitlines()[1]
    assert ("damaged" in damaged, "unreadable" in unreadable) == (True, True)


def test_a_file_that_is_no_store_is_not_called_damaged(shell: Shell) -> None:
    path = Path(shell.store)
    path.write_text("notes " * 100)

    result = shell.run("entities")

    assert result.exit_code == 1
    assert "is not a store of perdure" in result.stderr
    assert list(path.parent.iterdir()) == [path]


def test_a_closed_store_is_shown_too(shell: Shell, client: EmbeddedClient) -> None:
    client.entity("counter", "a").call("add", 7).get(timeout=5)
    client.close()

    (entity,) = shell.lines("show", "@counter@a")

    assert entity["state"] == {"value": 7, "notes": []}
    assert entity["version"] == 1


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("command", ["show", "history"])
def test_an_entity_that_is_not_there_is_exit_code_3(shell: Shell, command: str) -> None:
    result = shell.run(command, "@counter@nobody")

    assert result.exit_code == 3
    assert "@counter@nobody has no" in result.stderr


@pytest.mark.parametrize("command", ["show", "history"])
def test_a_kind_that_is_misspelt_is_told_a_near_one(
    shell: Shell, client: EmbeddedClient, command: str
) -> None:
    client.entity("counter", "a").call("add", 1).get(timeout=5)

    result = shell.run(command, "@countr@a")

    assert result.exit_code == 3
    assert "did you mean @counter@a?" in result.stderr


def test_a_store_that_is_not_there_is_named(shell: Shell) -> None:
    result = shell.run("show", "@counter@a")

    assert result.exit_code == 1
    assert f"there is no store at '{shell.store}'" in result.stderr


def test_an_earlier_state_is_shown(shell: Shell, client: EmbeddedClient) -> None:
    for amount in (1, 2, 3):
        client.entity("counter", "a").call("add", amount).get(timeout=5)
        client.entity("account", "a").call("deposit", amount).get(timeout=5)

    assert shell.lines("show", "@counter@a", "--as-of", "2") == [{"value": 3, "notes": []}]
    assert shell.lines("show", "@account@a", "--as-of", "2", "--app", APP) == [{"balance": 3}]
    assert "--app" in shell.run("show", "@account@a", "--as-of", "2").stderr
    assert shell.run("show", "@counter@a", "--as-of", "2000-01-01").exit_code == 3


def test_a_history_shows_what_changed_and_what_was_recorded(
    shell: Shell, client: EmbeddedClient
) -> None:
    counter = client.entity("counter", "a")
    counter.options(request_id="r1").call("add", 1).get(timeout=5)
    counter.call("delete").get(timeout=5)
    client.entity("account", "a").call("deposit", 5).get(timeout=5)

    first, second = shell.lines("history", "@counter@a")
    (deposit,) = shell.lines("history", "@account@a")

    assert (first["operation"], first["changes"]["value"]) == ("add", 1)
    assert first["request_id"] == "r1"
    assert (second["version"], second["kind"]) == (2, "deleted")
    assert (deposit["name"], deposit["data"]) == ("Deposited", {"amount": 5})


def test_a_history_can_be_cut_to_its_newest_events(
    shell: Shell, client: EmbeddedClient
) -> None:
    for _ in range(5):
        client.entity("counter", "a").call("add", 1).get(timeout=5)

    newest = shell.lines("history", "@counter@a", "--last", "2")
    beyond = shell.lines("history", "@counter@a", "--after", "4")

    assert [event["version"] for event in newest] == [4, 5]
    assert [event["version"] for event in beyond] == [5]


def test_tail_goes_on_behind_a_position(shell: Shell, client: EmbeddedClient) -> None:
    for key in ("a", "b", "c"):
        client.entity("counter", key).call("add", 1).get(timeout=5)
    client.entity("account", "d").call("deposit", 1).get(timeout=5)

    first, *others = shell.lines("tail", "--from-start", "--no-follow")
    behind = shell.lines("tail", "--after", first["position"], "--no-follow")
    accounts = shell.lines("tail", "--from-start", "--no-follow", "--kind", "account")

    assert behind == others
    assert [change["id"] for change in accounts] == ["@account@d"]
    assert shell.lines("tail", "--no-follow") == []


@pytest.mark.parametrize("is_open", [True, False])
def test_tail_of_an_unknown_kind_is_exit_code_3(
    shell: Shell, client: EmbeddedClient, is_open: bool
) -> None:
    client.entity("counter", "a").call("add", 1).get(timeout=5)
    if not is_open:
        client.close()

    result = shell.run("tail", "--kind", "conter", "--no-follow")

    assert result.exit_code == 3
    assert "did you mean 'counter'?" in result.stderr


def test_tail_follows_until_it_is_interrupted(shell: Shell, client: EmbeddedClient) -> None:
    command = [sys.executable, "-m", "perdure", "tail", "--from-start", "--json"]
    with subprocess.Popen(
        [*command, "--store", shell.store], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for amount in (1, 2):
            client.entity("counter", "a").call("add", amount).get(timeout=5)

            assert json.loads(process.stdout.readline())["version"] == amount
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=10) == 0


def test_what_is_printed_in_a_pipe_has_no_colour_and_no_raw_control_characters(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.entity("counter", "a").call("note", "red \x1b[31m\n").get(timeout=5)

    for words in (
        ("entities",),
        ("history", "@counter@a"),
        ("tail", "--from-start", "--no-follow"),
    ):
        result = shell.run(*words)

        assert result.exit_code == 0
        assert "@counter@a" in result.output or "note" in result.output
        assert "\x1b" not in result.output


def test_a_locked_entity_is_shown_with_its_holder(shell: Shell) -> None:
    with holding.open(shell.store) as client:
        client.entity(Purse, "a").call(Purse.put, 5).get(timeout=5)
        plan = [lock("@purse@a", transaction=True), lock("@purse@b"), ("@purse@a", "put", 1)]
        run(client, "order-1", *plan)
        while plan_of(client, "order-1").answers[2:] != [6]:
            client.node.world.pause(0.01)

        (shown,) = shell.lines("show", "@purse@a")
        listed = shell.lines("entities", "purse")
        text = shell.run("show", "@purse@a").stdout
        nobody = shell.run("show", "@purse@b")

    assert shown["state"] == {"coins": 5, "notes": ""}
    assert shown["locked_by"] == "order-1"
    assert listed == [shown]
    assert "locked by" in text
    assert nobody.exit_code == 3
