"""``token``: who may ask a server over HTTP, and links that log a browser in."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from perdure.cli.options import json_option, store_option
from perdure.cli.output import clock, print_json, print_table, say
from perdure.cli.serving import PORT
from perdure.errors import ExtraMissingError, InvalidInputError

name_argument = click.argument("name", metavar="NAME")
role_option = click.option(
    "--role", type=click.Choice(["read", "operate", "admin"]), default="read", show_default=True
)


def _tokens(store: str) -> Any:
    try:
        from perdure.gateway.security.token_file import TokenFile
    except ImportError as error:
        raise ExtraMissingError(what="token", extra="http", cause=error) from error
    return TokenFile(store)


@click.group()
def token() -> None:
    """Tokens with names and roles, beside the store's own, and links for browsers."""


@token.command()
@name_argument
@role_option
@store_option
@json_option
def add(name: str, role: str, store: str, as_json: bool) -> None:
    """Make a token, and print it: it is shown once, and only its hash is kept."""
    secret = _tokens(store).add(name, role, datetime.now(UTC))
    if as_json:
        print_json({"name": name, "role": role, "token": secret})
    else:
        click.echo(secret)


@token.command(name="list")
@store_option
@json_option
def list_tokens(store: str, as_json: bool) -> None:
    """List the tokens; what they are is not known any more."""
    entries = _tokens(store).entries()
    if as_json:
        for entry in entries:
            print_json({"name": entry.name, "role": entry.role, "created": entry.created})
        return
    if not entries:
        say("no tokens but the store's own", good=True)
        return
    rows = ((entry.name, entry.role, clock(entry.created)) for entry in entries)
    print_table(("name", "role", "created"), rows)


@token.command()
@name_argument
@store_option
@json_option
def remove(name: str, store: str, as_json: bool) -> None:
    """Have a token be good no more, at once, and end the sessions that began with it."""
    _tokens(store).remove(name)
    if as_json:
        print_json({"name": name})
    else:
        say(f"{name} removed", good=True)


@token.command()
@click.option("--url", default=f"http://127.0.0.1:{PORT}", show_default=True, metavar="URL")
@store_option
@json_option
def link(url: str, store: str, as_json: bool) -> None:
    """Have the server at URL make a one-time link, which logs a browser in as its owner."""
    try:
        from perdure.gateway.security.tokens import token_of
    except ImportError as error:
        raise ExtraMissingError(what="token", extra="http", cause=error) from error
    headers = {"Authorization": f"Bearer {token_of(store)}", "Content-Type": "application/json"}
    answered = _posted(f"{url.rstrip('/')}/api/v1/login-links", headers)
    if as_json:
        print_json(answered)
    else:
        click.echo(answered["url"])


def _posted(url: str, headers: Mapping[str, str]) -> Any:
    if not url.startswith(("http://", "https://")):
        msg = f"url {url!r}: use one as http://127.0.0.1:{PORT}"
        raise InvalidInputError(msg)
    request = urllib.request.Request(url, b"", dict(headers), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        msg = f"no server of this store answers at {url}: {error}; give its --url"
        raise InvalidInputError(msg) from error
