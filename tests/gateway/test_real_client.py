"""``azure-functions-durable``'s own client, which speaks HTTP only, against the gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from importlib import import_module
from typing import Any

import aiohttp
import pytest

from perdure.gateway import asgi
from perdure.gateway.durabletask.payloads import management_payload
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import TOKEN
from tests.gateway.live import Live, served


def part(module: str, name: str) -> Any:
    """Something of the field's package, which has no types."""
    return getattr(import_module(f"azure.durable_functions.models.{module}"), name)


http_utils = part("utils", "http_utils")
EntityId = part("utils.entity_utils", "EntityId")
Status = part("OrchestrationRuntimeStatus", "OrchestrationRuntimeStatus")
RealClient = part("DurableOrchestrationClient", "DurableOrchestrationClient")


@pytest.fixture(params=[None, TOKEN], ids=["without a token", "with the token"])
def token(request: pytest.FixtureRequest) -> str | None:
    given: str | None = request.param
    return given


@pytest.fixture
def live(client: EmbeddedClient, token: str | None) -> Iterator[Live]:
    with served(asgi(client, token=token)) as live:
        yield live


Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def run(token: str | None) -> Run:
    """Runs a coroutine, in which the client's one session sends the token."""
    headers = {} if token is None else {"x-functions-key": token}

    async def whole(work: Coroutine[Any, Any, None]) -> None:
        async with aiohttp.ClientSession(headers=headers) as session:
            http_utils._client_session = session
            await work

    return lambda work: asyncio.run(whole(work))


def real(live: Live) -> Any:
    """The client as a worker of the field makes it."""
    binding = {
        "taskHubName": "hub",
        "creationUrls": {},
        "managementUrls": management_payload(live.base, "INSTANCEID"),
        "rpcBaseUrl": live.base + "/",
    }
    return RealClient(json.dumps(binding), "invocation-1")


def test_it_starts_waits_and_reads(live: Live, run: Run) -> None:
    async def work() -> None:
        durable = real(live)
        name = await durable.start_new("doubled", "order-1", 21)
        answer = await durable.wait_for_completion_or_create_check_status_response(
            None, name, timeout_in_milliseconds=30_000, retry_interval_in_milliseconds=20
        )
        status = await durable.get_status(name, show_history=True, show_input=True)

        assert name == "order-1"
        assert (answer.status_code, json.loads(answer.get_body())) == (200, 42)
        assert status.runtime_status is Status.Completed
        assert (status.input_, status.output, status.custom_status) == (21, 42, "at work")
        assert isinstance(status.created_time, datetime)
        assert [event["EventType"] for event in status.historyEvents][1] == "TaskCompleted"
        assert not await durable.get_status("nobody")

    run(work())


def test_it_raises_events(live: Live, run: Run, client: EmbeddedClient) -> None:
    async def work() -> None:
        durable = real(live)
        name = await durable.start_new("approval")
        await durable.raise_event(name, "ApprovalEvent", True)

        assert await client.orchestration(name) == "approved"
        with pytest.raises(Exception, match="is gone"):
            await durable.raise_event(name, "ApprovalEvent", True)
        with pytest.raises(Exception, match="No instance"):
            await durable.raise_event("nobody", "ApprovalEvent", True)

    run(work())


def test_it_is_told_what_cannot_be_started(live: Live, run: Run) -> None:
    async def work() -> None:
        with pytest.raises(Exception, match="nobody"):
            await real(live).start_new("nobody")

    run(work())


def test_it_suspends_resumes_terminates_and_purges(live: Live, run: Run) -> None:
    async def work() -> None:
        durable = real(live)
        name = await durable.start_new("approval")
        await durable.suspend(name, "wait")
        assert (await durable.get_status(name)).runtime_status is Status.Suspended
        await durable.resume(name, "go")
        await durable.terminate(name, "enough")
        status = await durable.get_status(name)
        assert (status.runtime_status, status.output) == (Status.Terminated, "enough")
        assert (await durable.purge_instance_history(name)).instances_deleted == 1
        assert (await durable.purge_instance_history(name)).instances_deleted == 0

    run(work())


def test_it_lists_and_purges_many(live: Live, run: Run) -> None:
    async def work() -> None:
        durable = real(live)
        for number in range(3):
            await durable.start_new("approval", f"order-{number}")
        await durable.terminate("order-2", "enough")
        since = datetime(2000, 1, 1)

        every = await durable.get_status_all()
        some = await durable.get_status_by(
            since, None, [Status.Terminated], instance_id_prefix="order"
        )
        purged = await durable.purge_instance_history_by(since, None, [Status.Terminated])

        assert [status.instance_id for status in every] == ["order-0", "order-1", "order-2"]
        assert [status.instance_id for status in some] == ["order-2"]
        assert purged.instances_deleted == 1

    run(work())


def test_it_rewinds_and_restarts(live: Live, run: Run, client: EmbeddedClient) -> None:
    async def work() -> None:
        durable = real(live)
        name = await durable.start_new("broken", None, "no")
        with pytest.raises(Exception, match="no"):
            await client.orchestration(name)
        await durable.rewind(name, "again")
        again = await durable.restart(name)
        assert again != name

    run(work())


def test_it_signals_and_reads_entities(live: Live, run: Run, client: EmbeddedClient) -> None:
    async def work() -> None:
        durable = real(live)
        counter = EntityId("Counter", "a")
        assert not (await durable.read_entity_state(counter)).entity_exists
        await durable.signal_entity(counter, "add", 2)
        await durable.signal_entity(counter, "note", {"text": "tea", "times": 2})
        await client.entity("counter", "a").call("add", 0)

        found = await durable.read_entity_state(counter)

        assert found.entity_state == {"value": 2, "notes": ["tea", "tea"], "_calls": 0}

    run(work())
