"""An open store, the gateway over it, and a client of that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from perdure.gateway import Gateway, asgi
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.shop import app

TOKEN = "a-token-of-the-tests-of-40-characters..."
BASE = "/runtime/webhooks/durabletask"
ORIGIN = "http://127.0.0.1:7071"


@pytest.fixture
def client() -> Iterator[EmbeddedClient]:
    with app.open(":memory:") as client:
        yield client


@pytest.fixture
def gateway(client: EmbeddedClient) -> Gateway:
    return asgi(client, token=TOKEN)


@pytest.fixture
def http(gateway: Gateway) -> Iterator[TestClient]:
    """Asks as its user does: with the token."""
    with TestClient(
        gateway,
        base_url=ORIGIN + BASE,
        headers={"x-functions-key": TOKEN},
        raise_server_exceptions=False,
    ) as http:
        yield http


@pytest.fixture
def stranger(gateway: Gateway) -> Iterator[TestClient]:
    """Asks without the token."""
    with TestClient(gateway, base_url=ORIGIN + BASE) as http:
        yield http
