"""``perdure signal`` and ``perdure call``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from perdure.cli.commands import in_flags
from perdure.errors import OutcomeUnknownError, ReplyTimeoutError
from perdure.orchestration.client import EmbeddedClient
from tests.cli.conftest import APP, Shell


@pytest.mark.usefixtures("client")
def test_a_call_reaches_the_open_store_and_prints_the_result(shell: Shell) -> None:
    shell.run("call", "@counter@visits", "add", "1")

    result = shell.run("call", "@counter@visits", "add", "2")

    assert (result.exit_code, result.stdout) == (0, "3\n")


def test_a_signal_is_durable_when_it_returns(shell: Shell, client: EmbeddedClient) -> None:
    result = shell.run("signal", "@counter@visits", "note", '"hi"', "2")

    assert result.exit_code == 0
    assert client.entity("counter", "visits").call("add", 0).get(timeout=5) == 0
    snapshot = client.entity("counter", "visits").get()
    assert snapshot is not None
    assert snapshot.state.notes == ["hi", "hi"]


@pytest.mark.usefixtures("client")
def test_several_parameters_are_given_in_order_or_by_name(shell: Shell) -> None:
    shell.run("call", "@counter@a", "note", '"x"', "3")
    shell.run("call", "@counter@a", "note", '{"text": "y"}')

    (entity,) = shell.lines("show", "@counter@a")

    assert entity["state"]["notes"] == ["x", "x", "x", "y"]


@pytest.mark.usefixtures("client")
def test_a_request_that_is_repeated_with_its_id_is_applied_once(shell: Shell) -> None:
    for _ in range(2):
        result = shell.run("call", "@counter@visits", "add", "1", "--request-id", "r1")

        assert (result.exit_code, result.stdout) == (0, "1\n")


def test_a_scheduled_signal_waits(shell: Shell, client: EmbeddedClient) -> None:
    assert shell.run("signal", "@counter@later", "add", "1", "--at", "1h").exit_code == 0
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert shell.run("signal", "@counter@later", "add", "1", "--at", tomorrow).exit_code == 0

    assert client.status()["waiting"] == 2


@pytest.mark.usefixtures("client")
def test_an_operation_that_raises_is_one_line_and_exit_code_1(shell: Shell) -> None:
    result = shell.run("call", "@counter@visits", "fail")

    assert result.exit_code == 1
    assert result.stderr == "error: @counter@visits fail: ValueError: it cannot be\n"
    told = shell.run("call", "@counter@visits", "fail", "--traceback").stderr
    assert "in fail" in told


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("@counter@a", "jump"), "counter has no operation 'jump'"),
        (("@counter@a", "add", '"one"'), "parameter amount does not fit"),
        (("@counter@a", "add"), "amount is missing"),
        (("@counter@a", "add", "1", "2"), "2 arguments are too many"),
        (("@counter@a", "add", '{"amount": 1}'), "add(amount: int) has one parameter"),
        (("@counter@a", "add", "1e999"), "not JSON"),
        (("@nobody@a", "add", "1"), "no entity 'nobody' is registered"),
    ],
)
def test_what_cannot_be_sent_says_why(shell: Shell, words: tuple[str, ...], why: str) -> None:
    result = shell.run("call", *words)

    assert result.exit_code in {1, 2}
    assert why in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("words", [("counter", "add"), ("@counter@a", "add", "{oops")])
def test_wrong_usage_is_exit_code_2(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run("call", *words).exit_code == 2


def test_without_an_owner_the_remedy_is_told(shell: Shell) -> None:
    result = shell.run("call", "@counter@visits", "add", "1")

    assert result.exit_code == 1
    assert "perdure run" in result.stderr
    assert "--app" in result.stderr


def test_without_an_owner_a_named_app_opens_the_store(shell: Shell) -> None:
    shell.run("call", "@counter@visits", "add", "1", "--app", APP)

    result = shell.run("call", "@counter@visits", "add", "1", "--app", APP, "--json")

    assert json.loads(result.stdout)["result"] == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("tests.cli.nowhere:app", "cannot import 'tests.cli.nowhere'"),
        ("tests.cli.shop:nothing", "has no perdure.App named 'nothing'"),
        ("shop.py:nothing", "name it as module:app, such as shop:nothing"),
    ],
)
def test_an_app_that_is_not_there_says_why(shell: Shell, name: str, why: str) -> None:
    result = shell.run("call", "@counter@visits", "add", "1", "--app", name)

    assert result.exit_code == 1
    assert why in result.stderr


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("command", ["call", "signal"])
def test_an_only_parameter_that_is_given_by_name_shows_the_right_command(
    shell: Shell, command: str
) -> None:
    result = shell.run(command, "@counter@the one", "add", '{"amount": 1}')

    assert result.exit_code == 1
    assert f"perdure {command} '@counter@the one' add 1\n" in result.stderr


@pytest.mark.usefixtures("client")
def test_a_call_without_an_answer_in_time_names_the_flag_to_repeat_it_with(
    shell: Shell,
) -> None:
    result = shell.run("call", "@counter@a", "nap", "--timeout", "0", "--request-id", "r1")

    assert result.exit_code == 1
    assert "repeat the command with --request-id 'r1'" in result.stderr


def test_the_words_of_the_api_become_flags() -> None:
    unknown = in_flags(str(OutcomeUnknownError("it's", "the disk")))
    late = in_flags(str(ReplyTimeoutError("r1", 5)))

    assert 'repeat it with --request-id "it\'s": it is applied once' in unknown
    assert "repeat the command with --request-id 'r1'" in late
    assert "options(" not in unknown + late
    assert "get()" not in late
