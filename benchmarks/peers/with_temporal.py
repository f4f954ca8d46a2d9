"""Temporal: its development server with a database file, and a worker in this process."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import subprocess
import sys
import time
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "bench"
READY_SECONDS = 60.0
LIMIT = timedelta(seconds=120)


@activity.defn
async def step(number: int) -> int:
    return number + 1


@workflow.defn
class Sequence:
    @workflow.run
    async def run(self, number: int) -> int:
        for _ in range(3):
            number = await workflow.execute_activity(step, number, start_to_close_timeout=LIMIT)
        return number


@workflow.defn
class FanOut:
    @workflow.run
    async def run(self, width: int) -> int:
        steps = [
            workflow.execute_activity(step, number, start_to_close_timeout=LIMIT)
            for number in range(width)
        ]
        return sum(await asyncio.gather(*steps))


@workflow.defn
class Counter:
    """A workflow that lives on; it begins again before its history is too long."""

    @workflow.init
    def __init__(self, value: int) -> None:
        self.value = value

    @workflow.run
    async def run(self, value: int) -> None:
        del value
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.value)

    @workflow.update
    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    @workflow.signal
    def added(self, amount: int) -> None:
        self.value += amount

    @workflow.query
    def total(self) -> int:
        return self.value


class System:
    """The server is a process; worker and client share this one."""

    name = "temporal"
    durability = "development server, SQLite file, synchronous = FULL, WAL (its pragmas set so)"
    client = "asyncio: one task for each in flight; counters are workflows with updates"
    shape = "asyncio"

    def version(self) -> str:
        found = subprocess.run([self._server(), "--version"], capture_output=True, text=True)
        return f"{found.stdout.strip()}, sdk {version('temporalio')}"

    def _server(self) -> str:
        return str(Path(sys.prefix) / "bin" / "temporal")

    async def start(self, folder: Path) -> None:
        logging.disable(logging.WARNING)
        self.names = itertools.count()
        self.handles: dict[str, object] = {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log = (folder / "server.log").open("ab")
        arguments = [
            self._server(), "server", "start-dev", "--headless", "--port", str(port),
            "--db-filename", str(folder / "temporal.db"), "--log-level", "error",
            "--sqlite-pragma", "synchronous=FULL", "--sqlite-pragma", "journal_mode=WAL",
        ]  # fmt: skip
        self.server = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.connection = await self._connected(f"127.0.0.1:{port}")
        self.worker = Worker(
            self.connection,
            task_queue=QUEUE,
            workflows=[Sequence, FanOut, Counter],
            activities=[step],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_activities=1_000,
            max_concurrent_workflow_tasks=200,
        )
        self.running = asyncio.create_task(self.worker.run())

    async def _connected(self, address: str) -> Client:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return await Client.connect(address)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        self.running.cancel()
        self.server.kill()
        self.server.wait()

    async def sequence(self, number: int) -> int:
        name = f"w{time.time_ns()}-{next(self.names)}"
        return await self.connection.execute_workflow(
            Sequence.run, number, id=name, task_queue=QUEUE
        )

    async def fan_out(self, width: int) -> int:
        name = f"w{time.time_ns()}-{next(self.names)}"
        return await self.connection.execute_workflow(
            FanOut.run, width, id=name, task_queue=QUEUE
        )

    async def _counter(self, key: str):  # type: ignore[no-untyped-def]
        if key not in self.handles:
            self.handles[key] = await self.connection.start_workflow(
                Counter.run,
                0,
                id=key,
                task_queue=QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
        # By its id alone, so that it is found after it has begun again.
        return self.connection.get_workflow_handle_for(Counter.run, key)

    async def call(self, key: str) -> int:
        return await (await self._counter(key)).execute_update(Counter.add, 1)

    async def signal(self, key: str) -> None:
        await (await self._counter(key)).signal(Counter.added, 1)

    async def total(self, key: str) -> int:
        return await (await self._counter(key)).query(Counter.total)
