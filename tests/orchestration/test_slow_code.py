"""An orchestrator that holds its thread is told of, with the remedy."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

import perdure
from perdure.actors import limits

app = perdure.App("slow")
entered = threading.Event()
release = threading.Event()


@app.orchestrator
async def sleepy(ctx: perdure.OrchestrationContext) -> str:
    entered.set()
    assert release.wait(30)  # stands for time.sleep, a request, a large computation
    return "done"


@app.orchestrator
async def quick(ctx: perdure.OrchestrationContext) -> str:
    return "done"


def test_an_orchestrator_that_blocks_is_told_of_once_with_the_remedy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SLOW_CODE_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, "perdure"), app.open(tmp_path / "slow.db") as client:
        for name in ("a", "b"):
            entered.clear()
            release.clear()
            starting = threading.Thread(
                target=client.start, args=(sleepy,), kwargs={"instance_id": name}
            )
            starting.start()
            assert entered.wait(30)
            while not client.node.partition.blocking:
                time.sleep(0.001)  # until the watchdog has seen it
            release.set()
            starting.join(30)
            assert client.orchestration(name).result(30) == "done"
        assert client.start(quick, instance_id="q").result(30) == "done"

    (told,) = [record for record in caplog.records if "held its thread" in record.message]
    assert "create_timer" in told.message
    assert "activity" in told.message
    assert (vars(told)["orchestrator"], vars(told)["instance_id"]) == ("sleepy", "a")
