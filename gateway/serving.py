"""Serving: a socket that only this machine reaches unless it is told otherwise, and uvicorn."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from typing import Any

import attrs
import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from perdure.errors import InvalidInputError
from perdure.gateway import limits
from perdure.gateway.application import Gateway
from perdure.gateway.security.guard import is_loopback


@attrs.frozen
class Certificate:
    """What TLS is spoken with: files in PEM."""

    path: str
    key_path: str | None = None


def check_exposure(
    host: str,
    *,
    has_token: bool,
    public_url: str | None,
    has_tls: bool = False,
    names: Sequence[str] = (),
) -> None:
    """Refuse what others could reach without a token, or read on the way.

    Raises:
        InvalidInputError: it would be so.
    """
    if is_loopback(host):
        return
    if not has_token:
        msg = f"--host {host}: without a token only 127.0.0.1, ::1 and localhost are served"
        raise InvalidInputError(msg)
    if public_url is None and not has_tls:
        msg = (
            f"--host {host}: the token would be sent in the clear; give --tls-cert and "
            "--tls-key, or put a proxy with TLS before it and give its address, --public-url "
            "https://…"
        )
        raise InvalidInputError(msg)
    if public_url is None and not names and host in ("0.0.0.0", "::"):
        msg = f"--host {host}: give the names that it has for others, --allow-host NAME"
        raise InvalidInputError(msg)


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address.

    Raises:
        InvalidInputError: it cannot be bound.
    """
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With the protocol told asyncio sends at once (TCP_NODELAY); else each answer, which is a
    # head and a body, waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except (OSError, OverflowError) as error:
        listener.close()
        msg = f"cannot listen at {host} port {port}: {error}; choose another --port"
        raise InvalidInputError(msg) from error
    return listener


@attrs.frozen
class Patience:
    """How many connections there may be, how long a head may take to arrive, and how long
    whoever is told something may take nothing of it.
    """

    connections: int = limits.CONNECTIONS
    head_seconds: float = limits.HEAD_SECONDS
    write_seconds: float = limits.WRITE_SECONDS


class PatientProtocol(H11Protocol):
    """A connection that ends when no whole head arrives in time, or when there are too many."""

    patience = Patience()
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or close it at once."""
        super().connection_made(transport)
        if len(self.connections) > self.patience.connections:
            transport.abort()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch_head()

    def pause_writing(self) -> None:
        """Wait for who reads slowly, but not for ever."""
        super().pause_writing()
        if self._stuck is None:
            seconds = self.patience.write_seconds
            self._stuck = self.loop.call_later(seconds, self._hang_up)

    def resume_writing(self) -> None:
        """Go on: something was taken."""
        super().resume_writing()
        self._unstick()

    def _hang_up(self) -> None:
        """Close at once: what the kernel still has to send is dropped too."""
        self._stuck = None
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _unstick(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        self._unstick()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(self.patience.head_seconds, self._give_up)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.abort()


def _load(config: uvicorn.Config, certificate: Certificate | None) -> None:
    """Read the certificate now, not in the server's thread."""
    try:
        config.load()
    except (OSError, ValueError) as error:
        if certificate is None:
            raise
        msg = f"the certificate in {certificate.path!r} cannot be used: {error}"
        raise InvalidInputError(msg) from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2


class Serving:
    """A gateway that is served by a thread of its own until it is stopped."""

    def __init__(
        self,
        gateway: Gateway,
        listener: socket.socket,
        patience: Patience | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        protocol = type("Protocol", (PatientProtocol,), {"patience": patience or Patience()})
        config = uvicorn.Config(
            gateway,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            h11_max_incomplete_event_size=4 * limits.HEADER_BYTES,
            ssl_certfile=None if certificate is None else certificate.path,
            ssl_keyfile=None if certificate is None else certificate.key_path,
        )
        _load(config, certificate)
        self._server = uvicorn.Server(config)
        self._gateway = gateway
        self._listener = listener
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="perdure-http", daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._listener.listen(128)
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests, finish those in hand within seconds, and end."""
        self._server.should_exit = True
        self._gateway.end_streams()
        self._thread.join()
        self._listener.close()
