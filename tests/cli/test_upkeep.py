"""``perdure status``, ``verify``, ``backup`` and ``purge``."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from perdure.orchestration.client import EmbeddedClient
from tests.cli.conftest import APP, Shell


def test_the_status_tells_who_has_the_store_open(shell: Shell, client: EmbeddedClient) -> None:
    (opened,) = shell.lines("status")
    client.close()
    (closed,) = shell.lines("status")

    assert (opened["open"], opened["pid"], opened["healthy"]) == (True, os.getpid(), True)
    assert closed["open"] is False


def test_a_sound_store_is_said_to_be_sound(shell: Shell, client: EmbeddedClient) -> None:
    client.entity("account", "a").call("deposit", 5).get(timeout=5)

    assert shell.run("verify").exit_code == 0
    assert shell.run("verify", "--app", APP).stderr == "sound\n"


def test_damage_is_found_and_is_exit_code_4(shell: Shell, client: EmbeddedClient) -> None:
    client.entity("counter", "a").call("add", 5).get(timeout=5)
    client.close()
    with sqlite3.connect(shell.store) as connection:
        connection.execute("UPDATE turns SET events = CAST(replace(events, '5', '6') AS BLOB)")
    connection.close()

    result = shell.run("verify")

    assert result.exit_code == 4
    assert result.stdout.startswith("@counter@a\tdamage\t")
    assert shell.run("verify", "--app", APP).stdout == result.stdout


def test_a_store_that_its_app_does_not_fit_is_exit_code_5(
    shell: Shell, client: EmbeddedClient
) -> None:
    for kind, operation in (("counter", "add"), ("account", "deposit")):
        client.entity(kind, "a").call(operation, 5).get(timeout=5)

    result = shell.run("verify", "--app", "tests.cli.shop:other")
    found = shell.run("verify", "--app", "tests.cli.shop:other", "--json").stdout

    assert (result.exit_code, shell.run("verify").exit_code) == (5, 0)
    assert "the store is sound" in result.stderr
    assert [(f["id"], f["finding"]) for f in map(json.loads, found.splitlines())] == [
        ("@counter@a", "code_mismatch"),
        ("@account@", "unknown_kind"),
    ]


def test_damage_is_exit_code_4_also_when_the_app_does_not_fit(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.entity("counter", "a").call("add", 5).get(timeout=5)
    client.entity("account", "a").call("deposit", 5).get(timeout=5)
    client.close()
    with sqlite3.connect(shell.store) as connection:
        connection.execute(
            "UPDATE turns SET events = CAST(replace(events, '5', '6') AS BLOB)"
            " WHERE stream = '@account@a'"
        )
    connection.close()

    result = shell.run("verify", "--app", "tests.cli.shop:other")

    assert result.exit_code == 4
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == [
        "damage",
        "code_mismatch",
        "unknown_kind",
    ]


def test_a_backup_is_a_store_and_is_never_overwritten(
    shell: Shell, client: EmbeddedClient, tmp_path: Path
) -> None:
    client.entity("counter", "a").call("add", 5).get(timeout=5)
    copy = str(tmp_path / "copy.db")

    assert shell.run("backup", copy).exit_code == 0
    assert Shell(copy).lines("show", "@counter@a") == shell.lines("show", "@counter@a")

    again = shell.run("backup", copy)
    assert again.exit_code == 1
    assert "exists already" in again.stderr


@pytest.mark.parametrize("how", [("--keep", "2"), ("--up-to-version", "3")])
def test_purge_drops_old_events_and_keeps_the_state(
    shell: Shell, client: EmbeddedClient, how: tuple[str, str]
) -> None:
    for _ in range(5):
        client.entity("counter", "a").call("add", 1).get(timeout=5)

    assert shell.run("purge", "@counter@a", *how).exit_code == 0

    assert [event["version"] for event in shell.lines("history", "@counter@a")] == [4, 5]
    assert shell.lines("show", "@counter@a")[0]["state"]["value"] == 5
    assert shell.run("verify", "--app", APP).exit_code == 0


def test_purge_by_time_keeps_what_is_newer(shell: Shell, client: EmbeddedClient) -> None:
    client.entity("counter", "a").call("add", 1).get(timeout=5)

    assert shell.lines("purge", "@counter@a", "--before", "-1d")[0]["turns"] == 0
    assert shell.lines("purge", "@counter@a", "--before", "0s")[0]["turns"] == 1


def test_purge_by_a_time_in_the_future_is_refused_since_older_than_30d_was_meant(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.entity("counter", "a").call("add", 1).get(timeout=5)

    result = shell.run("purge", "@counter@a", "--before", "30d")

    assert result.exit_code == 2
    assert "'30d' is in the future" in result.stderr
    assert "say -30d" in result.stderr
    assert len(shell.lines("history", "@counter@a")) == 1


@pytest.mark.usefixtures("client")
def test_purge_has_to_be_told_up_to_where(shell: Shell) -> None:
    assert shell.run("purge", "@counter@a").exit_code == 2
    assert shell.run("purge", "@counter@a", "--keep", "1").exit_code == 3
