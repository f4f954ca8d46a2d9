"""Log records say what they are about, and are not said again on replay."""

from __future__ import annotations

import json
import logging

import pytest

import perdure
from perdure.orchestration.simulation import simulate

app = perdure.App("logs")


@app.entity
class Till(perdure.Entity):
    total: int = 0

    def add(self, amount: int) -> None:
        self.context.logger.info("added %d", amount, extra={"amount": amount})
        self.total += amount

    def refuse(self) -> None:
        msg = "planned"
        raise ValueError(msg)


@app.activity
def fetch(name: str) -> str:
    perdure.activity_context().logger.info("fetching %s", name)
    return name


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext) -> None:
    ctx.logger.info("begun")
    await ctx.call_activity(fetch, "tea")
    await ctx.wait_for_external_event("go")
    ctx.logger.info("ended")


def said(caplog: pytest.LogCaptureFixture, name: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == name]


def test_an_orchestrators_records_are_said_once_whatever_is_replayed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "perdure")
    with simulate(app) as world:
        world.client.start(run, instance_id="i")
        world.settle()
        world.crash()
        world.client.orchestration("i").raise_event("go")
        world.client.orchestration("i").result(5)

    records = said(caplog, "perdure.orchestrator.run")
    assert [record.message for record in records] == ["begun", "ended"]
    assert [vars(record)["instance_id"] for record in records] == ["i", "i"]
    (fetching,) = said(caplog, "perdure.activity.fetch")
    assert {"instance_id": "i", "task_id": 1, "attempt": 1}.items() <= vars(fetching).items()


def test_an_operations_records_name_entity_operation_and_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "perdure")
    with simulate(app) as world:
        world.client.entity(Till, "a").options(request_id="r").call(Till.add, 3).get(5)

    (record,) = said(caplog, "perdure.entity.till")
    fields = {"entity_id": "@till@a", "operation": "add", "request_id": "r", "amount": 3}
    assert fields.items() <= vars(record).items()


def test_the_engines_records_have_the_same_fields(caplog: pytest.LogCaptureFixture) -> None:
    with simulate(app) as world:
        world.client.entity(Till, "a").signal(Till.refuse)
        world.settle()

    (record,) = said(caplog, "perdure")
    assert {"entity_id": "@till@a", "operation": "refuse"}.items() <= vars(record).items()


def test_a_record_as_json_is_one_line_with_all_fields() -> None:
    record = logging.LogRecord("shop", logging.INFO, "f.py", 1, "two\n%s", ("lines",), None)
    record.__dict__.update(entity_id="@till@a", odd={1, 2}.__class__)
    record.exc_info = (ValueError, ValueError("planned"), None)

    line = perdure.JsonFormatter().format(record)

    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "two\nlines"
    assert (told["level"], told["logger"], told["entity_id"]) == ("info", "shop", "@till@a")
    assert told["odd"] == "<class 'set'>"
    assert told["exception"].endswith("ValueError: planned")


def test_an_app_and_a_client_say_what_they_are() -> None:
    with simulate(app) as world:
        assert repr(app) == "<App 'logs': till, run>"
        assert repr(world.client).startswith("<EmbeddedClient of ")
        assert repr(world.client).endswith(", open>")
