"""``perdure run`` in a process of its own, to its end and to its death."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.cli.conftest import Running, Shell

Start = Callable[..., Running]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_commands_and_ends_cleanly(
    shell: Shell, start: Start, number: signal.Signals
) -> None:
    running = start()
    assert running.told["kinds"] == ["account", "counter"]
    assert shell.run("signal", "@counter@a", "add", "1").exit_code == 0
    assert shell.run("call", "@counter@a", "add", "1").stdout == "2\n"

    assert running.end(number) == 0

    assert not os.path.exists(shell.store + ".sock")
    assert shell.lines("show", "@counter@a")[0]["state"]["value"] == 2


def test_what_was_acknowledged_survives_kill_9(shell: Shell, start: Start) -> None:
    running = start()
    assert shell.run("call", "@counter@a", "add", "1", "--request-id", "r1").stdout == "1\n"
    assert running.end(signal.SIGKILL) == -signal.SIGKILL

    dead = shell.run("call", "@counter@a", "add", "1", "--request-id", "r1")
    assert dead.exit_code == 1
    assert "no process has store" in dead.stderr

    start()
    assert shell.run("call", "@counter@a", "add", "1", "--request-id", "r1").stdout == "1\n"
    assert shell.run("call", "@counter@a", "add", "1").stdout == "2\n"


def test_a_second_signal_ends_it_at_once(shell: Shell, start: Start) -> None:
    running = start()
    assert shell.run("signal", "@counter@a", "hang").exit_code == 0
    assert running.process.stderr is not None

    running.process.send_signal(signal.SIGTERM)
    while "once more" not in running.process.stderr.readline():
        pass

    assert running.end(signal.SIGTERM) == 128 + signal.SIGTERM


def test_an_operation_that_does_not_end_makes_it_end_unclean(
    shell: Shell, start: Start
) -> None:
    running = start("--drain", "0.1")
    assert shell.run("signal", "@counter@a", "hang").exit_code == 0

    assert running.end(signal.SIGTERM) == 1

    assert shell.lines("status")[0]["waiting"] == 1


def test_a_second_owner_is_refused_and_the_first_is_named(shell: Shell, start: Start) -> None:
    running = start()

    result = shell.run("run", "tests.cli.shop:app")

    assert result.exit_code == 1
    assert f"process {running.process.pid}" in result.stderr


def test_an_app_without_entities_is_refused(shell: Shell) -> None:
    result = shell.run("run", "tests.cli.shop:empty")

    assert result.exit_code == 1
    assert "has no entities" in result.stderr
