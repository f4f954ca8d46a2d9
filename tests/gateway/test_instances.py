"""The routes about orchestrations, as the field has them."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from perdure.gateway import limits
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE, ORIGIN

ROOT = ORIGIN + BASE


def test_a_start_answers_with_the_links(http: TestClient) -> None:
    answer = http.post("/orchestrators/approval/order-1")

    url = f"{ROOT}/instances/order-1"
    assert answer.status_code == 202
    assert answer.headers["location"] == url
    assert answer.headers["retry-after"] == "10"
    assert answer.json() == {
        "id": "order-1",
        "statusQueryGetUri": url,
        "sendEventPostUri": url + "/raiseEvent/{eventName}",
        "terminatePostUri": url + "/terminate?reason={text}",
        "rewindPostUri": url + "/rewind?reason={text}",
        "purgeHistoryDeleteUri": url,
        "restartPostUri": url + "/restart",
        "suspendPostUri": url + "/suspend?reason={text}",
        "resumePostUri": url + "/resume?reason={text}",
    }


def test_a_start_that_waits_answers_with_the_output(http: TestClient) -> None:
    answer = http.post("/orchestrators/doubled?timeout=30&pollingInterval=1", json=21)

    assert (answer.status_code, answer.json()) == (200, 42)


def test_a_start_that_waits_in_vain_answers_with_the_links_and_leaves_nobody_waiting(
    http: TestClient, client: EmbeddedClient
) -> None:
    answer = http.post("/orchestrators/approval/order-1?timeout=0")

    assert answer.status_code == 202
    assert answer.json()["id"] == "order-1"
    assert client.waits.watch("order-1").waiting == []


@pytest.mark.parametrize("wait", [limits.WAIT_SECONDS + 1, -1, "nan", "soon"])
def test_a_wait_has_a_limit(http: TestClient, wait: object) -> None:
    at_the_limit = http.post(f"/orchestrators/doubled?timeout={limits.WAIT_SECONDS}", json=1)

    assert at_the_limit.status_code == 200
    assert http.post(f"/orchestrators/doubled?timeout={wait}", json=1).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orchestrators/nobody", b"1"),
        ("/orchestrators/doubled", b"{"),
        ("/orchestrators/doubled", b'"\\ud800"'),
        ("/orchestrators/doubled", b"[" * 100_000),
        ("/orchestrators/doubled", b'"text"'),
        ("/orchestrators/doubled/" + "i" * 257, b"1"),
        ("/orchestrators/doubled/%40counter%40a", b"1"),
    ],
)
def test_what_cannot_be_started_is_told(http: TestClient, path: str, body: bytes) -> None:
    answer = http.post(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["ExceptionMessage"] == answer.json()["Message"] != ""
    assert http.get("/instances").json() == []


def test_a_start_with_an_idempotency_key_is_one_start(http: TestClient) -> None:
    key = {"Idempotency-Key": "request-1"}

    first = http.post("/orchestrators/doubled", json=1, headers=key).json()["id"]
    again = http.post("/orchestrators/doubled", json=1, headers=key).json()["id"]

    assert first == again
    assert len(http.get("/instances").json()) == 1


def test_an_id_that_lives_is_taken(http: TestClient) -> None:
    assert http.post("/orchestrators/approval/order-1").status_code == 202
    assert http.post("/orchestrators/approval/order-1").status_code == 409


def test_the_status_of_one_that_runs_and_of_one_that_has_ended(http: TestClient) -> None:
    http.post("/orchestrators/approval/order-1")
    running = http.get("/instances/order-1")
    http.post("/orchestrators/doubled/order-2?timeout=30", json=21)
    ended = http.get("/instances/order-2")

    assert running.status_code == 202
    assert running.headers["location"] == f"{ROOT}/instances/order-1"
    assert running.headers["retry-after"] == "5"
    assert running.json()["runtimeStatus"] in ("Pending", "Running")
    assert ended.status_code == 200
    body = ended.json()
    times = [body.pop("createdTime"), body.pop("lastUpdatedTime")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert body == {
        "name": "doubled",
        "instanceId": "order-2",
        "runtimeStatus": "Completed",
        "input": 21,
        "customStatus": "at work",
        "output": 42,
    }
    assert http.get("/instances/order-2?showInput=false").json()["input"] is None
    assert http.get("/instances/nobody").status_code == 404


def test_the_status_of_one_that_failed(http: TestClient) -> None:
    http.post("/orchestrators/broken/order-1?timeout=30", json="no")

    usual = http.get("/instances/order-1")
    strict = http.get("/instances/order-1?returnInternalServerErrorOnFailure=true")

    assert (usual.status_code, strict.status_code) == (200, 500)
    assert usual.json() == strict.json()
    assert usual.json()["runtimeStatus"] == "Failed"
    assert "no" in usual.json()["output"]


def test_a_history_is_compacted(http: TestClient) -> None:
    http.post("/orchestrators/doubled/order-1?timeout=30", json=21)

    short = http.get("/instances/order-1?showHistory=True").json()["historyEvents"]
    full = http.get("/instances/order-1?showHistory=true&showHistoryOutput=true").json()

    kinds = [event["EventType"] for event in short]
    assert kinds == ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]
    assert short[1]["FunctionName"] == "double"
    assert short[1]["ScheduledTime"] <= short[1]["Timestamp"]
    assert short[2]["OrchestrationStatus"] == "Completed"
    assert not any("Result" in event for event in short)
    assert [event.get("Result") for event in full["historyEvents"]] == [None, 42, 42]


def test_events_are_raised_in_any_case_until_it_has_ended(
    http: TestClient, client: EmbeddedClient
) -> None:
    url = "/instances/order-1/raiseevent/approvalEVENT"
    http.post("/orchestrators/approval/order-1")

    assert http.post(url, json=True).status_code == 202
    assert client.orchestration("order-1").result(timeout=30) == "approved"
    assert http.post(url, json=True).status_code == 410
    assert http.post("/instances/nobody/raiseEvent/a", json=True).status_code == 404
    assert http.post("/instances/order-1/raise/a", json=True).status_code == 404


def test_suspending_resuming_and_terminating(http: TestClient) -> None:
    http.post("/orchestrators/approval/order-1")

    def status() -> object:
        return http.get("/instances/order-1").json()["runtimeStatus"]

    assert http.post("/instances/order-1/Suspend?reason=wait").status_code == 202
    assert status() == "Suspended"
    assert http.post("/instances/order-1/resume").status_code == 202
    assert status() == "Running"
    assert http.post("/instances/order-1/terminate?reason=enough").status_code == 202
    assert status() == "Terminated"
    assert http.get("/instances/order-1").json()["output"] == "enough"
    assert http.post("/instances/order-1/suspend").status_code == 410
    assert http.post("/instances/nobody/terminate").status_code == 404
    assert http.post("/instances/order-1/explode").status_code == 404


def test_rewinding(http: TestClient) -> None:
    http.post("/orchestrators/approval/running")
    http.post("/orchestrators/doubled/completed?timeout=30", json=1)
    http.post("/orchestrators/broken/failed?timeout=30", json="no")

    statuses = [
        http.post(f"/instances/{name}/rewind?reason=x").status_code
        for name in ("running", "completed", "failed", "nobody")
    ]

    assert statuses == [400, 410, 202, 404]


def test_restarting(http: TestClient) -> None:
    http.post("/orchestrators/doubled/order-1?timeout=30", json=21)

    fresh = http.post("/instances/order-1/restart")
    same = http.post("/instances/order-1/restart?restartWithNewInstanceId=false")

    assert fresh.status_code == same.status_code == 202
    assert fresh.json()["id"] != "order-1"
    assert same.json()["id"] == "order-1"
    assert http.post("/instances/nobody/restart").status_code == 400


def test_purging_one(http: TestClient) -> None:
    http.post("/orchestrators/approval/running")
    http.post("/orchestrators/doubled/order-1?timeout=30", json=21)

    answer = http.delete("/instances/order-1")

    assert (answer.status_code, answer.json()) == (200, {"instancesDeleted": 1})
    assert http.delete("/instances/order-1").status_code == 404
    assert http.delete("/instances/running").status_code == 400


def test_purging_many(http: TestClient) -> None:
    for number in range(3):
        http.post(f"/orchestrators/doubled/order-{number}?timeout=30", json=number)
    since = "createdTimeFrom=2000-01-01T00:00:00Z"

    assert http.delete("/instances").status_code == 400
    assert http.delete(f"/instances?{since}&runtimeStatus=Failed").status_code == 404
    answer = http.delete(f"/instances/?{since}&runtimeStatus=Completed,Failed")
    assert (answer.status_code, answer.json()) == (200, {"instancesDeleted": 3})
    assert http.get("/instances").json() == []


def test_pages_are_continued_by_a_token(http: TestClient) -> None:
    names = [f"order-{number:02}" for number in range(45)]
    for name in names:
        http.post(f"/orchestrators/approval/{name}")

    first = http.get("/instances?top=44&instanceIdPrefix=order-&runtimeStatus=Running,Pending")
    token = {"x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
    second = http.get("/instances?top=44", headers=token)

    assert [item["instanceId"] for item in first.json()] == names[:44]
    assert [item["instanceId"] for item in second.json()] == names[44:]
    assert "x-ms-continuation-token" not in second.headers


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"top={limits.PAGE_ITEMS}", 200),
        (f"top={limits.PAGE_ITEMS + 1}", 400),
        ("top=0", 400),
        ("top=x", 400),
        ("runtimeStatus=Unheard", 400),
        ("createdTimeFrom=yesterday", 400),
        ("createdTimeFrom=0001-01-01T00:00:00%2B14:00", 400),
        ("showInput=maybe", 400),
    ],
)
def test_what_a_list_is_asked_for_is_checked(http: TestClient, query: str, status: int) -> None:
    assert http.get(f"/instances?{query}").status_code == status


def test_a_token_that_the_server_did_not_give_is_refused(http: TestClient) -> None:
    headers = {"x-ms-continuation-token": "%%%"}

    assert http.get("/instances", headers=headers).status_code == 400


def test_a_page_ends_early_when_it_is_large(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.gateway.http.pages.PAGE_BYTES", 100)
    for number in range(limits.PAGE_STEP + 1):
        http.post(f"/orchestrators/approval/order-{number:02}")

    page = http.get("/instances?top=1000")

    assert len(page.json()) == limits.PAGE_STEP
    assert "x-ms-continuation-token" in page.headers
