"""The gateway: the HTTP API of the field over an open client, as an ASGI application."""

from perdure.gateway.access import Token
from perdure.gateway.application import Gateway, asgi

__all__ = ["Gateway", "Token", "asgi"]
