"""A store that is served at a fixed port by servers that come and go, and clients of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs
import pytest

import perdure
from tests.contracts.clients import TOKEN

PROGRAM = """
import sys
from perdure.gateway import asgi
from perdure.gateway.serving import Serving, listen
from tests.contracts.clients import TOKEN, app

with app.open(sys.argv[1]) as client:
    serving = Serving(asgi(client, token=TOKEN), listen("127.0.0.1", int(sys.argv[2])))
    serving.start()
    print("ready", flush=True)
    sys.stdin.read()
    serving.stop()
"""


@attrs.define
class Server:
    """A process that serves a store, again and again."""

    store: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.store), str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def restart(self) -> None:
        self.kill()
        self.start()

    def connect(self, patience: float = 30.0) -> perdure.Client:
        return perdure.connect(self.url, token=TOKEN, patience=patience)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = Server(tmp_path / "a.db", port)
    server.start()
    yield server
    server.kill()
