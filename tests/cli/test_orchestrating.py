"""``perdure orchestration``: starting, asking, looking and forgetting."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

import perdure
from perdure.cli.orchestrating import orchestration
from perdure.orchestration.client import EmbeddedClient
from tests.cli.conftest import APP, ROOT, Shell
from tests.cli.shop import approval, broken, checkout, delivery, mended

PAGE = ROOT / "docs" / "reference" / "cli.md"


@pytest.mark.usefixtures("client")
def test_one_is_started_and_its_result_is_printed(shell: Shell) -> None:
    started = shell.run(
        "orchestration", "start", "checkout", "30", "--id", "o-1", "--tag", "who=ann", "--wait"
    )

    assert (started.exit_code, started.stdout) == (0, '"receipt for 30"\n')
    again = shell.lines("orchestration", "result", "o-1")
    assert again == [{"instance_id": "o-1", "result": "receipt for 30"}]


def test_without_an_owner_a_named_app_opens_the_store(shell: Shell) -> None:
    words = ("orchestration", "start", "checkout", "1", "--wait")

    assert "--app" in shell.run(*words).stderr
    assert shell.run(*words, "--app", APP).stdout == '"receipt for 1"\n'


@pytest.mark.parametrize("is_open", [True, False])
def test_one_is_shown_with_what_it_waits_for(
    shell: Shell, client: EmbeddedClient, is_open: bool
) -> None:
    ref = client.start(checkout, 500, instance_id="o-1", tags={"who": "ann"})
    while len(list(ref.history())) < 4:
        client.node.world.pause(0.01)
    if not is_open:
        client.close()

    (shown,) = shell.lines("orchestration", "show", "o-1")
    text = shell.run("orchestration", "show", "o-1").stdout

    assert (shown["runtime_status"], shown["input"]) == ("Running", 500)
    assert shown["custom_status"] == "charging"
    assert shown["waiting_for"] == ["TimerCreated (task 2)"]
    assert "tags\twho=ann\n" in text
    assert "waiting for\tTimerCreated (task 2)\n" in text


def test_one_that_was_rewound_is_shown_with_what_it_waits_for_again(
    shell: Shell, client: EmbeddedClient
) -> None:
    ref = client.start(delivery, instance_id="o-1")
    with pytest.raises(perdure.OrchestrationFailedError, match="the van is broken"):
        ref.result(timeout=10)
    mended.set()
    ref.rewind()

    (shown,) = shell.lines("orchestration", "show", "o-1")
    ref.terminate()

    assert shown["waiting_for"] == ["TaskScheduled deliver (task 2)"]


def test_they_are_listed_filtered_and_counted(shell: Shell, client: EmbeddedClient) -> None:
    client.start(checkout, 1, instance_id="a-1", tags={"who": "ann"}).result(timeout=10)
    client.start(approval, instance_id="b-1").wait_for_start(timeout=10)
    client.start(checkout, 2, instance_id="b-2").result(timeout=10)

    def ids(*words: str) -> list[str]:
        lines = shell.lines("orchestration", "list", *words)
        return [line["instance_id"] for line in lines]

    assert ids() == ["a-1", "b-1", "b-2"]
    assert ids("--status", "Running") == ["b-1"]
    assert ids("--name", "checkout", "--prefix", "b") == ["b-2"]
    assert ids("--tag", "who=ann") == ["a-1"]
    assert ids("--created-from", "1h") == ids("--parent", "x") == []
    assert ids("--after", "a-1") == ["b-1", "b-2"]
    (counted,) = shell.lines("orchestration", "list", "--count")
    assert counted == {"Completed": 2, "Running": 1}
    assert "--after 'a-1'" in shell.run("orchestration", "list", "--limit", "1").stderr


def test_a_history_shows_events_and_decisions(shell: Shell, client: EmbeddedClient) -> None:
    client.start(checkout, 30, instance_id="o-1").result(timeout=10)

    told = shell.lines("orchestration", "history", "o-1")
    newest = shell.run("orchestration", "history", "o-1", "--last", "1").stdout

    assert [event["event"] for event in told] == [
        "ExecutionStarted",
        "TaskScheduled",
        "TaskCompleted",
        "ExecutionCompleted",
    ]
    assert [event["version"] for event in told] == [1, 2, 3, 4]
    assert newest.endswith('\tExecutionCompleted Completed\t"receipt for 30"\n')


def test_an_event_reaches_one_that_waits(shell: Shell, client: EmbeddedClient) -> None:
    ref = client.start(approval, instance_id="o-1")

    assert shell.run("orchestration", "raise", "o-1", "Approval", "true").exit_code == 0
    assert ref.result(timeout=10) == "approved"


def test_one_is_suspended_resumed_and_ended(shell: Shell, client: EmbeddedClient) -> None:
    client.start(approval, instance_id="o-1").wait_for_start(timeout=10)
    client.start(approval, instance_id="o-2").wait_for_start(timeout=10)

    def status(instance_id: str) -> str:
        found = client.orchestration(instance_id).status()
        assert found is not None
        return found.runtime_status

    assert shell.run("orchestration", "suspend", "o-1", "--reason", "audit").exit_code == 0
    assert "reason\taudit" in shell.run("orchestration", "show", "o-1").stdout
    assert status("o-1") == "Suspended"
    assert shell.run("orchestration", "resume", "o-1").exit_code == 0
    assert status("o-1") == "Running"
    assert shell.run("orchestration", "terminate", "o-1", "--output", "7").exit_code == 0
    assert status("o-1") == "Terminated"
    assert shell.run("orchestration", "cancel", "o-2").exit_code == 0
    assert status("o-2") == "Canceled"
    late = shell.run("orchestration", "raise", "o-1", "Approval")
    assert late.exit_code == 1
    assert "o-1" in late.stderr


def test_a_failed_one_says_why_is_rewound_and_restarted(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.start(broken, instance_id="o-1")

    failed = shell.run("orchestration", "result", "o-1")
    assert failed.exit_code == 1
    assert "'o-1' is Failed: ValueError: it cannot be" in failed.stderr
    assert "failure\tValueError" in shell.run("orchestration", "show", "o-1").stdout
    assert shell.run("orchestration", "rewind", "o-1").exit_code == 0
    assert shell.run("orchestration", "restart", "o-1", "--new-id", "o-2").exit_code == 0
    assert shell.run("orchestration", "result", "o-2").exit_code == 1


def test_finished_ones_are_forgotten_after_a_question(
    shell: Shell, client: EmbeddedClient
) -> None:
    for number in range(3):
        client.start(checkout, 1, instance_id=f"o-{number}").result(timeout=10)
    client.start(approval, instance_id="lives").wait_for_start(timeout=10)
    purge = ("orchestration", "purge")

    assert shell.run(*purge, "o-0").exit_code == 1  # nobody answers the question
    assert shell.run(*purge, "o-0", "--yes").exit_code == 0
    assert shell.run(*purge, "lives", "--yes").exit_code == 1
    (told,) = shell.lines(*purge, "--status", "Completed", "--yes")
    assert told == {"purged": 2}
    assert shell.run(*purge, "--yes").exit_code == 2
    assert [x["instance_id"] for x in shell.lines("orchestration", "list")] == ["lives"]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "words",
    [
        ("show", "nobody"),
        ("history", "nobody"),
        ("result", "nobody"),
        ("raise", "nobody", "Approval"),
        ("suspend", "nobody"),
        ("terminate", "nobody"),
        ("restart", "nobody"),
        ("purge", "nobody", "--yes"),
    ],
)
def test_one_that_is_not_there_is_exit_code_3(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell.run("orchestration", *words)

    assert result.exit_code == 3
    assert "nobody" in result.stderr


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("start", "chekout", "1"), 1, "registered: approval, broken, checkout"),
        (("start", "checkout", "x"), 2, "not JSON"),
        (("start", "checkout", '"x"'), 1, "checkout"),
        (("start", "checkout"), 1, "orchestrator checkout takes an input"),
        (("start", "checkout", "1", "--tag", "x"), 2, "NAME=TEXT"),
        (("start", "checkout", "1", "--id", "@a@b"), 1, "instance id"),
        (("list", "--status", "Dancing"), 2, "Running"),
        (("purge", "--created-to", "30d", "--yes"), 2, "say -30d"),
    ],
)
def test_what_cannot_be_done_says_why(
    shell: Shell, words: tuple[str, ...], code: int, why: str
) -> None:
    result = shell.run("orchestration", *words)

    assert result.exit_code == code
    assert why in result.stderr


def test_an_id_that_lives_is_refused_in_words_of_the_command_line(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.start(approval, instance_id="o-1")

    again = shell.run("orchestration", "start", "approval", "--id", "o-1")

    assert again.exit_code == 1
    assert "choose another --id" in again.stderr
    assert "start_or_get" not in again.stderr


@pytest.mark.parametrize("name", sorted(orchestration.commands))
def test_the_reference_names_every_command_and_option(name: str) -> None:
    page = Path(PAGE).read_text(encoding="utf-8")

    options = [
        option
        for parameter in orchestration.commands[name].params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    ]

    assert f"`orchestration {name}" in page
    assert [option for option in options if f"`{option}" not in page] == []


def test_a_result_that_is_late_is_said_in_words_of_the_command_line(
    shell: Shell, client: EmbeddedClient
) -> None:
    client.start(approval, instance_id="o-1")

    late = shell.run("orchestration", "result", "o-1", "--timeout", "0")

    assert late.exit_code == 1
    assert "get()" not in late.stderr
    assert "options(" not in late.stderr
