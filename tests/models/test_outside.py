"""What comes from outside, fuzzed: HTTP requests, continuation tokens, frames of the socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from perdure.actors import control
from perdure.errors import PerdureError
from perdure.gateway import asgi
from perdure.orchestration.client import EmbeddedClient
from tests.models.damage import damaged
from tests.models.over_http import FIELD, ORIGIN, OURS, TOKEN, segment
from tests.models.places import app
from tests.models.profiles import TIMES, sized

pytestmark = pytest.mark.timeout(60 * TIMES)

ROUTES = [
    ("GET", FIELD + "/instances"),
    ("DELETE", FIELD + "/instances"),
    ("GET", FIELD + "/instances/{}"),
    ("DELETE", FIELD + "/instances/{}"),
    ("POST", FIELD + "/instances/{}/raiseEvent/{}"),
    ("POST", FIELD + "/instances/{}/{}"),
    ("POST", FIELD + "/orchestrators/helper/{}"),
    ("POST", FIELD + "/orchestrators/{}"),
    ("GET", FIELD + "/entities/{}"),
    ("GET", FIELD + "/entities/box/{}"),
    ("POST", FIELD + "/entities/box/{}"),
    ("DELETE", FIELD + "/entities/{}/{}"),
    ("GET", OURS + "/counts"),
    ("GET", OURS + "/why/{}"),
    ("GET", OURS + "/entities/box/{}/history"),
    ("GET", OURS + "/entities/{}/{}/as_of"),
]
NAMES = (
    "top after version time op wait timeout reason runtimeStatus "
    "showInput fetchState createdTimeFrom createdTimeTo instanceIdPrefix "
    "lastOperationTimeFrom showHistory restartWithNewInstanceId name"
).split()
words = st.one_of(
    st.sampled_from(["0", "1", "-1", "9" * 30, "true", "nan", "1e5", "2023-11-14T22:13:20Z"]),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "Running,x"]),
    st.sampled_from(["i", "a", "add", "look", "suspend", "restart", "rewind", "@box@a", "$"]),
    st.text(max_size=8),
)
parameters = st.dictionaries(st.sampled_from(NAMES), words, max_size=4)
bodies = st.none() | damaged([b"3", b'{"word":"x"}', b'["stop"]', b'"text"'])
tokens = st.none() | st.text("abcXYZ019-_=+/ ", max_size=12) | st.sampled_from(["null", "AA=="])


@pytest.fixture(scope="module")
def client() -> Iterator[EmbeddedClient]:
    with app.open(":memory:") as client:
        client.entity("box", "a").call("add", 1).get(30)
        client.start("helper", 2, instance_id="i").result(30)
        yield client


@pytest.fixture(scope="module")
def http(client: EmbeddedClient) -> Iterator[TestClient]:
    headers = {"x-functions-key": TOKEN, "content-type": "application/json"}
    with TestClient(
        asgi(client, token=TOKEN),
        base_url=ORIGIN,
        headers=headers,
        raise_server_exceptions=False,
    ) as http:
        yield http


@sized(120)
@given(
    route=st.sampled_from(ROUTES),
    segments=st.lists(words, min_size=2, max_size=2),
    query=parameters,
    body=bodies,
    token=tokens,
)
@example(("GET", FIELD + "/instances"), ["", ""], {"top": "9" * 30}, None, "AA==")
@example(("GET", OURS + "/entities/box/{}/history"), ["a", ""], {"after": "9" * 18}, None, None)
@example(
    ("GET", OURS + "/entities/box/{}/as_of"),
    ["a", ""],
    {"time": "0001-01-01T00:00:00+23:59"},
    None,
    None,
)
def test_a_request_is_answered_or_refused(
    http: TestClient,
    route: tuple[str, str],
    segments: list[str],
    query: dict[str, str],
    body: bytes | None,
    token: str | None,
) -> None:
    method, pattern = route
    path = pattern.format(*[segment(text.encode("utf-8", "replace")) for text in segments])
    wait = {"timeout": "0.01"} if "timeout" not in query else {"timeout": "0"}
    headers = {} if token is None else {"x-ms-continuation-token": token}

    answer = http.request(method, path, params=query | wait, content=body, headers=headers)

    assert answer.status_code < 500 or answer.status_code == 504, answer.text
    if answer.status_code >= 400 and answer.content:
        assert answer.json()["Message"]


@sized(150)
@given(data=st.binary(max_size=80) | damaged([b'\0\0\0\x0f{"do":"status"} ']))
@example(b"\xff\xff\xff\xff")
@example(b"\0\0\0\0")
def test_a_frame_is_read_or_refused(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(10)
        try:
            while (frame := control.receive_frame(ours)) is not None:
                control.read_request(frame)
        except (PerdureError, ConnectionResetError):
            return


@sized(15)
@given(frames=st.lists(st.binary(max_size=40) | damaged([b'{"do":"status"}']), max_size=3))
def test_a_node_outlives_what_is_said_to_its_socket(frames: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "s.db")
        with app.open(path, durability="process") as client:
            for frame in frames:
                speak(path, len(frame).to_bytes(4, "big") + frame)
                speak(path, frame)

            assert client.entity("box", "a").call("add", 1).get(30) == 1


def speak(store: str, data: bytes) -> Any:
    """Say something to the owner of a store, and hear what it answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(control.socket_path(store))
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(65_536)
        except (BrokenPipeError, ConnectionResetError):
            return b""
