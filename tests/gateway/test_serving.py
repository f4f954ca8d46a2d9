"""Serving at a socket: who reaches it, and those who do not finish what they begin to say."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from perdure.errors import InvalidInputError
from perdure.gateway import asgi
from perdure.gateway.serving import Patience, check_exposure, listen
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE
from tests.gateway.live import served

ALL = f"GET {BASE}/instances HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
URL = "https://shop.example"


def answer_of(connection: socket.socket) -> bytes:
    """What the server says until it closes the connection."""
    answered = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            answered += part
    return answered


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_may_be_served_without_a_token(host: str) -> None:
    check_exposure(host, has_token=False, public_url=None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "shop.example", "localhost."])
def test_others_are_served_with_a_token_and_behind_tls_only(host: str) -> None:
    check_exposure(host, has_token=True, public_url=URL)
    with pytest.raises(InvalidInputError, match="without a token"):
        check_exposure(host, has_token=False, public_url=URL)
    with pytest.raises(InvalidInputError, match="in the clear"):
        check_exposure(host, has_token=True, public_url=None)


@pytest.mark.parametrize(
    "url", ["http://shop.example", "https://", "https://a:b@shop.example", "https://x/?y", "x"]
)
def test_a_public_url_speaks_tls_and_holds_no_secret(client: EmbeddedClient, url: str) -> None:
    with pytest.raises(InvalidInputError, match="public URL"):
        asgi(client, token=None, public_url=url)


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # what asyncio wants for TCP_NODELAY


def test_a_port_that_is_taken_is_told() -> None:
    with listen("localhost", 0) as listener:
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(InvalidInputError, match="another --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("start", [b"", b"GET", ALL[:-2], ALL + b"GET /"])
def test_a_head_that_does_not_come_ends_the_connection(
    client: EmbeddedClient, start: bytes
) -> None:
    with (
        served(asgi(client, token=None), Patience(head_seconds=0.05)) as live,
        live.connect() as connection,
    ):
        connection.sendall(start)
        answered = answer_of(connection)

    assert answered.startswith(b"HTTP/1.1 200") == start.startswith(ALL)


def test_connections_at_the_limit_are_served_and_one_over_is_closed(
    client: EmbeddedClient,
) -> None:
    with (
        served(asgi(client, token=None), Patience(connections=2)) as live,
        live.connect() as first,
        live.connect() as second,
    ):
        for connection in (first, second):
            connection.sendall(ALL)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        with live.connect() as third:
            assert answer_of(third) == b""


@pytest.mark.parametrize(
    "smuggled",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
    ],
)
def test_a_second_request_cannot_be_hidden_in_a_body(
    client: EmbeddedClient, smuggled: bytes
) -> None:
    hidden = f"POST {BASE}/orchestrators/approval HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    head = f"POST {BASE}/orchestrators/doubled HTTP/1.1\r\nHost: localhost\r\n".encode()
    kind = b"Content-Type: application/json\r\n"

    with served(asgi(client, token=None)) as live, live.connect() as connection:
        connection.sendall(head + kind + smuggled + b"\r\n0\r\n\r\n" + hidden)
        answered = answer_of(connection)

    assert answered.count(b"HTTP/1.1") <= 1
    assert b" 202 " not in answered
    assert client.count() == {}


def test_a_request_that_waits_holds_up_nobody(client: EmbeddedClient) -> None:
    with served(asgi(client, token=None)) as live:
        waiting = [live.connect() for _ in range(40)]
        for number, connection in enumerate(waiting):
            path = f"{BASE}/orchestrators/approval/order-{number}?timeout=60"
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for number in range(len(waiting)):
            while client.orchestration(f"order-{number}").status() is None:
                pass

        assert live.ask("POST", "/orchestrators/doubled?timeout=60", 21) == (200, 42)
        for number, connection in enumerate(waiting):
            client.orchestration(f"order-{number}").raise_event("ApprovalEvent", True)
            answered = connection.recv(65536)
            assert answered.startswith(b"HTTP/1.1 200")
            connection.close()
