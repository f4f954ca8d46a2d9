"""Whoever waits for an orchestration whose start was accepted, and has not been looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

import perdure
from perdure.actors import limits
from perdure.testing import simulate

app = perdure.App("accepted")


@app.orchestrator
async def double(ctx: perdure.OrchestrationContext, number: int) -> int:
    return 2 * number


@pytest.fixture
def _one_turn_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts are accepted together, and happen in one commit after the other."""
    monkeypatch.setattr(limits, "HANDOVER_RECORDS", 1)
    monkeypatch.setattr(limits, "PENDING_RECORDS", 1)


@pytest.mark.usefixtures("_one_turn_a_commit")
@pytest.mark.parametrize("seed", range(5))
def test_a_start_that_waits_in_the_mailbox_is_not_missing(seed: int) -> None:
    with simulate(app, seed=seed) as world:
        client = world.client
        with client.pipeline() as pipeline:
            for number in range(5):
                pipeline.start(double, number, instance_id=f"i{number}")
            pipeline.wait()

            for number in reversed(range(5)):
                assert client.orchestration(f"i{number}").result(10) == 2 * number


@pytest.mark.usefixtures("_one_turn_a_commit")
def test_nor_is_it_with_threads(tmp_path: Path) -> None:
    with app.open(tmp_path / "shop.db") as client, client.pipeline() as pipeline:
        for series in range(20):
            for number in range(5):
                pipeline.start(double, number, instance_id=f"i{series}-{number}")
            pipeline.wait()
            last = client.orchestration(f"i{series}-4")

            assert last.result(20) == 8


def test_one_that_never_was_is_missing() -> None:
    with simulate(app) as world:
        with pytest.raises(perdure.InstanceNotFoundError, match="no orchestration 'nobody'"):
            world.client.orchestration("nobody").result(10)
        with pytest.raises(perdure.InstanceNotFoundError, match="no orchestration 'nobody'"):
            world.client.orchestration("nobody").wait_for_start(10)
