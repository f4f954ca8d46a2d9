"""The overview, our lists, and all about one orchestration or entity."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from perdure.gateway import asgi
from perdure.gateway.api.meter import Meter
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.records import Batch, TurnRow
from tests.gateway.conftest import ORIGIN, TOKEN
from tests.gateway.shop import Counter, app, approval, broken, doubled

API = ORIGIN + "/api/v1"


def add(client: EmbeddedClient, key: str, amount: int) -> None:
    client.entity(Counter, key).call(Counter.add, amount).get(timeout=30)


def pages(http: TestClient, url: str) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    headers: dict[str, str] = {}
    while True:
        answer = http.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        if "x-ms-continuation-token" not in answer.headers:
            return found
        headers = {"x-ms-continuation-token": answer.headers["x-ms-continuation-token"]}


def test_the_overview_tells_how_a_store_is(http: TestClient, client: EmbeddedClient) -> None:
    client.start(doubled, 2).result(timeout=30)
    client.start(approval, instance_id="first").wait_for_start(timeout=30)
    client.start(approval, instance_id="second").wait_for_start(timeout=30)
    add(client, "a", 1)

    told = http.get(f"{API}/overview?seconds=5").json()

    assert told["instances"] == {"Completed": 1, "Running": 2}
    assert told["isCounting"] is False
    assert told["entities"] == {"counter": 1}
    assert {"approval", "broken", "doubled"} <= set(told["orchestrators"])
    assert told["orchestrators"] == sorted(told["orchestrators"])
    assert told["oldestWaiting"]["instanceId"] == "first"
    assert len(told["seconds"]) == 5
    assert told["store"]["durability"] == "nothing"
    assert (told["quarantined"], told["problem"]) == (0, "")


def test_the_overview_of_a_file_tells_its_size(tmp_path: Any) -> None:
    with app.open(str(tmp_path / "shop.db")) as client:
        add(client, "a", 1)
        http = TestClient(asgi(client, token=TOKEN), headers={"x-functions-key": TOKEN})
        told = http.get(f"{API}/overview").json()["store"]

    assert told["walBytes"] > 0
    assert told["freeBytes"] > 0
    assert told["durability"] == "power"


def test_seconds_are_counted_from_commits() -> None:
    now = 10_000_000
    meter = Meter(lambda: now)
    meter.count(Batch(1, turns=[TurnRow("@a@1", 1, 3, b"[]", now - 4_000)]))
    meter.count(Batch(2, turns=[TurnRow("@a@1", 4, 1, b"[]", now - 2_000)]))
    now = 12_000_000

    seconds = [second.told() for second in meter.seconds(3)]

    assert [(s["time"], s["commits"], s["events"]) for s in seconds] == [
        (9, 0, 0),
        (10, 2, 4),
        (11, 0, 0),
    ]
    assert (seconds[1]["meanLatencyMs"], seconds[1]["maxLatencyMs"]) == (3.0, 4.0)
    assert meter.total.events == 4


def test_orchestrations_are_listed_by_all_that_is_known_of_them(
    http: TestClient, client: EmbeddedClient
) -> None:
    for number in range(5):
        client.start(doubled, number, instance_id=f"d{number}").result(timeout=30)
    client.start(approval, instance_id="chair", tags={"team": "a:b"})
    client.start(broken, "no", instance_id="wrong")
    with pytest.raises(Exception, match="no"):
        client.orchestration("wrong").result(timeout=30)

    def ids(query: str) -> list[str]:
        return [one["instanceId"] for one in pages(http, f"{API}/instances?{query}")]

    assert ids("top=2") == ["chair", "d0", "d1", "d2", "d3", "d4", "wrong"]
    assert ids("order=recent&top=2&name=doubled") == ["d4", "d3", "d2", "d1", "d0"]
    assert ids("runtimeStatus=Failed,Running&top=1") == ["chair", "wrong"]
    assert ids("name=DOUBLED&instanceIdPrefix=d4") == ["d4"]
    assert ids("order=recent&instanceIdPrefix=d&top=1") == ["d4", "d3", "d2", "d1", "d0"]
    assert ids("tag=team:a:b") == ["chair"]
    assert ids("createdTimeFrom=2999-01-01") == []
    assert ids("parent=chair") == []


@pytest.mark.parametrize(
    "query",
    [
        "order=up",
        "tag=x",
        "runtimeStatus=Odd",
        "top=0",
        "createdTimeTo=x",
        "seconds=0",
        "seconds=301",
    ],
)
def test_what_makes_no_sense_in_a_list_is_told(http: TestClient, query: str) -> None:
    path = "overview" if query.startswith("seconds") else "instances"

    assert http.get(f"{API}/{path}?{query}").status_code == 400


def test_a_token_of_another_list_is_refused(http: TestClient) -> None:
    token = {"x-ms-continuation-token": "eA=="}

    assert http.get(f"{API}/instances?order=recent", headers=token).status_code == 400
    assert http.get(f"{API}/changes", headers=token).status_code == 400


def test_a_search_that_takes_long_ends_its_page(
    http: TestClient, client: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        client.start(doubled, number, instance_id=f"d{number}").result(timeout=30)
    monkeypatch.setattr("perdure.gateway.engine.LOOK_SECONDS", 0.0)

    first = http.get(f"{API}/instances?name=dóubled")  # no store folds this letter

    assert first.json() == []
    assert "x-ms-continuation-token" in first.headers
    assert len(pages(http, f"{API}/instances")) == 3
    assert len(pages(http, f"{API}/instances?order=recent")) == 3


def test_an_orchestration_in_full(http: TestClient, client: EmbeddedClient) -> None:
    client.start(doubled, 4, instance_id="d").result(timeout=30)
    client.start(approval, instance_id="chair").wait_for_start(timeout=30)

    done = http.get(f"{API}/instances/d").json()
    open_one = http.get(f"{API}/instances/chair").json()

    assert (done["input"], done["output"], done["customStatus"]) == (4, 8, "at work")
    (bar,) = done["timeline"]
    assert (bar["kind"], bar["name"], bar["status"]) == ("activity", "double", "Completed")
    assert bar["start"] <= bar["end"]
    assert done["children"] == []
    assert {reason["kind"] for reason in open_one["why"]} & {"event", "timer"}
    assert [bar["end"] for bar in open_one["timeline"]] == [None]
    assert http.get(f"{API}/instances/nobody").status_code == 404


def test_an_entity_in_full(http: TestClient, client: EmbeddedClient) -> None:
    add(client, "a/b", 3)

    told = http.get(f"{API}/entities/counter/a/b").json()
    kinds = http.get(f"{API}/entities").json()

    assert told["state"]["value"] == 3
    assert (told["version"], told["queue"], told["lockedBy"]) == (1, [], None)
    named = {operation["name"]: operation for operation in told["operations"]}
    assert named["add"]["parameters"] == [
        {"name": "amount", "type": "int", "required": True, "schema": {"type": "integer"}}
    ]
    assert [p["required"] for p in named["note"]["parameters"]] == [True, False]
    assert [(kind["name"], kind["count"]) for kind in kinds] == [("counter", 1)]
    assert http.get(f"{API}/entities/counter/nobody").status_code == 404
    assert http.get(f"{API}/entities/nothing/x").status_code == 404


def test_entities_are_found_by_their_keys(http: TestClient, client: EmbeddedClient) -> None:
    for key in ("a1", "a2", "b1"):
        add(client, key, 1)

    found = pages(http, f"{API}/entities/counter?prefix=a&top=1&fetchState=true")

    assert [one["entityId"]["key"] for one in found] == ["a1", "a2"]
    assert found[0]["state"]["value"] == 1


def test_changes_come_in_pages_in_both_directions(
    http: TestClient, client: EmbeddedClient
) -> None:
    for amount in range(1, 8):
        add(client, "a", amount)
    client.start(doubled, 1, instance_id="d").result(timeout=30)

    first = http.get(f"{API}/changes?after=0.0&top=3&kind=counter").json()
    rest = http.get(f"{API}/changes?after={first[-1]['position']}&of=entities").json()
    newest = http.get(f"{API}/changes?of=entities&top=2")
    token = {"x-ms-continuation-token": newest.headers["x-ms-continuation-token"]}
    before = http.get(f"{API}/changes?of=entities&top=2", headers=token).json()

    assert [change["version"] for change in first + rest] == [1, 2, 3, 4, 5, 6, 7]
    assert [change["version"] for change in before + newest.json()] == [4, 5, 6, 7]
    assert {c["address"] for c in http.get(f"{API}/changes").json()} == {"@counter@a", "d"}
