"""The control socket: who may use it, what it takes, and how it begins and ends."""

from __future__ import annotations

import os
import socket
import stat
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import perdure
from perdure.actors import control, control_server
from perdure.actors.control_client import ControlClient
from perdure.errors import (
    MailboxFullError,
    NodeClosedError,
    OperationFailedError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ReplyTimeoutError,
)
from perdure.orchestration.client import EmbeddedClient

app = perdure.App()
gate = threading.Event()
entered = threading.Event()


@app.entity
class Door(perdure.Entity):
    opened: int = 0

    def open(self, times: int) -> int:
        self.opened += times
        return self.opened

    def wait(self) -> str:
        entered.set()
        gate.wait(20)
        return "through"

    def fail(self) -> None:
        msg = "locked"
        raise ValueError(msg)


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "doors.db")


@pytest.fixture
def client(store: str) -> Iterator[EmbeddedClient]:
    gate.clear()
    entered.clear()
    with app.open(store) as client:
        yield client
        gate.set()


def connect(store: str) -> ControlClient:
    connection = ControlClient.connect(store)
    assert connection is not None
    return connection


def call(operation: str, *arguments: bytes, request_id: str = "r1") -> control.Call:
    return control.Call(
        target="@door@front",
        operation=operation,
        request_id=request_id,
        arguments=[msgspec.Raw(argument) for argument in arguments],
    )


def raw_socket(store: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.connect(control.socket_path(store))
    return connection


@pytest.mark.usefixtures("client")
def test_only_the_owner_may_open_the_socket(store: str) -> None:
    found = os.lstat(store + ".sock")

    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_a_peer_of_another_user_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert control.is_trusted(ours)

        def other_user(*_: object) -> bytes:
            return struct.pack("3i", 1, os.getuid() + 1, 1)

        monkeypatch.setattr(socket.socket, "getsockopt", other_user)

        assert not control.is_trusted(ours)
        assert control.is_trusted(ours, os.getuid() + 1)


@pytest.mark.usefixtures("client")
def test_one_connection_takes_several_requests(store: str) -> None:
    with connect(store) as connection:
        assert connection.ask(call("open", b"2")) == b"2"
        assert connection.ask(call("open", b"2")) == b"2"
        assert connection.ask(call("open", b"2", request_id="r2")) == b"4"


@pytest.mark.usefixtures("client")
def test_errors_keep_their_class_and_details(store: str) -> None:
    with connect(store) as connection:
        with pytest.raises(OperationFailedError, match="locked") as failed:
            connection.ask(call("fail"))
        with pytest.raises(perdure.UnknownOperationError):
            connection.ask(call("jump"))
        slow = call("wait", request_id="slow")
        slow.timeout_seconds = 0.01
        with pytest.raises(ReplyTimeoutError, match="slow"):
            connection.ask(slow)

    assert failed.value.details.error_type == "ValueError"
    assert failed.value.target == "@door@front"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b'{"do":"eval"}', b'{"do":"status","x":1}', b"[" * 5000]
)
def test_a_request_that_is_not_understood_is_answered(store: str, data: bytes) -> None:
    with raw_socket(store) as connection:
        connection.sendall(struct.pack(">I", len(data)) + data)
        answer = control.receive_frame(connection)

        assert answer is not None
        fault = control.read_answer(answer).fault
        assert fault is not None
        assert fault.kind == "InvalidInputError"


@pytest.mark.usefixtures("client")
def test_a_frame_over_the_limit_ends_the_connection_unread(store: str) -> None:
    with raw_socket(store) as connection:
        connection.sendall(struct.pack(">I", control.FRAME_LIMIT + 1))

        assert control.receive_frame(connection) is None

    with connect(store) as other, pytest.raises(PayloadTooLargeError):
        other.ask(call("open", b'"' + b"x" * control.FRAME_LIMIT + b'"'))


def test_more_connections_than_there_are_places_are_told_so(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "PLACE_SECONDS", 0.01)
    with app.open(store):
        others = [raw_socket(store) for _ in range(control_server.CONNECTIONS)]
        for other in others:  # an answer shows that the connection has its place
            control.send_frame(other, control.Status())
            assert control.receive_frame(other)

        with connect(store) as late, pytest.raises((MailboxFullError, NodeClosedError)):
            late.ask(control.Status())
        for other in others:
            other.close()


def test_many_commands_at_once_get_their_places(store: str, client: EmbeddedClient) -> None:
    def ask(number: int) -> None:
        with connect(store) as connection:
            connection.ask(call("open", b"1", request_id=f"r{number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert client.entity(Door, "front").call(Door.open, 0).get(timeout=5) == 60


def test_a_socket_that_a_killed_process_left_is_replaced(store: str) -> None:
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(control.socket_path(store))
    dead.close()
    assert ControlClient.connect(store) is None

    with app.open(store), connect(store) as connection:
        assert connection.ask(call("open", b"1")) == b"1"

    assert not os.path.exists(control.socket_path(store))


def test_a_call_in_hand_is_answered_while_the_node_closes(
    store: str, client: EmbeddedClient
) -> None:
    answers: list[bytes] = []

    def ask() -> None:
        with connect(store) as connection:
            answers.append(connection.ask(call("wait")))

    asking = threading.Thread(target=ask)
    asking.start()
    assert entered.wait(10)
    closing = threading.Thread(target=client.close)
    closing.start()
    gate.set()
    asking.join(20)
    closing.join(20)

    assert answers == [b'"through"']
    assert ControlClient.connect(store) is None


def test_an_owner_that_ends_before_it_answers_leaves_the_outcome_open(store: str) -> None:
    Path(store).touch()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(control.socket_path(store))
        listener.listen(1)
        with connect(store) as connection:
            accepted, _ = listener.accept()
            accepted.close()

            with pytest.raises(OutcomeUnknownError, match="r1"):
                connection.ask(call("open", b"1"))


def test_a_long_path_has_its_socket_in_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("d" * 100)
    folder.mkdir()
    store = str(folder / "doors.db")

    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        with app.open(store), connect(store) as connection:
            assert connection.ask(call("open", b"1")) == b"1"
            private = Path(control.socket_path(store)).parent

            assert private.parent == Path(short)
            assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_a_private_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(control, "PATH_LIMIT", 1)
    (tmp_path / f"perdure-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"perdure-{os.getuid()}").chmod(0o777)

    with app.open(str(tmp_path / "doors.db")) as client:  # all else works
        assert client.entity(Door, "front").call(Door.open, 1).get(timeout=5) == 1

    assert "not this user's alone" in caplog.text


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_leaves_the_socket_to_its_parent(
    store: str, client: EmbeddedClient
) -> None:
    child = os.fork()
    if child == 0:
        client.close()
        os._exit(0)
    os.waitpid(child, 0)

    with connect(store) as connection:
        assert connection.ask(call("open", b"1")) == b"1"
