"""durable-actors: a runtime of its own that keeps each actor's fields in SQLite.

The actors are a text, ``ACTORS``, since the runtime wants a project.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from durable_actors import AsyncClient

READY_SECONDS = 60.0
ACTORS = """
from durable_actors import Actor, persisted


class Counter(Actor):
    count: int = persisted(0)

    def add(self, amount: int) -> int:
        self.count += amount
        return self.count
"""
PROJECT = """
[project]
name = "bench"
version = "0"
requires-python = ">=3.11"
"""


class System:
    """The runtime is a process, as its command ``dev`` starts it."""

    name = "durable-actors"
    durability = (
        "SQLite in the runtime, development server with files on the disk, its defaults"
    )
    client = (
        "asyncio: one request of its HTTP client for each in flight; four counters where "
        "others have 100, as each is a process that takes a third of a second to start"
    )
    shape = "asyncio"
    most_keys = 4

    def version(self) -> str:
        return version("durable-actors")

    async def start(self, folder: Path) -> None:
        (folder / "src").mkdir(exist_ok=True)
        (folder / "src" / "actors.py").write_text(ACTORS, encoding="utf-8")
        (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log = (folder / "server.log").open("ab")
        command = [str(Path(sys.prefix) / "bin" / "durable-actors"), "dev", "--no-watch"]
        arguments = ["--port", str(port), "--project", str(folder)]
        arguments += ["--data-dir", str(folder / "data")]
        self.server = subprocess.Popen(
            [*command, *arguments], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self.http = AsyncClient(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                await self.call("ready")
            except Exception:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def stop(self) -> None:
        await self.http.aclose()
        self.server.terminate()
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()

    async def _add(self, key: str, amount: int) -> int:
        return await self.http.invoke("Counter", key, "add", [amount])

    async def call(self, key: str) -> int:
        return await self._add(key, 1)

    async def total(self, key: str) -> int:
        return await self._add(key, 0)
