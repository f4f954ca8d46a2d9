"""What users' own routes answer with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from perdure.errors import InvalidIdError, InvalidInputError
from perdure.gateway import Gateway, asgi, limits
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE, ORIGIN, TOKEN


@pytest.fixture
def gateway(client: EmbeddedClient) -> Gateway:
    return asgi(client, token=TOKEN, mounted_at="/durable")


@pytest.fixture
def web(client: EmbeddedClient, gateway: Gateway) -> TestClient:
    """An application of a user's, with routes of its own beside the gateway."""

    async def start(request: Request) -> Response:
        ref = await asyncio.to_thread(client.start, "approval", instance_id="order-1")
        return gateway.create_check_status_response(request, ref.id)

    async def links(request: Request) -> Response:
        return JSONResponse(gateway.create_http_management_payload("order-1", request))

    async def wait(request: Request) -> Response:
        name = request.query_params["name"]
        fail = "fail" in request.query_params
        return await gateway.wait_for_completion_or_create_check_status_response(
            request,
            name,
            float(request.query_params["timeout"]),
            return_internal_server_error_on_failure=fail,
        )

    routes: list[Any] = [
        Route("/start", start, methods=["POST"]),
        Route("/links", links),
        Route("/wait", wait),
        Mount("/durable", gateway),
    ]
    return TestClient(Starlette(routes=routes), base_url=ORIGIN)


def test_the_links_lead_to_where_it_is_mounted(web: TestClient) -> None:
    answer = web.post("/start")

    url = f"{ORIGIN}/durable{BASE}/instances/order-1"
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["statusQueryGetUri"] == url
    assert web.get("/links").json() == answer.json()
    assert web.get(url).status_code == 401
    assert web.get(url, headers={"x-functions-key": TOKEN}).status_code == 202


def test_waiting_ends_with_the_output_the_failure_or_the_links(
    web: TestClient, client: EmbeddedClient
) -> None:
    client.start("doubled", 21, instance_id="good")
    client.start("broken", "no", instance_id="bad")
    client.start("approval", instance_id="slow")

    good = web.get("/wait?name=good&timeout=30")
    bad = web.get("/wait?name=bad&timeout=30")
    worse = web.get("/wait?name=bad&timeout=30&fail")
    slow = web.get("/wait?name=slow&timeout=0")

    assert (good.status_code, good.json()) == (200, 42)
    assert (bad.status_code, bad.json()["runtimeStatus"]) == (200, "Failed")
    assert (worse.status_code, worse.json()) == (500, bad.json())
    assert (slow.status_code, slow.json()["id"]) == (202, "slow")


def test_waiting_too_long_is_refused(web: TestClient) -> None:
    with pytest.raises(InvalidInputError, match="240"):
        web.get(f"/wait?name=x&timeout={limits.WAIT_SECONDS + 1}")


def test_a_host_header_of_an_attackers_gets_into_no_link(web: TestClient) -> None:
    with pytest.raises(InvalidInputError, match=r"evil\.example"):
        web.get("/links", headers={"host": "evil.example"})


def test_links_without_a_request_need_the_public_url(
    client: EmbeddedClient, gateway: Gateway
) -> None:
    public = asgi(client, token=TOKEN, public_url="https://shop.example/api/")

    with pytest.raises(InvalidInputError, match="public_url"):
        gateway.create_http_management_payload("order-1")
    with pytest.raises(InvalidIdError):
        public.create_http_management_payload("a/b")
    found = public.create_http_management_payload("a b%é:c")["statusQueryGetUri"]
    assert found == f"https://shop.example/api{BASE}/instances/a%20b%25%C3%A9:c"
