"""The gateway: the HTTP API of the field over an open client, as an ASGI application."""

from perdure.gateway.application import Gateway, asgi
from perdure.gateway.security.access import Token

__all__ = ["Gateway", "Token", "asgi"]
