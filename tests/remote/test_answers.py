"""Servers that refuse, are slow, hang up, or speak something else."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import perdure
from perdure.gateway import asgi
from perdure.gateway.security.access import Token
from perdure.remote import wire
from tests.contracts.clients import TOKEN, Counter, app, ordering
from tests.gateway.live import served

Answer = Callable[[int], "tuple[int, bytes] | None"]
SOON = 20.0
READER = "a-token-that-only-reads-of-40-characters"


@contextmanager
def answering(answer: Answer) -> Generator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives these answers by number, or hangs up; and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            asked.append(json.loads(self.rfile.read(length)))
            told = answer(len(asked))
            if told is None:
                self.close_connection = True
                return
            status, body = told
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_connection_that_breaks_is_asked_again_with_the_same_request_id() -> None:
    def hang_up_twice(number: int) -> tuple[int, bytes] | None:
        return None if number < 3 else (200, b'{"value":7}')

    with answering(hang_up_twice) as (url, asked), perdure.connect(url) as client:
        assert client.entity(Counter, "a").call(Counter.add, 1).get(SOON) == 7

    assert len(asked) == 3
    assert asked[0] == asked[1] == asked[2]
    assert asked[0]["message"]["request_id"]


def test_what_may_have_happened_is_told_with_its_request_id() -> None:
    with (
        answering(lambda _: None) as (url, _),
        perdure.connect(url, patience=0.2) as client,
    ):
        ref = client.entity(Counter, "a").options(request_id="r-1")
        with pytest.raises(perdure.OutcomeUnknownError, match="r-1") as caught:
            ref.call(Counter.add, 1).get(SOON)
        assert caught.value.request_id == "r-1"
        with pytest.raises(perdure.ServerUnreachableError):
            ref.get()


def test_what_cannot_be_repeated_is_sent_once() -> None:
    with answering(lambda _: None) as (url, asked), perdure.connect(url) as client:
        with pytest.raises(perdure.ServerUnreachableError, match="not known"):
            client.redrive(3)

    assert len(asked) == 1


def test_an_answer_that_is_late_is_asked_for_again() -> None:
    def late(number: int) -> tuple[int, bytes]:
        return (200, b'{"late":true}') if number < 4 else (200, b'{"value":7}')

    with answering(late) as (url, asked), perdure.connect(url) as client:
        assert client.entity(Counter, "a").call(Counter.add, 1).get(SOON) == 7
        assert len(asked) == 4
        with pytest.raises(perdure.ReplyTimeoutError):
            client.entity(Counter, "a").call(Counter.add, 1).get(0)


@pytest.mark.parametrize("status", [429, 503, 502, 504, 408])
def test_a_server_that_is_busy_is_asked_again(status: int) -> None:
    def busy(number: int) -> tuple[int, bytes]:
        return (status, b"<html>") if number == 1 else (200, b'{"value":{}}')

    with answering(busy) as (url, asked), perdure.connect(url) as client:
        assert client.count() == {}

    assert len(asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"Message":"no token"}', perdure.AccessDeniedError),
        (403, b"", perdure.AccessDeniedError),
        (404, b'{"Message":"there is nothing here"}', perdure.ServerAnswerError),
        (302, b"", perdure.ServerAnswerError),
        (200, b"<html>welcome</html>", perdure.ServerAnswerError),
        (200, b'{"value":[1,2]}', perdure.ServerAnswerError),
        (200, b"[" * 100_000, perdure.ServerAnswerError),
        (500, b'{"Message":"the server has failed"}', perdure.ServerAnswerError),
        (413, b"", perdure.PayloadTooLargeError),
    ],
)
def test_answers_that_are_none_are_typed_errors(
    status: int, body: bytes, error: type[Exception]
) -> None:
    with answering(lambda _: (status, body)) as (url, asked), perdure.connect(url) as client:
        with pytest.raises(error):
            client.count()

    assert len(asked) == 1


def test_errors_are_the_same_as_embedded_and_never_code() -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "MailboxFullError", "message": "full", "fields": {"request_ids": ["a"]}},
        {"kind": "os.system", "message": "true"},
        {"kind": "FailureDetails", "message": "no error"},
        {"kind": "InvalidInputError", "message": "x", "fields": {"__class__": 1, "args": 2}},
    ]

    def refuse(number: int) -> tuple[int, bytes]:
        return 500, json.dumps({"fault": faults[number - 1]}).encode()

    with answering(refuse) as (url, _), perdure.connect(url) as client:
        with pytest.raises(perdure.MailboxFullError) as full:
            client.count()
        assert full.value.request_ids == ("a",)
        for told in ("os.system: true", "FailureDetails: no error"):
            with pytest.raises(perdure.PerdureError, match=told) as plain:
                client.count()
            assert type(plain.value) is perdure.PerdureError
        with pytest.raises(perdure.InvalidInputError) as odd:
            client.count()
        assert odd.value.args == ("x",)


# ---- a real gateway ----------------------------------------------------------------------


@contextmanager
def gateway() -> Generator[str]:
    reader = Token.of("reader", "read", READER)
    with (
        app.open(":memory:") as local,
        served(asgi(local, token=TOKEN, tokens=[reader])) as live,
    ):
        yield f"http://127.0.0.1:{live.port}"


def test_a_wrong_token_and_none_are_refused() -> None:
    with gateway() as url:
        for token in (None, "wrong" * 10):
            with perdure.connect(url, token=token) as client:
                with pytest.raises(perdure.AccessDeniedError, match="PERDURE_TOKEN"):
                    client.count()
                with pytest.raises(perdure.AccessDeniedError, match="PERDURE_TOKEN"):
                    client.start(ordering, 1)
                with pytest.raises(perdure.AccessDeniedError, match="PERDURE_TOKEN"):
                    list(client.changes(follow=False))


def test_a_reader_reads_and_changes_nothing(tmp_path: Path) -> None:
    with gateway() as url, perdure.connect(url, token=READER) as client:
        assert client.count() == {}
        assert list(client.changes(follow=False)) == []
        with pytest.raises(perdure.AccessDeniedError, match="operate"):
            client.start(ordering, 1)
        with pytest.raises(perdure.AccessDeniedError):
            client.purge_orchestrations()
        with pytest.raises(perdure.AccessDeniedError):
            client.discard(1)
        with pytest.raises(perdure.AccessDeniedError, match="admin"):
            client.verify()
        with pytest.raises(perdure.AccessDeniedError, match="admin"):
            client.backup(str(tmp_path / "copy.db"))
        assert list(tmp_path.iterdir()) == []
        assert client.count() == {}


def test_a_server_refuses_what_it_does_not_know() -> None:
    class Newer(wire.Ask):
        verb = "count"
        colour: str = ""

    with gateway() as url, perdure.connect(url, token=TOKEN) as client:
        transport: Any = vars(client)["_transport"]
        with pytest.raises(perdure.InvalidInputError, match="same perdure"):
            transport.ask(Newer(colour="red"))


@pytest.mark.parametrize(
    ("operation", "payload"),
    [
        ("$lock", b"null"),
        ("begin", b"{}"),
        ("renew", b"{}"),
        ("timer", b"{}"),
        ("start", b'{"name":3}'),
        ("start", b'{"name":"ordering","input":1,"if_exists":"maybe"}'),
        ("raise_event", b'{"event":"EventRaised"}'),
        ("purge", b'{"recursive":"yes"}'),
    ],
)
def test_what_is_the_engines_own_cannot_be_sent(operation: str, payload: bytes) -> None:
    with gateway() as url, perdure.connect(url, token=TOKEN) as client:
        transport: Any = vars(client)["_transport"]
        sent = wire.Sent(
            target="w",
            operation=operation,
            request_id="r",
            input=msgspec.Raw(payload),
            form="value",
        )
        asks: list[wire.Ask] = [wire.Call(message=sent), wire.Signal(messages=[sent])]
        for ask in asks:
            with pytest.raises((perdure.UnknownOperationError, perdure.InvalidInputError)):
                transport.ask(ask)


def test_who_waits_no_more_leaves_nothing_behind() -> None:
    with gateway() as url, perdure.connect(url, token=TOKEN) as client:
        ref = client.start("waiting", 1)
        for _ in range(5):
            with pytest.raises(perdure.ReplyTimeoutError):
                ref.result(0)

        waits: Any = client.waits
        assert sum(len(group) for group in waits._groups.values()) <= 5
        ref.terminate()
        with pytest.raises(perdure.OrchestrationFailedError):
            ref.result(SOON)
        assert waits._groups == {}
