"""One test for each idea that an attacker has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from perdure.errors import InvalidInputError
from perdure.gateway import Gateway, asgi, limits
from perdure.gateway.application import Gateway as Application
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE, ORIGIN, TOKEN
from tests.gateway.shop import app

START = "/orchestrators/doubled"


def table() -> list[tuple[str, str]]:
    """Every method and path of the gateway, with the variables' names as their values."""
    with app.open(":memory:") as client:
        operations = asgi(client, token=TOKEN).operations
    plain = str.maketrans("", "", "{}")
    return [
        (o.method, o.path.translate(plain).replace(":path", "")) for o in operations if o.role
    ]


TABLE = table()


def count(http: TestClient) -> int:
    return len(http.get("/instances").json())


@pytest.fixture
def unlocked(client: EmbeddedClient) -> TestClient:
    """The gateway that needs no token."""
    return TestClient(asgi(client, token=None), base_url=ORIGIN + BASE)


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_no_route_answers_without_the_token(
    stranger: TestClient, method: str, path: str
) -> None:
    answer = stranger.request(method, ORIGIN + path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/page", "/nothing", BASE, BASE + "/../../x", "//evil.net"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "TRACE"])
def test_who_has_no_token_does_not_learn_what_there_is(
    stranger: TestClient, method: str, path: str
) -> None:
    assert stranger.request(method, ORIGIN + path).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"x-functions-key": TOKEN[:-1]},
        {"x-functions-key": TOKEN + "x"},
        {"x-functions-key": ""},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong", "x-functions-key": TOKEN},
        {"cookie": f"token={TOKEN}"},
    ],
)
def test_a_token_that_is_not_quite_right_is_refused(
    stranger: TestClient, headers: dict[str, str]
) -> None:
    assert stranger.get("/instances", headers=headers).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_token_may_be_a_bearer(stranger: TestClient, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {TOKEN}"}

    assert stranger.get("/instances", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["code", "Code", "token", "access_token", "key"])
def test_a_token_in_the_url_is_refused_even_a_right_one(http: TestClient, name: str) -> None:
    assert http.get(f"/instances?{name}={TOKEN}").status_code == 400


def test_a_token_that_can_be_guessed_is_refused(client: EmbeddedClient) -> None:
    asgi(client, token="x" * 32)
    with pytest.raises(InvalidInputError, match="32 or more"):
        asgi(client, token="x" * 31)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7071", "127.0.0.1.evil.example"]
)
def test_dns_rebinding_is_refused_before_all_else(unlocked: TestClient, host: str) -> None:
    for path in ("/instances", "/nothing"):
        assert unlocked.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "host", ["", "localhost:7071@evil", "localhost:x", "[::1", "local host"]
)
def test_a_host_that_is_none_is_refused(unlocked: TestClient, host: str) -> None:
    assert unlocked.get("/instances", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7071", "127.0.0.1:1", "[::1]:7071"])
def test_the_names_of_this_machine_are_its_own(unlocked: TestClient, host: str) -> None:
    assert unlocked.get("/instances", headers={"host": host}).status_code == 200


def test_names_that_were_configured_are_its_own(client: EmbeddedClient) -> None:
    gateway = asgi(
        client, token=TOKEN, hosts=["Shop.example"], public_url="https://api.example"
    )
    http = TestClient(gateway, base_url=ORIGIN + BASE, headers={"x-functions-key": TOKEN})

    for host in ("shop.example", "api.example"):
        assert http.get("/instances", headers={"host": host}).status_code == 200
    answer = http.post(f"{START}/order-1", json=1)
    assert answer.headers["location"] == f"https://api.example{BASE}/instances/order-1"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:7071"},
        {"origin": "http://127.0.0.1:7071.evil.example"},
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_sites_can_neither_ask_nor_change(
    unlocked: TestClient, headers: dict[str, str], method: str
) -> None:
    answer = unlocked.request(method, "/instances", headers=headers)

    assert answer.status_code == 403
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_page_of_its_own_may_ask(unlocked: TestClient) -> None:
    headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}

    assert unlocked.post(START, json=1, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "",
    ],
)
def test_what_a_form_can_post_changes_nothing(unlocked: TestClient, kind: str) -> None:
    answer = unlocked.post(START, content=b"1", headers={"content-type": kind})

    assert answer.status_code == 415
    assert count(unlocked) == 0


def test_a_form_without_a_body_changes_nothing(unlocked: TestClient) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}

    assert unlocked.post("/orchestrators/approval", headers=kind).status_code == 415
    assert count(unlocked) == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "path", [f"{START}/order-2", "/instances/order-1/terminate", "/entities/counter/a?op=add"]
)
def test_nothing_changes_by_a_method_that_shall_not(
    http: TestClient, method: str, path: str
) -> None:
    http.post("/orchestrators/approval/order-1")

    json = {"content-type": "application/json"}
    assert http.request(method, path, headers=json).status_code in (404, 405)
    assert count(http) == 1
    assert http.get("/instances/order-1").status_code == 202


