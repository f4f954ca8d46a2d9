"""The gateway: the HTTP API of the field over an open client, as an ASGI application."""

from perdure.gateway.application import Gateway, asgi

__all__ = ["Gateway", "asgi"]
