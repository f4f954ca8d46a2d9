"""Serves the control socket of a running node: one thread that accepts, one per connection."""

from __future__ import annotations

import logging
import os
import selectors
import shlex
import socket
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

import msgspec

from perdure.actors import codec, control
from perdure.actors.behavior import Outcome
from perdure.actors.context import to_micros
from perdure.actors.definition import EntityDefinition
from perdure.actors.faults import fault_of
from perdure.actors.forks import close_in_children
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.messages import Message
from perdure.actors.operations import NO_INPUT, OBJECT, VALUE, OperationSpec, operation_name
from perdure.actors.replies import Reply
from perdure.errors import (
    DecodingError,
    InvalidInputError,
    MailboxFullError,
    PayloadTooLargeError,
    PerdureError,
)

logger = logging.getLogger("perdure.control")

CONNECTIONS = 16
"""Connections served at once."""

BACKLOG = 128
"""Connections that the kernel keeps until they are taken."""

PLACE_SECONDS = 5.0
"""How long another one waits for its place."""

SILENCE_SECONDS = 30.0
"""How long a connection may say nothing."""

PAUSE_SECONDS = 0.1
"""How long nothing is accepted after that failed: the file handles may have run out."""

_read_json = msgspec.json.Decoder().decode


class Served(Protocol):
    """What the socket needs of a client."""

    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known of a kind; raises UnknownEntityError."""
        ...

    def send_signal(self, message: Message) -> None:
        """Send a signal and wait until it is durable."""

    def send_call(self, message: Message, decode: Any) -> Reply[Any]:
        """Send a call."""
        ...

    def status(self) -> dict[str, object]:
        """How the node is."""
        ...

    def redrive(self, message_id: int) -> bool:
        """Try a quarantined message again."""
        ...

    def discard(self, message_id: int) -> bool:
        """Forget a quarantined message."""
        ...

    def purge_history(
        self,
        entity_id: EntityId,
        *,
        up_to_version: int | None,
        before: datetime | None,
        keep: int | None,
    ) -> int:
        """Drop old events."""
        ...

    def orchestrate(self, command: bytes) -> bytes:
        """Do something about an orchestration; both are JSON."""
        ...


# ---- requests -----------------------------------------------------------------------------


def perform(client: Served, request: control.AnyRequest) -> control.Answer:
    """Do what is asked; an error becomes a part of the answer."""
    try:
        value = _do(client, request)
    except PerdureError as error:
        return control.Answer(fault=fault_of(error))
    return control.Answer(value=msgspec.Raw(value))


def _do(client: Served, request: control.AnyRequest) -> bytes:
    match request:
        case control.Signal():
            message = message_of(client, request)
            if request.at is not None:
                message.due_micros = max(to_micros(request.at), 1)
            client.send_signal(message)
            return b"null"
        case control.Call():
            seconds = min(request.timeout_seconds, control.CALL_SECONDS_LIMIT)
            return _result(client.send_call(message_of(client, request), bytes).get(seconds))
        case control.Status():
            return control.encode(client.status() | {"pid": os.getpid()})
        case control.Redrive():
            return control.encode(client.redrive(request.id))
        case control.Discard():
            return control.encode(client.discard(request.id))
        case control.Purge():
            dropped = client.purge_history(
                EntityId.parse(request.target),
                up_to_version=request.up_to_version,
                before=request.before,
                keep=request.keep,
            )
            return control.encode(dropped)
        case control.Orchestrate():
            return client.orchestrate(bytes(request.command))


def _result(result: bytes) -> bytes:
    return result or Outcome().result


def message_of(client: Served, request: control.Signal | control.Call) -> Message:
    """The message that a request asks to send, checked against the operation's parameters.

    Raises:
        UnknownEntityError, UnknownOperationError, InvalidInputError: it cannot be sent.
    """
    target = EntityId.parse(request.target)
    operation = operation_name(request.operation)
    spec = client.definition_of(target.kind).operation(operation)
    data, form = _input(request, spec)
    if spec is not None:
        _refuse_by_name(request, spec)
        spec.decode_input(data, form)
    return Message(
        target=str(target),
        operation=operation,
        input=data,
        form=form,
        request_id=checked_name("request id", request.request_id),
        chosen=True,
    )


def _refuse_by_name(request: control.Signal | control.Call, spec: OperationSpec) -> None:
    """Explain the rule to who gives an only parameter by its name."""
    if len(spec.parameters) != 1 or len(request.arguments) != 1:
        return
    (parameter,) = spec.parameters
    given: Any = _read_json(request.arguments[0])
    if not isinstance(given, dict) or {*given} != {parameter.name}:
        return
    try:
        parameter.codec.decode(bytes(request.arguments[0]))
    except DecodingError:
        value = shlex.quote(codec.encode(given[parameter.name], what="a value").decode())
        command = type(request).__name__.lower()
        line = f"perdure {command} {shlex.quote(request.target)} {spec.name} {value}"
        msg = f"{spec} has one parameter, whose value is given without its name: {line}"
        raise InvalidInputError(msg) from None


def _input(
    request: control.Signal | control.Call, spec: OperationSpec | None
) -> tuple[bytes, str]:
    """The arguments as the one JSON value that travels, and its form."""
    if not request.arguments:
        return b"", NO_INPUT
    what = f"the input of {request.operation}"
    try:
        values = [_read_json(argument) for argument in request.arguments]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{what} is not JSON: {error}"
        raise InvalidInputError(msg) from error
    names = [parameter.name for parameter in spec.parameters] if spec is not None else []
    if len(values) == 1:
        by_names = len(names) > 1 and isinstance(values[0], dict)
        return codec.encode(values[0], what=what), OBJECT if by_names else VALUE
    if len(values) > len(names):
        msg = f"{spec or request.operation}: {len(values)} arguments are too many"
        raise InvalidInputError(msg)
    by_name = dict(zip(names, values, strict=False))
    return codec.encode(by_name, what=what), OBJECT


# ---- the server -----------------------------------------------------------------------------


class ControlServer:
    """Listens beside a store for the commands of its user.

    Attributes:
        path: of the socket.
    """

    def __init__(self, client: Served, path: str, listener: socket.socket) -> None:
        self.path = path
        self._fields = {"control": path}
        self._client = client
        self._listener = listener
        self._bell, self._ear = socket.socketpair()
        self._stopping = False
        self._places = threading.BoundedSemaphore(CONNECTIONS)
        self._thread = threading.Thread(
            target=self._accept, name="perdure-control", daemon=True
        )

    @classmethod
    def start(cls, client: Served, path: str) -> ControlServer:
        """Listen at *path*; a socket that a killed process left there is replaced.

        The caller owns the store, so nobody else can be listening.

        Raises:
            OSError: there can be no socket at that place.
        """
        control.private_folder(path)
        with suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listener.fileno(), 0o600)  # Linux: the file is never open to others
            listener.bind(path)
            os.chmod(path, 0o600)
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        server = cls(client, path, listener)
        close_in_children(server)
        server._thread.start()
        return server

    def stop(self) -> None:
        """Take no more connections; those that are served get their answers."""
        if self._stopping:
            return
        self._stopping = True
        with suppress(OSError):
            self._bell.send(b".")
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        if threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def wait_for_answers(self, timeout_seconds: float) -> None:
        """Let the connections that are served send what they have, for so long."""
        share = timeout_seconds / CONNECTIONS
        for _ in range(CONNECTIONS):
            self._places.acquire(timeout=share)

    def forked(self) -> None:
        """This process is a child: the socket is the parent's."""
        self._stopping = True
        for handle in (self._listener, self._bell, self._ear):
            handle.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not self._stopping:
                selector.select()
                if not self._stopping:
                    self._take()
        for handle in (self._listener, self._bell, self._ear):
            handle.close()

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # it went away again, or there are no more file handles
            logger.debug("no connection: %s", error)
            time.sleep(PAUSE_SECONDS)
            return
        connection.settimeout(SILENCE_SECONDS)
        if not control.is_trusted(connection):
            logger.warning(
                "another user's connection to %s was refused", self.path, extra=self._fields
            )
            connection.close()
        elif self._places.acquire(timeout=PLACE_SECONDS):
            name = "perdure-control-connection"
            threading.Thread(
                target=self._serve, args=(connection,), name=name, daemon=True
            ).start()
        else:
            busy = MailboxFullError(f"{CONNECTIONS} commands are served already; retry later")
            with connection, suppress(OSError):
                control.send_frame(connection, control.Answer(fault=fault_of(busy)))

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                while (data := control.receive_frame(connection)) is not None:
                    self._answer(connection, data)
        except PayloadTooLargeError as error:
            logger.warning("a connection was closed: %s", error, extra=self._fields)
        except OSError as error:
            logger.debug("a connection ended: %s", error)
        except Exception:
            logger.exception("a bug in perdure: a connection was closed", extra=self._fields)
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket, data: bytes) -> None:
        try:
            answer = perform(self._client, control.read_request(data))
        except InvalidInputError as error:
            answer = control.Answer(fault=fault_of(error))
        try:
            control.send_frame(connection, answer)
        except PayloadTooLargeError as error:
            control.send_frame(connection, control.Answer(fault=fault_of(error)))