def test_a_method_in_a_header_or_the_query_does_not_count(http: TestClient) -> None:
    http.post("/orchestrators/approval/order-1")

    http.get("/instances/order-1?_method=DELETE", headers={"x-http-method-override": "DELETE"})

    assert http.get("/instances/order-1").status_code == 202


def test_a_body_at_the_limit_is_read_and_one_over_is_not(http: TestClient) -> None:
    json = {"content-type": "application/json"}
    body = b"1" + b" " * (limits.BODY_BYTES - 1)

    assert http.post(START, content=body, headers=json).status_code == 202
    assert http.post(START, content=body + b" ", headers=json).status_code == 413


def test_a_body_of_unknown_length_has_the_same_limit(http: TestClient) -> None:
    json = {"content-type": "application/json"}

    def parts(size: int) -> Any:
        yield b"1"
        yield b" " * (size - 1)

    at = http.post(START, content=parts(limits.BODY_BYTES), headers=json)
    over = http.post(START, content=parts(limits.BODY_BYTES + 1), headers=json)

    assert (at.status_code, over.status_code) == (202, 413)


def test_headers_at_the_limit_are_read_and_one_over_is_not(gateway: Gateway) -> None:
    fixed = [(b"host", b"localhost"), (b"x-functions-key", TOKEN.encode()), (b"x-fill", b"")]
    path = BASE + "/instances"
    left = limits.HEADER_BYTES - len(path) - sum(len(a) + len(b) for a, b in fixed)

    def status(fill: int) -> int:
        headers = [*fixed[:2], (b"x-fill", b"x" * fill)]
        return asyncio.run(ask(gateway, path=path, headers=headers))

    assert (status(left), status(left + 1)) == (200, 431)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"localhost"), (b"host", b"localhost")], 400),
        ([], 400),
        ([(b"host", b"localhost"), (b"content-length", b"1"), (b"content-length", b"2")], 400),
        (
            [
                (b"host", b"localhost"),
                (b"content-length", b"1"),
                (b"transfer-encoding", b"chunked"),
            ],
            400,
        ),
        ([(b"host", b"localhost"), (b"content-length", b"+1")], 400),
        ([(b"host", b"localhost"), (b"content-length", b"9" * 5000)], 413),
    ],
)
def test_requests_that_two_servers_read_differently_are_refused(
    client: EmbeddedClient, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    gateway = asgi(client, token=None)
    assert asyncio.run(ask(gateway, path=BASE + "/instances", headers=headers)) == status


def test_a_compressed_body_is_refused(http: TestClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}

    assert http.post(START, content=b"x", headers=headers).status_code == 415


def test_a_body_that_does_not_come_is_given_up(client: EmbeddedClient) -> None:
    gateway = Application(client, token=None, body_seconds=0)
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]

    assert asyncio.run(ask(gateway, method="POST", headers=headers, body=None)) == 408


def test_requests_at_the_limit_are_served_and_one_over_is_not(client: EmbeddedClient) -> None:
    gateway = Application(client, token=None, requests=2)
    client.start("approval", instance_id="order-1")
    path = BASE + "/orchestrators/approval"

    async def three() -> list[int]:
        entered = asyncio.Semaphore(0)
        waiting = [
            asyncio.create_task(
                ask(gateway, method="POST", path=path, body=None, entered=entered)
            )
            for _ in range(2)
        ]
        for _ in waiting:
            await entered.acquire()
        over = await ask(gateway, path=BASE + "/instances")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return [over, await ask(gateway, path=BASE + "/instances")]

    assert asyncio.run(three()) == [503, 200]


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/instances/..%2f..%2fx"]
)
def test_no_path_leads_to_a_file(http: TestClient, path: str) -> None:
    assert http.get(path).status_code in (400, 404, 405)


def test_markup_comes_back_as_json_that_no_browser_runs(http: TestClient) -> None:
    answer = http.get("/instances/<img src=x onerror=alert(1)>")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


def test_line_breaks_in_an_id_make_no_header(http: TestClient) -> None:
    answer = http.post("/orchestrators/approval/a%0d%0aset-cookie:x=1")

    assert answer.status_code in (400, 404)
    assert "set-cookie" not in answer.headers


def test_websockets_are_refused(http: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), http.websocket_connect("/instances"):
        raise AssertionError


async def ask(
    gateway: Any,
    *,
    method: str = "GET",
    path: str = BASE + "/instances",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes | None = b"",
    entered: asyncio.Semaphore | None = None,
) -> int:
    """Ask by ASGI, with headers that no well-behaved client sends; returns the status.

    Without a *body* none arrives, ever.
    """
    told: list[int] = []
    given = [(b"host", b"localhost")] if headers is None else headers

    async def receive() -> dict[str, Any]:
        if entered is not None:
            entered.release()
        if body is None:
            await asyncio.get_running_loop().create_future()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            told.append(event["status"])

    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": given,
        "server": ("127.0.0.1", 7071),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
    }
    await gateway(scope, receive, send)
    return told[0]
