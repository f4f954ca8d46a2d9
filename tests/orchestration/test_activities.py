"""Activities: how many run at once, and what a failed commit changes about an attempt."""

from __future__ import annotations

import random

import pytest

import perdure
from perdure.errors import RowRejectedError, StoreUnavailableError
from perdure.orchestration.simulation import Simulation, simulate
from perdure.storage.records import Batch

calls: list[int] = []
app = perdure.App("working")


@app.activity(concurrency=1)
def one_at_a_time(number: int) -> int:
    calls.append(number)
    return number


@app.activity
def work(number: int) -> int:
    calls.append(number)
    return number


@app.orchestrator
async def queue_up(ctx: perdure.OrchestrationContext, count: int) -> list[int]:
    tasks = [ctx.call_activity(one_at_a_time, number) for number in range(count)]
    return await perdure.when_all(tasks)


@app.orchestrator
async def spread(ctx: perdure.OrchestrationContext, count: int) -> list[int]:
    return await perdure.when_all([ctx.call_activity(work, number) for number in range(count)])


class FailingCommits:
    """Fails one commit in three: written, not written, or because a row is refused."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def before_commit(self, batch: Batch) -> None:
        if batch.number > 1 and self.draw.random() < 0.1:
            msg = "planned"
            raise RowRejectedError(msg)
        self._fail(batch)

    def after_commit(self, batch: Batch) -> None:
        self._fail(batch)

    def _fail(self, batch: Batch) -> None:
        if batch.number > 1 and self.draw.random() < 0.17:
            msg = "planned"
            raise StoreUnavailableError(msg)


@pytest.fixture(autouse=True)
def forget_calls() -> None:
    calls.clear()


def test_those_that_wait_for_room_run_in_order() -> None:
    with simulate(app) as world:
        assert world.client.start(queue_up, 20).result(60) == list(range(20))

    assert calls == list(range(20))


@pytest.mark.parametrize("seed", range(20))
def test_a_failed_commit_begins_no_attempt_again(seed: int) -> None:
    world = Simulation(app, seed=seed, faults=FailingCommits(seed))
    while world.client.orchestration("s").status() is None:
        try:
            world.client.start_or_get(spread, 10, instance_id="s")
        except (perdure.OutcomeUnknownError, perdure.StoreError):
            world.advance(seconds=1)

    assert world.client.orchestration("s").result(600) == list(range(10))
    assert sorted(calls) == list(range(10))
