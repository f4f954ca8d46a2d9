"""``ctx.call_http``: requests, polling behind durable timers, and what is never asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

import perdure
from perdure.errors import InvalidInputError
from perdure.orchestration.http_activity import BODY_BYTES
from perdure.orchestration.http_calls import HttpRequest, poll_of
from perdure.orchestration.simulation import Simulation, simulate

Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Answers in turn, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def _answer(self) -> None:
        server = cast(Server, self.server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        server.asked.append((self.command, self.path, headers, body))
        status, sent, content = server.answers.pop(0)
        self.send_response(status)
        for name, value in {**sent, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


app = perdure.App("http")
app.allow_http("127.0.0.1")


@app.orchestrator
async def ask(ctx: perdure.OrchestrationContext, given: dict[str, Any]) -> list[Any]:
    policy = None
    if given.pop("retries", None):
        policy = perdure.RetryPolicy(
            first_retry_interval=timedelta(minutes=1), max_number_of_attempts=3
        )
    response = await ctx.call_http(**given, retry_policy=policy)
    return [response.status_code, response.content, ctx.current_utc_datetime.isoformat()]


@pytest.fixture
def world() -> Iterator[Simulation]:
    with simulate(app) as world:
        yield world


def start(world: Simulation, **given: Any) -> perdure.OrchestrationRef[Any]:
    ref: perdure.OrchestrationRef[Any] = world.client.start(ask, given)
    world.settle()
    return ref


def test_a_request_is_sent_with_its_body_and_its_answer_is_the_result(
    server: Server, world: Simulation
) -> None:
    server.answers = [(201, {"x-a": "b"}, b"made")]

    ref = start(
        world, method="post", url=server.url + "/x", content={"n": 1}, headers={"A": "b"}
    )

    assert ref.result(5)[:2] == [201, "made"]
    ((verb, path, headers, body),) = server.asked
    assert (verb, path, json.loads(body)) == ("POST", "/x", {"n": 1})
    assert headers["a"] == "b"
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"].startswith(ref.id)
    assert headers["host"] == server.url.removeprefix("http://")


def test_an_error_is_an_answer_too(server: Server, world: Simulation) -> None:
    server.answers = [(404, {}, b"none")]

    assert start(world, method="GET", url=server.url).result(5)[:2] == [404, "none"]


def test_what_is_accepted_is_asked_again_when_the_server_says_also_after_a_crash(
    server: Server, world: Simulation
) -> None:
    begun = world.now
    location = {"location": "/jobs/7", "retry-after": "3600"}
    server.answers = [
        (202, location, b""),
        (202, {"location": "/jobs/8"}, b""),
        (200, {}, b"ok"),
    ]

    ref = start(
        world, method="POST", url=server.url + "/jobs", content="{}", headers={"k": "v"}
    )
    world.advance(minutes=59)
    assert len(server.asked) == 1
    world.crash()
    world.advance(minutes=1)
    world.advance(seconds=10)

    assert [(verb, path) for verb, path, _, _ in server.asked] == [
        ("POST", "/jobs"),
        ("GET", "/jobs/7"),
        ("GET", "/jobs/8"),
    ]
    assert server.asked[1][2]["k"] == "v"
    done = begun + timedelta(hours=1, seconds=10)
    assert world.client.orchestration(ref.id).result(5) == [200, "ok", done.isoformat()]


def test_the_pattern_can_be_switched_off(server: Server, world: Simulation) -> None:
    server.answers = [(202, {"location": "/jobs/7"}, b"")]

    ref = start(world, method="GET", url=server.url, asynchronous_pattern_enabled=False)

    assert ref.result(5)[0] == 202


def test_passing_trouble_is_tried_again_by_the_policy(
    server: Server, world: Simulation
) -> None:
    server.answers = [(503, {}, b""), (429, {}, b""), (200, {}, b"ok")]

    ref = start(world, method="GET", url=server.url, retries=True)
    world.advance(minutes=2)

    assert ref.result(5)[:2] == [200, "ok"]


def test_a_redirect_is_an_answer_and_is_not_followed(server: Server, world: Simulation) -> None:
    server.answers = [(302, {"location": "file:///etc/passwd"}, b"")]

    assert start(world, method="GET", url=server.url).result(5)[0] == 302
    assert len(server.asked) == 1


def test_a_long_body_is_refused(server: Server, world: Simulation) -> None:
    server.answers = [(200, {}, b"x" * (BODY_BYTES + 1))]

    with pytest.raises(perdure.OrchestrationFailedError, match="answers more than"):
        start(world, method="GET", url=server.url).result(5)


@pytest.mark.parametrize("host", ["localhost", "169.254.169.254", "[::1]", "10.1.2.3", "[::]"])
def test_private_addresses_are_refused_unless_allowed(world: Simulation, host: str) -> None:
    with pytest.raises(perdure.OrchestrationFailedError, match="allow_http"):
        start(world, method="GET", url=f"http://{host}:1/").result(5)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": "file:///etc/passwd"}, "use http://"),
        ({"url": "http://me:secret@example.com"}, "as a header"),
        ({"url": "http://example.com:port"}, "port"),
        ({"url": "http://example.com", "method": "BREW"}, "use one of"),
        ({"url": "http://example.com", "headers": {"a": "b\r\nc: d"}}, "line break"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    world: Simulation, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(perdure.OrchestrationFailedError, match=why):
        start(world, **{"method": "GET", **given}).result(5)


def test_credentials_do_not_follow_to_another_origin() -> None:
    request = HttpRequest(
        "POST", "https://a.example/x", {"authorization": "t", "accept": "text/plain"}, "{}"
    )

    assert poll_of(request, "/y").headers == request.headers
    assert poll_of(request, "https://b.example/y").headers == {"accept": "text/plain"}
    assert poll_of(request, "https://a.example:8443/y").headers == {"accept": "text/plain"}
    with pytest.raises(InvalidInputError, match="not encrypted"):
        poll_of(request, "http://a.example/y")
    with pytest.raises(InvalidInputError, match="use http://"):
        poll_of(request, "ftp://a.example/y")


def test_an_answer_reads_its_json() -> None:
    assert perdure.HttpResponse(200, {}, '{"a": 1}').json() == {"a": 1}
    with pytest.raises(InvalidInputError, match="no JSON"):
        perdure.HttpResponse(502, {}, "<html>").json()
