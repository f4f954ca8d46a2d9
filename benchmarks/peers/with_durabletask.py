"""durabletask: Microsoft's SDK over its in-memory backend, through gRPC in one process."""

from __future__ import annotations

import logging
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any

from durabletask import client, entities, task, worker
from durabletask.testing.in_memory_backend import create_test_backend


def step(ctx: task.ActivityContext, number: int) -> int:
    del ctx
    return number + 1


def sequence(ctx: task.OrchestrationContext, number: int) -> Any:
    for _ in range(3):
        number = yield ctx.call_activity(step, input=number)
    return number


def fan_out(ctx: task.OrchestrationContext, width: int) -> Any:
    steps = [ctx.call_activity(step, input=number) for number in range(width)]
    results = yield task.when_all(steps)
    return sum(results)


class counter(entities.DurableEntity):  # noqa: N801  (its name is the entity's)
    def add(self, amount: int) -> int:
        value = self.get_state(int, 0) + amount
        self.set_state(value)
        return value


class Waiting:
    """A result to hold."""

    def __init__(self, hub: client.TaskHubGrpcClient, instance: str) -> None:
        self.hub, self.instance = hub, instance

    def get(self, *, timeout: float) -> int:
        state = self.hub.wait_for_orchestration_completion(self.instance, timeout=int(timeout))
        return int(state.get_output(int))


class System:
    """Backend, worker and client in one process, as its tests have them."""

    name = "durabletask"
    durability = "none: the in-memory backend forgets everything when the process ends"
    client = "one thread, which starts as many as are in flight and waits for the oldest"
    shape = "window"

    def version(self) -> str:
        return version("durabletask")

    def start(self, folder: Path) -> None:
        del folder
        logging.disable(logging.ERROR)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.backend = create_test_backend(port=port)
        options = worker.ConcurrencyOptions(maximum_thread_pool_workers=64)
        address = f"localhost:{port}"
        self.worker = worker.TaskHubGrpcWorker(
            host_address=address, concurrency_options=options
        )
        for orchestrator in (sequence, fan_out):
            self.worker.add_orchestrator(orchestrator)
        self.worker.add_activity(step)
        self.worker.add_entity(counter)
        self.worker.start()
        self.hub = client.TaskHubGrpcClient(host_address=address)

    def stop(self) -> None:
        self.worker.stop()
        self.backend.stop()

    def sequence(self, number: int) -> Waiting:
        return Waiting(self.hub, self.hub.schedule_new_orchestration(sequence, input=number))

    def fan_out(self, width: int) -> Waiting:
        return Waiting(self.hub, self.hub.schedule_new_orchestration(fan_out, input=width))

    def signal(self, key: str) -> None:
        self.hub.signal_entity(entities.EntityInstanceId("counter", key), "add", 1)

    def total(self, key: str) -> int:
        found = self.hub.get_entity(entities.EntityInstanceId("counter", key))
        return int(found.get_state(int) or 0) if found else 0
