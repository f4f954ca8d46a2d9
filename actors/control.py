"""What the command line and a running node say to each other, over a socket beside the store.

A frame is four bytes of length, big-endian, and JSON. The socket belongs to the store's user
alone, and both sides ask the kernel who the other one is.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
import tempfile
from datetime import datetime
from typing import Any

import msgspec

from perdure.actors.codec import PAYLOAD_LIMIT
from perdure.actors.faults import Fault
from perdure.errors import InvalidInputError, PayloadTooLargeError

FRAME_LIMIT = PAYLOAD_LIMIT + 256 * 1024
PATH_LIMIT = 100
"""Bytes of a socket's path that every system takes."""

CALL_SECONDS_LIMIT = 3600.0
_LENGTH = struct.Struct(">I")
_CREDENTIALS = struct.Struct("3i")


# ---- requests -----------------------------------------------------------------------------


class Request(msgspec.Struct, tag_field="do", kw_only=True, forbid_unknown_fields=True):
    """One thing that the node is asked to do."""


class Signal(Request, tag="signal", kw_only=True):
    """Send a signal; answered when it is durable.

    ``arguments`` are JSON values: the only parameter's, those of all parameters in order, or,
    for an operation with several, one object by parameter name.
    """

    target: str
    operation: str
    request_id: str
    arguments: list[msgspec.Raw] = []
    at: datetime | None = None


class Call(Request, tag="call", kw_only=True):
    """Call an operation; answered with its result."""

    target: str
    operation: str
    request_id: str
    arguments: list[msgspec.Raw] = []
    timeout_seconds: float = 30.0


class Status(Request, tag="status"):
    """Tell how the node is."""


class Redrive(Request, tag="redrive", kw_only=True):
    """Try a quarantined message again; answered with whether there was one."""

    id: int


class Discard(Request, tag="discard", kw_only=True):
    """Forget a quarantined message; answered with whether there was one."""

    id: int


class Purge(Request, tag="purge", kw_only=True):
    """Drop an entity's old events: up to a version, from before a time, or all but the newest.

    Answered with how many turns went.
    """

    target: str
    up_to_version: int | None = None
    before: datetime | None = None
    keep: int | None = None


class Orchestrate(Request, tag="orchestrate", kw_only=True):
    """Do something about an orchestration; what it is, the folder above knows.

    ``timeout_seconds`` is how long the answer may wait for it; ``None``: for ever.
    """

    command: msgspec.Raw
    timeout_seconds: float | None = 0.0


AnyRequest = Signal | Call | Status | Redrive | Discard | Purge | Orchestrate


# ---- answers ------------------------------------------------------------------------------


class Answer(msgspec.Struct, kw_only=True):
    """What a request came to."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    fault: Fault | None = None


encode = msgspec.json.Encoder().encode
_read_request = msgspec.json.Decoder(AnyRequest).decode
_read_answer = msgspec.json.Decoder(Answer).decode


def read_request(data: bytes) -> AnyRequest:
    """A request as it came.

    Raises:
        InvalidInputError: it is none that this version knows.
    """
    try:
        request: AnyRequest = _read_request(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the request is not understood: {error}; use the same perdure on both sides"
        raise InvalidInputError(msg) from error
    return request


def read_answer(data: bytes) -> Answer:
    """An answer as it came.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        return _read_answer(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the answer is not understood: {error}; use the same perdure on both sides"
        raise InvalidInputError(msg) from error


# ---- frames -------------------------------------------------------------------------------


def send_frame(connection: socket.socket, message: Any) -> None:
    """Send one message.

    Raises:
        PayloadTooLargeError: it takes more than the limit; nothing was sent.
        OSError: the other side is gone.
    """
    data = encode(message)
    if len(data) > FRAME_LIMIT:
        msg = f"the message takes {len(data)} bytes, the limit is {FRAME_LIMIT}"
        raise PayloadTooLargeError(msg)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive_frame(connection: socket.socket) -> bytes | None:
    """The next message; ``None`` when the other side has nothing more to say.

    Raises:
        PayloadTooLargeError: it is over the limit.
        OSError: the other side is gone, in the middle of a message perhaps.
    """
    head = _receive(connection, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > FRAME_LIMIT:
        msg = f"a message of {length} bytes was announced, the limit is {FRAME_LIMIT}"
        raise PayloadTooLargeError(msg)
    data = _receive(connection, length)
    if data is None:
        msg = "the other side ended in the middle of a message"
        raise ConnectionResetError(msg)
    return data


def _receive(connection: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 65_536))
        if part:
            parts += part
        elif parts:
            msg = "the other side ended in the middle of a message"
            raise ConnectionResetError(msg)
        else:
            return None
    return bytes(parts)


# ---- the socket -----------------------------------------------------------------------------


def socket_path(store: str) -> str:
    """Where the owner of the store at *store* listens: beside it, or, where that path is too
    long for a socket, in a private folder for temporary files.
    """
    real = os.path.realpath(store)
    beside = real + ".sock"
    if len(os.fsencode(beside)) <= PATH_LIMIT:
        return beside
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:32]
    folder = os.path.join(tempfile.gettempdir(), f"perdure-{os.getuid()}")
    return os.path.join(folder, digest + ".sock")


def private_folder(path: str) -> None:
    """Make sure that the socket at *path* lies beside its store, or in a folder that is ours.

    Raises:
        PermissionError: the folder for long paths belongs to, or is open to, somebody else.
    """
    folder = os.path.dirname(path)
    if os.path.basename(folder) != f"perdure-{os.getuid()}":
        return
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        msg = f"folder {folder!r} is not this user's alone; remove it"
        raise PermissionError(msg)


def is_trusted(connection: socket.socket, *others: int) -> bool:
    """Whether the other side runs as this user, as root, or as one of the users *others*.

    Where the kernel does not tell, the socket's permissions decide alone.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return uid in {0, os.getuid(), *others}
