"""``perdure schedule``: looking at schedules, and asking something of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from perdure.cli.scheduling import schedule
from perdure.orchestration.client import EmbeddedClient
from tests.cli.conftest import APP, ROOT, Shell
from tests.cli.shop import approval, checkout

PAGE = ROOT / "docs" / "reference" / "cli.md"


@pytest.mark.parametrize("is_open", [True, False])
def test_they_are_listed_and_shown(shell: Shell, client: EmbeddedClient, is_open: bool) -> None:
    client.schedule("nightly", checkout, 30, cron="0 3 * * *", timezone="Europe/Berlin")
    client.schedule("often", approval, every=timedelta(minutes=5)).pause("holidays")
    if not is_open:
        client.close()

    listed = shell.run("schedule", "list").stdout.splitlines()
    assert [line.split("\t")[:3] for line in listed] == [
        ["nightly", "checkout", "0 3 * * * Europe/Berlin"],
        ["often", "approval", "every 0:05:00"],
    ]
    assert listed[1].endswith("paused")
    [one] = shell.lines("schedule", "list", "--prefix", "o")
    assert (one["id"], one["every"], one["note"]) == ("often", 300, "holidays")
    [shown] = shell.lines("schedule", "show", "nightly")
    assert (shown["cron"], shown["input"], shown["started"]) == ("0 3 * * *", 30, 0)
    assert "when\t0 3 * * * Europe/Berlin\n" in shell.run("schedule", "show", "nightly").stdout


def test_one_is_paused_resumed_triggered_and_deleted(
    shell: Shell, client: EmbeddedClient
) -> None:
    ref = client.schedule("often", approval, every=timedelta(minutes=5))

    assert shell.run("schedule", "pause", "often", "--note", "why").stderr == "often paused\n"
    assert (ref.describe().is_paused, ref.describe().note) == (True, "why")
    assert shell.lines("schedule", "resume", "often") == [{"id": "often"}]
    assert not ref.describe().is_paused
    [started] = shell.lines("schedule", "trigger", "often")
    assert ref.describe().running == [started["instance_id"]]
    assert "nothing was started" in shell.run("schedule", "trigger", "often").stderr
    assert shell.run("schedule", "delete", "often").exit_code == 0
    assert list(client.schedules()) == []
    assert shell.run("schedule", "list").stderr == "no schedules\n"


def test_what_was_left_out_is_filled_up(shell: Shell, client: EmbeddedClient) -> None:
    every, begun = timedelta(minutes=5), datetime.now(UTC) - timedelta(days=1)
    ref = client.schedule("often", approval, every=every, overlap="allow", start_at=begun)
    before = len(ref.describe().running)

    filled = shell.run("schedule", "backfill", "often", "--from", "-20m")
    assert (filled.exit_code, filled.stderr) == (0, "often is filled up\n")
    assert len(ref.describe().running) == before + 4
    turned = shell.run("schedule", "backfill", "often", "--from", "-1m", "--to", "-2m")
    assert (turned.exit_code, "earlier time with --from" in turned.stderr) == (2, True)
    assert shell.run("schedule", "backfill", "often", "--from", "5m").exit_code == 2
    assert shell.run("schedule", "backfill", "none", "--from", "-5m").exit_code == 3


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("command", ["show", "pause", "resume", "trigger"])
def test_one_that_is_not_there_is_exit_code_3(shell: Shell, command: str) -> None:
    result = shell.run("schedule", command, "none")

    assert (result.exit_code, result.stderr) == (3, "error: there is no schedule 'none'\n")


def test_without_an_owner_a_named_app_opens_the_store(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.schedule("often", approval, every=timedelta(minutes=5))
    client.close()

    assert "--app" in shell.run("schedule", "pause", "often").stderr
    assert shell.run("schedule", "pause", "often", "--app", APP).exit_code == 0


def test_the_page_names_every_command() -> None:
    text = PAGE.read_text(encoding="utf-8")

    for name in schedule.commands:
        assert f"`schedule {name}" in text, name
