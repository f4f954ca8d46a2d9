"""perdure behind ``perdure serve``: a server process, and a client with aiohttp."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import aiohttp

READY_SECONDS = 30.0
APP = "perdure.benchmarks.measuring.http:app"


class Answer:
    """An answer to hold."""

    def __init__(self, future: Future[int]) -> None:
        self.future = future

    def get(self, *, timeout: float | None = None) -> int:
        return self.future.result(timeout)


class Served:
    """The server, and connections to it that are kept open."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/runtime/webhooks/durabletask/entities/counter"
        store = folder / "served.db"
        command = [sys.executable, "-m", "perdure", "serve", APP, "--store", str(store)]
        self.process = subprocess.Popen(
            [*command, "--port", str(port)], stdin=subprocess.DEVNULL, stdout=sys.stderr
        )
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self._wait_until_ready(port)
        token = Path(f"{store}.token").read_text(encoding="utf-8").strip()
        self.http = asyncio.run_coroutine_threadsafe(self._session(token), self.loop).result()

    def _wait_until_ready(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    async def _session(self, token: str) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"x-functions-key": token}
        )

    def call(self, key: str) -> Answer:
        return Answer(asyncio.run_coroutine_threadsafe(self._call(key), self.loop))

    async def _call(self, key: str) -> int:
        url = f"{self.url}/{key}?op=add&wait=true"
        async with self.http.post(url, json=1) as response:
            response.raise_for_status()
            return int(await response.json())

    def total(self, key: str) -> int:
        async def read() -> Any:
            async with self.http.get(f"{self.url}/{key}") as response:
                return (await response.json())["value"] if response.status == 200 else 0

        return int(asyncio.run_coroutine_threadsafe(read(), self.loop).result(60))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.http.close(), self.loop).result(10)
        self.process.terminate()
        self.process.wait(30)
