"""``perdure run`` in a process of its own, to its end and to its death."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec
import pytest

from perdure.actors import control
from perdure.actors.control_client import ControlClient
from perdure.errors import OutcomeUnknownError
from tests.cli.conftest import APP, ROOT, Running, Shell

Start = Callable[..., Running]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
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


def test_requests_repeated_through_kills_are_applied_once(shell: Shell, start: Start) -> None:
    done = 0

    def add_next() -> int:
        request = control.Call(
            target="@counter@a",
            operation="add",
            request_id=f"r{done}",
            arguments=[msgspec.Raw(b"1")],
        )
        connection = ControlClient.connect(shell.store)
        if connection is None:
            raise OutcomeUnknownError(request.request_id, "nobody listens")
        with connection:
            return int(connection.ask(request))

    for _ in range(3):
        running = start()
        killer = threading.Thread(target=running.process.kill)
        first = done
        with contextlib.suppress(OutcomeUnknownError):
            while True:
                assert add_next() == done + 1
                done += 1
                if done == first + 20:
                    killer.start()
        killer.join()
        running.process.wait()

    start()
    assert add_next() == done + 1
    assert shell.lines("show", "@counter@a")[0]["state"]["value"] == done + 1
    assert shell.run("verify", "--app", APP).exit_code == 0


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


def test_an_app_without_entities_and_orchestrators_is_refused(shell: Shell) -> None:
    result = shell.run("run", "tests.cli.shop:empty")

    assert result.exit_code == 1
    assert "has neither entities nor orchestrators" in result.stderr


def test_an_app_that_has_only_orchestrators_runs(shell: Shell) -> None:
    command = [sys.executable, "-m", "perdure", "run", "tests.cli.shop:flows"]
    with subprocess.Popen(
        [*command, "--store", shell.store], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().endswith("  flows: approval\n")
        finally:
            process.terminate()
            process.communicate(timeout=30)

    assert process.returncode == 0
