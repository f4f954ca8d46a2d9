"""``perdure.connect``: the client of a store that a server has open."""

from __future__ import annotations

import os
import ssl

from perdure.actors.replies import check_seconds
from perdure.errors import ExtraMissingError
from perdure.orchestration.app import App
from perdure.orchestration.interface import Client
from perdure.remote.known import Known
from perdure.remote.place import place_of

PATIENCE_SECONDS = 30.0


def connect(
    url: str,
    *,
    token: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
    app: App | None = None,
    patience: float = PATIENCE_SECONDS,
    verify: bool | ssl.SSLContext = True,
    allow_plain_http: bool = False,
) -> Client:
    """A client of the store that the server at *url* has open; ``close()`` it, or use ``with``.

    Nothing is sent before something is asked. What is asked is asked again while the server is
    away, and is done once.

    Args:
        url: of ``perdure serve``, or of where its application is mounted.
        token: the server's; else that of ``PERDURE_TOKEN``, or in the file that
            ``PERDURE_TOKEN_FILE`` names; else none is sent.
        token_file: the file that the server made, ``shop.db.token``.
        app: whose names and versions count. Without one a class and a function go by their own
            names.
        patience: how many seconds the server may be away.
        verify: how a server proves who it is: a context with your own certificates, if the
            system's do not do.
        allow_plain_http: send the token without TLS to another machine.

    Raises:
        InvalidInputError: the URL or the token cannot be used.
        ExtraMissingError: the extra ``perdure[remote]`` is not installed.
    """
    check_seconds(patience)
    place = place_of(
        url,
        token,
        token_file,
        verify=verify,
        allow_plain_http=allow_plain_http,
        environment=os.environ,
    )
    try:
        from perdure.remote.client import RemoteClient
        from perdure.remote.transport import Transport
    except ImportError as error:
        raise ExtraMissingError(what="perdure.connect", extra="remote", cause=error) from error
    return RemoteClient(Transport(place, patience), Known(app))
