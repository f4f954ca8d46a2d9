"""A store, the command line on it, and a process that runs the app."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from perdure.cli.commands import perdure
from perdure.orchestration.client import EmbeddedClient
from tests.cli.shop import app

ROOT = Path(__file__).resolve().parents[2]
APP = "tests.cli.shop:app"


@attrs.frozen
class Shell:
    """Runs commands on one store.

    Attributes:
        store: its path.
    """

    store: str

    def run(self, *words: str) -> Result:
        """Run a command in this process."""
        runner = CliRunner(env={"PERDURE_STORE": self.store, "PERDURE_APP": None})
        return runner.invoke(perdure, words)

    def lines(self, *words: str) -> list[Any]:
        """Run a command with --json that works; its lines as values."""
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


@attrs.frozen
class Running:
    """A process of ``perdure run``."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """Processes inherit what is ignored here, as it is under nohup or in the background."""
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(str(tmp_path / "shop.db"))


@pytest.fixture
def client(shell: Shell) -> Iterator[EmbeddedClient]:
    """The store, open in this process."""
    with app.open(shell.store) as client:
        yield client


@pytest.fixture
def start(shell: Shell) -> Iterator[Callable[..., Running]]:
    """Starts ``perdure run``, or ``serve``, on the store and waits until it is ready."""
    processes: list[subprocess.Popen[str]] = []

    def start_one(*options: str, command: str = "run") -> Running:
        words = [sys.executable, "-m", "perdure", command, APP, "--json", *options]
        words += ["--store", shell.store]
        process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        return Running(process, json.loads(process.stdout.readline()))

    yield start_one
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
