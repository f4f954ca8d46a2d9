"""Server-sent events: the change feed, and how one orchestration or entity goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from perdure.gateway import Gateway, asgi, limits
from perdure.gateway.application import Gateway as Application
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import TOKEN
from tests.gateway.events import stream
from tests.gateway.live import Live, served
from tests.gateway.shop import Counter, approval, copying, doubled, going_on


@pytest.fixture
def live(gateway: Gateway) -> Iterator[Live]:
    with served(gateway) as live:
        yield live


def add(client: EmbeddedClient, key: str, amount: int) -> None:
    client.entity(Counter, key).call(Counter.add, amount).get(timeout=30)


def test_the_feed_tells_what_happens_from_now_on(client: EmbeddedClient, live: Live) -> None:
    add(client, "old", 1)

    with stream(live, "/feed") as feed:
        add(client, "new", 2)
        (event,) = feed.take(1)

    assert feed.headers["content-type"] == "text/event-stream"
    assert event.name == "change"
    assert event.data["address"] == "@counter@new"
    assert event.data["changes"]["value"] == 2
    assert event.id == event.data["position"]


def test_the_feed_goes_on_behind_the_last_event_that_was_seen(
    client: EmbeddedClient, live: Live
) -> None:
    for amount in range(1, 6):
        add(client, "a", amount)
    with stream(live, "/feed?after=0.0&of=entities") as feed:
        seen = feed.take(2)

    with stream(live, "/feed?of=entities", {"last-event-id": seen[-1].id}) as feed:
        rest = feed.take(3)

    assert [event.data["version"] for event in seen + rest] == [1, 2, 3, 4, 5]


def test_a_feed_that_does_not_follow_ends(client: EmbeddedClient, live: Live) -> None:
    add(client, "a", 1)
    client.start(doubled, 2).result(timeout=30)

    with stream(live, "/feed?after=0.0&follow=false") as feed:
        names = [event.name for event in feed]

    assert names[0] == "change"
    assert "history" in names
    assert names[-1] == "end"


@pytest.mark.parametrize(
    ("query", "addresses"),
    [
        ("of=entities", {"@counter@a", "@counter@b"}),
        ("of=orchestrations", {"order"}),
        ("kind=counter", {"@counter@a", "@counter@b"}),
        ("kind=other", set[str]()),
        ("address=@counter@b", {"@counter@b"}),
        ("address=order&address=@counter@a", {"order", "@counter@a"}),
    ],
)
def test_the_feed_has_filters(
    client: EmbeddedClient, live: Live, query: str, addresses: set[str]
) -> None:
    add(client, "a", 1)
    add(client, "b", 1)
    client.start(doubled, 2, instance_id="order").result(timeout=30)

    with stream(live, f"/feed?after=0.0&follow=false&{query}") as feed:
        told = {event.data["address"] for event in feed if event.name != "end"}

    assert told == addresses


def test_many_read_the_same_feed(client: EmbeddedClient, live: Live) -> None:
    with stream(live, "/feed?kind=counter") as one, stream(live, "/feed") as other:
        for amount in range(30):
            add(client, "a", amount + 1)

        first, second = one.take(30), other.take(30)

    assert [event.id for event in first] == [event.id for event in second]


def test_an_orchestration_is_followed_to_its_end(client: EmbeddedClient, live: Live) -> None:
    client.start(approval, instance_id="chair")

    with stream(live, "/instances/chair/stream") as progress:
        events = iter(progress)
        first = next(events)
        client.orchestration("chair").raise_event("ApprovalEvent", True)
        rest = list(events)

    assert first.data["runtimeStatus"] in ("Pending", "Running")
    assert rest[-2].data["runtimeStatus"] == "Completed"
    assert rest[-2].data["output"] == "approved"
    assert rest[-1].name == "end"
    seen = {"last-event-id": rest[-2].id}
    with stream(live, "/instances/chair/stream", seen) as again:
        assert again.status == 204
    with stream(live, "/instances/nobody/stream") as none:
        assert none.status == 404


def test_what_activities_tell_is_followed(client: EmbeddedClient, live: Live) -> None:
    going_on.clear()
    client.start(copying, instance_id="c")
    seen: list[dict[str, Any]] = []
    names: list[str] = []

    with stream(live, "/instances/c/stream") as progress:
        for event in progress:
            names.append(event.name)
            if event.name == "activities":
                seen += event.data["activities"]
            if seen and seen[-1]["progress"] == {"copied": 1}:
                going_on.set()

    assert going_on.is_set()
    assert {(attempt["name"], attempt["attempt"]) for attempt in seen} == {("copy", 1)}
    assert names[-2:] == ["status", "end"]


def test_one_that_is_purged_while_it_is_followed_is_gone(
    client: EmbeddedClient, live: Live
) -> None:
    ref = client.start(approval, instance_id="chair")
    ref.wait_for_start(timeout=30)
    with stream(live, "/instances/chair/stream") as progress:
        events = iter(progress)
        next(events)
        ref.terminate()
        ref.purge()
        assert list(events)[-1].name == "end"


def test_an_entity_is_followed(client: EmbeddedClient, live: Live) -> None:
    with stream(live, "/entities/counter/a/stream") as states:
        events = iter(states)
        assert next(events).name == "gone"
        add(client, "a", 3)
        told = next(events)
        add(client, "a", 4)
        again = next(events)

    assert told.data["state"]["value"] == 3
    assert (again.name, again.data["version"]) == ("state", 2)
    with stream(live, "/entities/counter/a/stream", {"last-event-id": again.id}) as more:
        add(client, "a", 5)
        assert more.take(1)[0].data["version"] == 3


def test_streams_end_with_the_client(client: EmbeddedClient, live: Live) -> None:
    with stream(live, "/feed") as feed, stream(live, "/entities/counter/a/stream") as other:
        client.close()

        assert all(event.name != "change" for event in feed)
        assert all(event.name != "state" for event in other)


def test_a_server_that_stops_does_not_wait_for_streams(gateway: Gateway) -> None:
    with served(gateway) as live, stream(live, "/feed") as feed:
        pass

    assert list(feed) == []


def test_there_may_be_so_many_streams_and_no_more(client: EmbeddedClient) -> None:
    gateway = Application(client, token=TOKEN, streams=2, requests=1)
    with served(gateway) as live, stream(live, "/feed"), stream(live, "/feed") as second:
        with stream(live, "/feed") as third:
            assert (second.status, third.status) == (200, 503)
            assert third.headers["retry-after"] == "5"
        add(client, "a", 1)
        assert second.take(1)[0].data["version"] == 1


def test_a_stream_without_news_says_that_it_lives(
    client: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BEAT_SECONDS", 1)
    add(client, "a", 1)

    with served(asgi(client, token=TOKEN)) as live, stream(live, "/feed") as feed:
        beat = next(iter(feed))

    assert (beat.name, beat.data) == (":", None)
    assert beat.id  # what was left out by filters is not looked at again


def test_a_reader_that_takes_nothing_holds_up_nobody(
    client: EmbeddedClient, live: Live
) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = "GET /api/v1/feed?after=0.0 HTTP/1.1\r\nHost: localhost\r\n"
        lazy.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        notes = client.entity(Counter, "a")
        for _ in range(20):
            notes.call(Counter.note, "x" * 100_000).get(timeout=30)

        with stream(live, "/feed?after=0.0") as feed:
            assert feed.take(20)[-1].data["version"] == 20


def test_a_position_that_is_none_is_refused(live: Live) -> None:
    for path in ("/feed?after=x", "/feed?after=" + "9" * 60 + ".0", "/feed?of=nothing"):
        with stream(live, path) as feed:
            assert feed.status == 400


def test_a_head_of_a_stream_has_no_stream(http: TestClient) -> None:
    answer = http.head("http://127.0.0.1:7071/api/v1/feed")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream"


def test_a_stream_that_meets_a_bug_ends(
    client: EmbeddedClient, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(turn: object) -> list[object]:
        raise ZeroDivisionError

    add(client, "a", 1)
    monkeypatch.setattr("perdure.gateway.streams.feed.changes_in", broken)

    with stream(live, "/feed?after=0.0") as feed:
        assert list(feed) == []
