"""The gateway at a real socket, for tests that need one."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import attrs

from perdure.gateway import Gateway
from perdure.gateway.serving import Patience, Serving, listen
from tests.gateway.conftest import BASE


@attrs.frozen
class Live:
    """Where a gateway is served."""

    port: int

    @property
    def base(self) -> str:
        """The URL of the API."""
        return f"http://127.0.0.1:{self.port}{BASE}"

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """One request by a connection of its own; the status and what the JSON says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            kind = {} if body is None else {"content-type": "application/json"}
            data = None if body is None else json.dumps(body)
            connection.request(method, BASE + path, data, kind | (headers or {}))
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()


@contextmanager
def served(gateway: Gateway, patience: Patience | None = None) -> Generator[Live]:
    """Serve a gateway at a free port."""
    listener = listen("127.0.0.1", 0)
    serving = Serving(gateway, listener, patience)
    serving.start()
    try:
        yield Live(listener.getsockname()[1])
    finally:
        serving.stop()
