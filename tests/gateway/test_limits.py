"""Each limit of the gateway, at the limit and one over; those of a head, a body, requests and
connections are in ``test_attacks.py`` and ``test_serving.py``, those of streams in
``test_streams.py``.
"""

from __future__ import annotations

import resource
import select
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from starlette.testclient import TestClient

from perdure.gateway import asgi
from perdure.gateway.serving import Patience
from perdure.orchestration.client import EmbeddedClient
from tests.gateway.conftest import BASE, ORIGIN, TOKEN
from tests.gateway.live import served
from tests.gateway.shop import Counter, app

API = ORIGIN + "/api/v1"
STREAMS = 500


def test_ids_and_keys(http: TestClient) -> None:
    for length, allowed in ((256, True), (257, False)):
        name = "x" * length
        started = http.post(f"{ORIGIN}{BASE}/orchestrators/approval/{name}").status_code
        signalled = http.post(f"{ORIGIN}{BASE}/entities/counter/{name}?op=add", json=1)
        once = {"idempotency-key": name}
        path = f"{ORIGIN}{BASE}/entities/counter/a?op=add"
        named = http.post(path, json=1, headers=once)

        assert (started == 202) == allowed
        assert (signalled.status_code == 202) == allowed
        assert (named.status_code == 202) == allowed


def test_pages(http: TestClient) -> None:
    for path in (f"{API}/instances", f"{API}/changes", f"{API}/quarantine", f"{API}/schedules"):
        assert http.get(f"{path}?top=1000").status_code == 200
        assert http.get(f"{path}?top=1001").status_code == 400


def test_waiting(http: TestClient) -> None:
    path = f"{ORIGIN}{BASE}/orchestrators/doubled"

    assert http.post(f"{path}?timeout=240", json=1).status_code == 200
    assert http.post(f"{path}?timeout=240.1", json=1).status_code == 400


def test_whoever_takes_nothing_of_an_answer_is_given_up(client: EmbeddedClient) -> None:
    for _ in range(16):  # more than the kernel keeps for a connection
        client.entity(Counter, "a").call(Counter.note, "x" * 1_000_000).get(timeout=30)
        client.entity(Counter, "a").call("delete").get(timeout=30)
    ask = f"GET /api/v1/feed?after=0.0 HTTP/1.1\r\nHost: localhost\r\nx-functions-key: {TOKEN}"
    patience = Patience(write_seconds=0.05)

    with served(asgi(client, token=TOKEN), patience) as live, socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", live.port))
        lazy.sendall(f"{ask}\r\n\r\n".encode())
        waiting = select.poll()
        waiting.register(lazy, select.POLLHUP)

        assert waiting.poll(30_000)  # the server has hung up, although nothing was taken


def test_idle_streams_take_little_memory(tmp_path: Path) -> None:
    """In a process of its own, so that nothing else counts."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.gateway.test_limits", str(tmp_path / "shop.db")],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )

    assert int(told.stdout) / STREAMS <= 20 * 1024 * 1.024  # 20 MiB for a thousand


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _measure(path: str) -> int:
    """Bytes that idle streams take in a server; the ends of their readers count too."""
    with app.open(path) as client, served(asgi(client, token=TOKEN)) as live:
        client.entity(Counter, "a").call(Counter.add, 1).get(timeout=30)
        ask = (
            f"GET /api/v1/feed HTTP/1.1\r\nHost: localhost\r\nx-functions-key: {TOKEN}\r\n\r\n"
        )
        with ExitStack() as stack:
            before = 0
            for number in range(STREAMS + 100):
                if number == 100:
                    before = _resident()
                connection = stack.enter_context(live.connect())
                connection.sendall(f"{ask}\r\n\r\n".encode())
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            return _resident() - before


if __name__ == "__main__":
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    print(_measure(sys.argv[1]))
