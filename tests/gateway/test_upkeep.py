"""Looking after a store over HTTP: quarantine, backup, schedules, readiness and metrics."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from perdure.gateway import asgi
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.records import Batch, QuarantineRow
from perdure.storage.sqlite.store import SqliteStore
from tests.gateway.conftest import ORIGIN, TOKEN
from tests.gateway.shop import Counter, app

API = ORIGIN + "/api/v1"
BODY = b'["add","value",5,"",false,"",false]'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three messages in quarantine."""
    path = tmp_path / "shop.db"
    store = SqliteStore.open(str(path))
    rows = [QuarantineRow(n, "@counter@a", BODY, 3, "it killed", 1) for n in (1, 2, 3)]
    store.commit(Batch(store.opening.last_batch + 1, quarantined=rows))
    store.close(clean=True)
    return path


def opened(client: EmbeddedClient) -> TestClient:
    return TestClient(asgi(client, token=TOKEN), headers={"x-functions-key": TOKEN})


def test_what_was_set_aside_is_listed_sent_again_and_discarded(store: Path) -> None:
    with app.open(str(store)) as client, opened(client) as http:
        first = http.get(f"{API}/quarantine?top=2")
        token = {"x-ms-continuation-token": first.headers["x-ms-continuation-token"]}
        rest = http.get(f"{API}/quarantine?top=2", headers=token).json()
        assert [row["id"] for row in first.json() + rest] == [1, 2, 3]
        assert (rest[0]["operation"], rest[0]["input"]) == ("add", 5)
        assert http.get(f"{API}/entities/counter/a").json()["quarantined"][0]["id"] == 1

        assert http.post(f"{API}/quarantine/1/redrive").status_code == 202
        assert http.delete(f"{API}/quarantine/2").status_code == 202

        assert http.post(f"{API}/quarantine/1/redrive").status_code == 404
        assert http.delete(f"{API}/quarantine/99").status_code == 404
        assert http.delete(f"{API}/quarantine/{1 << 63}").status_code == 400
        assert [row["id"] for row in http.get(f"{API}/quarantine").json()] == [3]
        assert client.entity(Counter, "a").call(Counter.add, 0).get(timeout=30) == 5


def test_a_backup_is_a_store(store: Path) -> None:
    with app.open(str(store)) as client, opened(client) as http:
        client.entity(Counter, "a").call(Counter.add, 7).get(timeout=30)

        told = http.post(f"{API}/backup").json()

    assert Path(told["path"]).parent == store.parent
    assert told["bytes"] == os.stat(told["path"]).st_size
    with app.open(told["path"]) as copy:
        snapshot = copy.entity(Counter, "a").get()
        assert snapshot is not None
        assert snapshot.state.value == 7


def test_what_is_in_memory_has_no_backup(http: TestClient) -> None:
    assert http.post(f"{API}/backup").status_code == 400


def test_a_schedule_has_a_life_over_http(http: TestClient, client: EmbeddedClient) -> None:
    wish = {"orchestrator": "doubled", "input": 4, "every": 3600, "tags": {"a": "b"}}

    made = http.post(f"{API}/schedules/nightly", json=wish)
    started = http.post(f"{API}/schedules/nightly/trigger").json()["startedInstanceId"]
    assert client.orchestration(started).result(timeout=30) == 8
    paused = http.post(f"{API}/schedules/nightly/pause?note=rain").json()
    resumed = http.post(f"{API}/schedules/nightly/RESUME").json()

    assert (made.status_code, made.json()["every"]) == (200, 3600.0)
    assert made.json()["nextAt"]
    assert (paused["isPaused"], paused["note"]) == (True, "rain")
    assert resumed["isPaused"] is False
    assert [one["id"] for one in http.get(f"{API}/schedules?prefix=n").json()] == ["nightly"]
    assert http.get(f"{API}/schedules/nightly").json()["tags"] == {"a": "b"}
    past = "from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:01Z"
    assert http.post(f"{API}/schedules/nightly/backfill?{past}").status_code == 200
    assert http.delete(f"{API}/schedules/nightly").status_code == 202
    assert http.get(f"{API}/schedules/nightly").status_code == 404
    assert http.get(f"{API}/schedules").json() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"orchestrator": "doubled"}),
        ("", {"every": 1}),
        ("", [1]),
        ("", None),
        ("", {"orchestrator": "no", "every": 9}),
        ("", {"orchestrator": "doubled", "every": 1e300}),
        ("", {"orchestrator": "doubled", "every": 9, "odd": 1}),
        ("/backfill", None),
        ("/pause", None),
        ("/explode", None),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(http: TestClient, path: str, body: Any) -> None:
    answer = http.post(f"{API}/schedules/x{path}", json=body)

    assert 400 <= answer.status_code < 500
    assert http.get(f"{API}/schedules").json() == []


def test_readiness_follows_the_node(http: TestClient, client: EmbeddedClient) -> None:
    assert http.get(f"{API}/ready").json() == {"ready": True, "reason": ""}

    client.close()

    answer = http.get(f"{API}/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)


def test_metrics_are_what_prometheus_reads(http: TestClient, client: EmbeddedClient) -> None:
    client.entity(Counter, "a").call(Counter.add, 7).get(timeout=30)

    answer = http.get(f"{ORIGIN}/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    openmetrics = {"accept": "application/openmetrics-text; version=1.0.0"}

    assert families["perdure_events"].samples[0].value == 1
    assert families["perdure_entities"].samples[0].labels == {"kind": "counter"}
    assert families["perdure_store_healthy"].samples[0].value == 1
    assert http.get(f"{ORIGIN}/metrics", headers=openmetrics).text.endswith("# EOF\n")
