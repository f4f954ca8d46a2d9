"""What is ours beyond the field's API."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import ORIGIN
from tests.gateway.shop import Counter

API = ORIGIN + "/api/v1"
A = f"{API}/entities/counter/a/b"


@pytest.fixture
def added(client: EmbeddedClient) -> list[int]:
    """What was added, one after the other."""
    amounts = list(range(1, 46))
    for amount in amounts:
        client.entity(Counter, "a/b").call(Counter.add, amount).get(timeout=30)
    return amounts


def test_a_history_has_pages(http: TestClient, added: list[int]) -> None:
    first = http.get(f"{A}/history?top=30")
    token = {"x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
    second = http.get(f"{A}/history?top=30", headers=token)
    last = http.get(f"{A}/history?after={len(added) - 1}")

    events = first.json() + second.json()
    assert [event["version"] for event in events] == added
    assert events[1]["operation"] == "add"
    assert events[1]["changes"] == {"value": 3}
    assert "x-ms-continuation-token" not in second.headers
    assert last.json() == events[-1:]


def test_the_state_at_a_version_and_at_a_time(http: TestClient, added: list[int]) -> None:
    events = http.get(f"{A}/history?top=2").json()

    assert http.get(f"{A}/as_of?version=2").json()["value"] == 3
    assert http.get(f"{A}/as_of?time=2100-01-01").json()["value"] == sum(added)
    assert http.get(f"{A}/as_of?time={events[0]['time']}").json()["value"] >= 1
    assert http.get(f"{A}/as_of?version=0").status_code == 404
    assert http.get(f"{A}/as_of?time=2000-01-01T00:00:00Z").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"{A}/as_of",
        f"{A}/as_of?version=x",
        f"{A}/as_of?version=-1",
        f"{A}/as_of?version=99",
        f"{A}/as_of?version=1&time=2100-01-01",
        f"{A}/history?after=x",
        f"{A}/history?top=1001",
        f"{API}/why/%40",
    ],
)
def test_what_makes_no_sense_is_told(http: TestClient, added: list[int], path: str) -> None:
    assert added
    assert 400 <= http.get(path).status_code < 500


def test_what_is_waited_for(http: TestClient) -> None:
    http.post("/orchestrators/approval/order-1")

    kinds = {reason["kind"] for reason in http.get(f"{API}/why/order-1").json()}

    assert "timer" in kinds or "event" in kinds
    assert http.get(f"{API}/why/nobody").status_code == 404


def test_counts_and_health(http: TestClient, client: EmbeddedClient) -> None:
    http.post("/orchestrators/doubled?timeout=30", json=1)
    http.post("/orchestrators/broken?timeout=30", json="no")

    health = http.get(f"{API}/health")

    assert http.get(f"{API}/counts").json() == {"Completed": 1, "Failed": 1}
    assert http.get(f"{API}/counts?name=doubled").json() == {"Completed": 1}
    assert (health.status_code, health.json()["healthy"]) == (200, True)
    client.close()
    assert http.get(f"{API}/health").status_code == 503
