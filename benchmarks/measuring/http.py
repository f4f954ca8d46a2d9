"""Over HTTP: signals, calls and states, beside an endpoint that does nothing.

The server is ``perdure serve`` in a process of its own; the readers are here, bare sockets in
one event loop, so that they take less of the machine than what they measure.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import attrs

from perdure.benchmarks.bench import Bench, check, remove_store
from perdure.benchmarks.report.figures import Turn, percentile
from perdure.benchmarks.subjects.entities import bench_app

app = bench_app()

CONNECTIONS = 64
SIGNALS = 2_500.0
CALLS = 2_000.0
"""A second, at least, or that part of what an empty endpoint does, whichever is lower."""
PART = 0.6

_ENTITIES = "/runtime/webhooks/durabletask/entities/counter"


@attrs.frozen
class Served:
    """A server that is up."""

    port: int
    token: str

    def request(self, method: str, path: str, body: str = "") -> bytes:
        """The bytes of one request."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self.token}",
        ]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@contextmanager
def serving(bench: Bench) -> Generator[Served]:
    """``perdure serve`` on a new store, durable through loss of power."""
    path = bench.new_path()
    command = [
        sys.executable,
        "-m",
        "perdure",
        "serve",
        "perdure.benchmarks.measuring.http:app",
    ]
    server = subprocess.Popen(
        [*command, "--store", path, "--port", "0", "--json", "--log-level", "error"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        with open(told["token_file"], encoding="ascii") as file:
            yield Served(int(told["url"].rpartition(":")[2]), file.read().strip())
    finally:
        server.terminate()
        server.communicate(timeout=60)
        remove_store(path)


async def _asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    """One request on an open connection: the status and the body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head[9:12]), await reader.readexactly(length)


async def _each(
    served: Served, count: int, request: Callable[[int], bytes], wanted: int
) -> list[float]:
    """Send *count* requests over 64 connections; how long each took."""
    numbers = iter(range(count))
    taken: list[float] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for number in numbers:
            began = time.perf_counter()
            status, _ = await _asked(reader, writer, request(number))
            taken.append(time.perf_counter() - began)
            check("answered", status, wanted)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(min(CONNECTIONS, count))))
    return taken


def _rate(served: Served, count: int, request: Callable[[int], bytes], wanted: int) -> float:
    """Requests a second."""
    asyncio.run(_each(served, max(1, count // 10), request, wanted))  # not counted: a warm-up
    began = time.perf_counter()
    asyncio.run(_each(served, count, request, wanted))
    return count / (time.perf_counter() - began)


def _against_empty(bench: Bench, enough: float, ending: str, wanted: int) -> Turn:
    count = bench.count(5_000, least=20)
    with serving(bench) as served:
        empty = served.request("GET", "/api/v1/session")
        reference = _rate(served, count, lambda _: empty, 200)
        adds = [
            served.request("POST", f"{_ENTITIES}/{key}?op=add{ending}", "1")
            for key in range(100)
        ]
        rate = _rate(served, count, lambda number: adds[number % 100], wanted)
        _check_sum(served, count + max(1, count // 10))
    return Turn(rate, min(enough, PART * reference))


def _check_sum(served: Served, wanted: int) -> None:
    """What was added is there: calls come behind all that was sent before."""

    async def total() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        found = 0
        for key in range(100):
            ask = served.request("POST", f"{_ENTITIES}/{key}?op=total&wait=true")
            found += int((await _asked(reader, writer, ask))[1])
        writer.close()
        return found

    check("added", asyncio.run(total()), wanted)


def signals(bench: Bench) -> Turn:
    """Signals, each answered when it is on disk."""
    return _against_empty(bench, SIGNALS, "", 202)


def calls(bench: Bench) -> Turn:
    """Calls, each answered with its result when that is on disk."""
    return _against_empty(bench, CALLS, "&wait=true", 200)


def status(bench: Bench) -> Turn:
    """The state of one entity, asked for again and again by one reader; p50 in µs."""
    count = bench.count(2_000, least=20)
    with serving(bench) as served:
        add = served.request("POST", f"{_ENTITIES}/a?op=add&wait=true", "1")
        asyncio.run(_each(served, 1, lambda _: add, 200))
        look = served.request("GET", f"{_ENTITIES}/a")

        async def ask() -> list[float]:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            taken: list[float] = []
            for _ in range(count):
                began = time.perf_counter()
                answered, _ = await _asked(reader, writer, look)
                taken.append(time.perf_counter() - began)
                check("answered", answered, 200)
            writer.close()
            return taken

        taken = asyncio.run(ask())
    return Turn(percentile(taken, 50) * 1e6)
