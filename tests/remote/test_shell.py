"""Commands that read, of a store that a server has open."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from perdure.cli.commands import perdure
from perdure.gateway import asgi
from tests.contracts.clients import TOKEN, app, waiting
from tests.gateway.live import served


@pytest.fixture
def url() -> Iterator[str]:
    with app.open(":memory:") as local, served(asgi(local, token=TOKEN)) as live:
        for number in range(150):  # more than a page
            local.start(
                waiting, number, instance_id=f"a{number:03}", tags={"n": str(number % 2)}
            )
        local.orchestration("a149").wait_for_start(timeout=30)
        yield f"http://127.0.0.1:{live.port}"


def run(*words: str) -> Result:
    return CliRunner(env={"PERDURE_TOKEN": TOKEN, "PERDURE_STORE": None}).invoke(perdure, words)


def test_orchestrations_are_listed_and_counted_from_afar(url: str) -> None:
    listed = run(
        "orchestration", "list", "--tag", "n=1", "--limit", "80", "--json", "--url", url
    )
    counted = run("orchestration", "list", "--count", "--json", "--url", url)

    assert listed.exit_code == 0, listed.output
    ids = [json.loads(line)["instance_id"] for line in listed.stdout.splitlines()]
    assert ids == [f"a{number:03}" for number in range(1, 150, 2)]
    assert sum(json.loads(counted.stdout).values()) == 150


def test_why_is_asked_from_afar(url: str) -> None:
    told = run("why", "a149", "--json", "--url", url)

    assert told.exit_code == 0, told.output
    assert "'go'" in json.loads(told.stdout)["text"]
