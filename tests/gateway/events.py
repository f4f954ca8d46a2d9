"""Reads server-sent events from a live gateway."""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from tests.gateway.conftest import TOKEN
from tests.gateway.live import Live


@attrs.frozen
class Event:
    """One event; a comment has the name ``:``, and an id alone the name ``id``."""

    name: str
    data: Any = None
    id: str = ""


@attrs.define
class Reader:
    """An open stream."""

    status: int
    headers: dict[str, str]
    answer: http.client.HTTPResponse

    def __iter__(self) -> Iterator[Event]:
        """Events until the stream ends; hints about coming again are left out."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode().rstrip("\n"):
            yield from self._block(line, fields)
            fields = {}

    def _block(self, line: str, fields: dict[str, str]) -> Iterator[Event]:
        while line:
            name, _, value = line.partition(": ")
            fields[name] = value
            line = self.answer.readline().decode().rstrip("\n")
        if "retry" in fields:
            return
        data = json.loads(fields["data"]) if "data" in fields else None
        yield Event(fields.get("event", ":"), data, fields.get("id", ""))

    def take(self, count: int) -> list[Event]:
        """The next events that say something."""
        found: list[Event] = []
        for event in self:
            if event.data is not None:
                found.append(event)
            if len(found) == count:
                break
        return found


@contextmanager
def stream(live: Live, path: str, headers: dict[str, str] | None = None) -> Generator[Reader]:
    """Open a stream below ``/api/v1``."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    try:
        sent = {"authorization": f"Bearer {TOKEN}"} | (headers or {})
        connection.request("GET", "/api/v1" + path, headers=sent)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        yield Reader(answer.status, named, answer)
    finally:
        connection.close()
