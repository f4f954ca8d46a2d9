"""What must be true of each pattern's store once its scene was played to the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs

import perdure
from examples.patterns import (
    aggregator,
    approval,
    async_http,
    chaining,
    fan_out,
    monitor,
)
from perdure.orchestration.history import TaskCompleted, TaskScheduled


@attrs.frozen
class Pattern:
    """One example: its module's name, its app and scene, and the check of its end."""

    name: str
    app: perdure.App
    scene: Callable[[perdure.Client], None]
    check: Callable[[perdure.Client], None]

    def __str__(self) -> str:
        return self.name


def output(client: perdure.Client, instance_id: str) -> Any:
    state = client.orchestration(instance_id).status()
    assert state is not None
    assert state.runtime_status == "Completed"
    return state.output


def completed(client: perdure.Client, instance_id: str) -> Counter[int]:
    """How often each activity's task of the present generation has completed."""
    history = client.orchestration(instance_id).history()
    return Counter(event.id for event in history if isinstance(event, TaskCompleted))


def scheduled(client: perdure.Client, instance_id: str) -> list[str]:
    history = client.orchestration(instance_id).history()
    return [event.name for event in history if isinstance(event, TaskScheduled)]


def check_chain(client: perdure.Client) -> None:
    assert output(client, "today") == "publish(sign(shrink(fetch(heron))))"
    assert scheduled(client, "today") == ["fetch", "shrink", "sign", "publish"]
    assert set(completed(client, "today").values()) == {1}


def check_fan(client: perdure.Client) -> None:
    pages = len(fan_out.PAGES)
    assert output(client, "zen") == sum(len(page.split()) for page in fan_out.PAGES)
    assert list(completed(client, "zen").values()) == [1] * pages


def check_report(client: perdure.Client) -> None:
    chapters = async_http.CHAPTERS
    state = client.orchestration("report-7").status()
    assert state is not None
    assert state.custom_status == {"done": chapters, "of": chapters}
    assert output(client, "report-7") == sum(10 + chapter for chapter in range(chapters))


def check_monitor(client: perdure.Client) -> None:
    assert output(client, "docs") == "ready at look 4"
    gave_up = output(client, "release")
    assert gave_up in {f"gave up after {looks} looks" for looks in range(1, 11)}


def check_approval(client: perdure.Client) -> None:
    assert output(client, "chair") == "approved by Mia"
    assert output(client, "desk") == "approved by the director"


def check_aggregator(client: perdure.Client) -> None:
    readings = aggregator.READINGS
    roof = client.entity(aggregator.Station, "roof").get()
    assert roof is not None
    assert roof.state == aggregator.Station(
        count=len(readings), total=sum(readings), highest=max(readings)
    )
    sums = client.entity(aggregator.tally, "roof").get()
    assert sums is not None
    assert sums.state == [len(readings), sum(readings)]


PATTERNS = [
    Pattern("chaining", chaining.app, chaining.scene, check_chain),
    Pattern("fan_out", fan_out.app, fan_out.scene, check_fan),
    Pattern("async_http", async_http.app, async_http.scene, check_report),
    Pattern("monitor", monitor.app, monitor.scene, check_monitor),
    Pattern("approval", approval.app, approval.scene, check_approval),
    Pattern("aggregator", aggregator.app, aggregator.scene, check_aggregator),
]
