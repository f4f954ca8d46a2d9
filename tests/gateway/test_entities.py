"""The routes about entities."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE, ORIGIN
from tests.gateway.shop import Counter

A = "/entities/counter/a"


def value(client: EmbeddedClient, key: str = "a") -> int | None:
    snapshot = client.entity(Counter, key).get()
    return None if snapshot is None else snapshot.state.value


def test_a_signal_is_accepted_and_done(http: TestClient, client: EmbeddedClient) -> None:
    answer = http.post(f"{A}?op=ADD", json=2)

    assert (answer.status_code, answer.content) == (202, b"")
    assert client.entity(Counter, "a").call(Counter.add, 0).get(timeout=30) == 2


def test_a_call_answers_with_the_result(http: TestClient) -> None:
    answer = http.post(f"{A}?op=add&wait=true", json=2)

    assert (answer.status_code, answer.json()) == (200, 2)


def test_a_call_that_raises_tells_why_and_changes_nothing(http: TestClient) -> None:
    answer = http.post(f"{A}?op=fail&wait=true")

    assert answer.status_code == 422
    assert "it cannot be" in answer.json()["Message"]
    assert http.get(A).status_code == 404


def test_several_parameters_are_one_object(http: TestClient) -> None:
    http.post(f"{A}?op=note&wait=true", json={"text": "tea", "times": 2})
    http.post(f"{A}?op=note&wait=true", json="milk")

    assert http.get(A).json() == {
        "value": 0,
        "notes": ["tea", "tea", "milk"],
        "_calls": 0,
    }


def test_the_state_is_what_is_stored_with_private_fields_and_without_ephemeral_ones(
    http: TestClient,
) -> None:
    http.post(f"{A}?op=add&wait=true", json=1)

    assert http.get(A).json() == {"value": 1, "notes": [], "_calls": 0}


def test_text_is_a_string(http: TestClient) -> None:
    headers = {"content-type": "text/plain; charset=utf-8"}

    http.post(f"{A}?op=note&wait=true", content=b"tea", headers=headers)

    assert http.get(A).json()["notes"] == ["tea"]


def test_an_idempotency_key_makes_two_requests_one(http: TestClient) -> None:
    key = {"Idempotency-Key": "request-1"}

    for _ in range(2):
        assert http.post(f"{A}?op=add&wait=true", json=2, headers=key).json() == 2
    for _ in range(2):
        http.post("/entities/counter/b?op=add", json=2, headers={"Idempotency-Key": "r2"})

    assert http.post("/entities/counter/b?op=add&wait=true", json=0).json() == 2


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/entities/nobody/a?op=add", 404),
        ("/entities/counter/a?op=explode", 400),
        ("/entities/counter/a?op=$answer", 400),
        ("/entities/counter/a", 400),
        ("/entities/counter/$?op=add", 400),
        ("/entities/counter/" + "k" * 257 + "?op=add", 400),
        ("/entities/counter/" + "k" * 256 + "?op=add", 202),
        ("/entities/counter/%00?op=add", 400),
    ],
)
def test_what_cannot_be_sent_is_told(http: TestClient, path: str, status: int) -> None:
    assert http.post(path, json=1).status_code == status


def test_an_input_that_does_not_fit_is_told(http: TestClient) -> None:
    assert http.post(f"{A}?op=add", json="many").status_code == 400
    assert http.post(f"{A}?op=add").status_code == 400


def test_a_key_may_have_slashes(http: TestClient, client: EmbeddedClient) -> None:
    http.post("/entities/counter/a/b%2Fc?op=add&wait=true", json=1)

    assert value(client, "a/b/c") == 1
    assert http.get("/entities/counter/a/b/c").json()["value"] == 1


def test_deleting(http: TestClient, client: EmbeddedClient) -> None:
    http.post(f"{A}?op=add&wait=true", json=2)

    assert http.delete(A).status_code == 202
    assert client.entity(Counter, "a").call(Counter.add, 1).get(timeout=30) == 1


def test_a_list_has_pages_and_states_when_asked(http: TestClient) -> None:
    for key in ("a", "b", "c"):
        http.post(f"/entities/counter/{key}?op=add&wait=true", json=1)

    first = http.get("/entities/counter?top=2")
    token = {"x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
    second = http.get("/entities/?top=2&fetchState=true", headers=token)

    assert [item["entityId"]["key"] for item in first.json()] == ["a", "b"]
    assert "state" not in first.json()[0]
    (last,) = second.json()
    assert last["entityId"] == {"name": "counter", "key": "c"}
    assert last["lastOperationTime"].endswith("Z")
    assert last["state"] == {"value": 1, "notes": [], "_calls": 0}
    assert http.get("/entities/counter?lastOperationTimeFrom=2100-01-01").json() == []
    assert http.get("/entities/nobody").status_code == 404


def test_a_closed_store_is_told_as_such(http: TestClient, client: EmbeddedClient) -> None:
    client.close()

    assert http.post(f"{A}?op=add", json=2).status_code == 503
    assert http.get(A).status_code == 503


def test_the_routes_are_under_the_base_only(http: TestClient) -> None:
    assert BASE in str(http.base_url)
    assert http.get(ORIGIN + "/instances").status_code == 404
