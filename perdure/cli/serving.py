"""``serve``: what ``run`` does, with the gateway's HTTP API beside it."""

from __future__ import annotations

import click

from perdure.cli.options import json_option, store_option
from perdure.cli.running import (
    Ending,
    announce,
    app_argument,
    drain_option,
    durability_option,
    finish,
    log_format_option,
    log_option,
    otel_option,
    prepare,
    take_over,
)
from perdure.errors import ExtraMissingError, InvalidInputError

PORT = 7071


@click.command()
@app_argument
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="0: one that is free.",
)
@click.option(
    "--auth",
    type=click.Choice(["token", "none"]),
    default="token",
    show_default=True,
    help="What requests need: the token beside the store, or, on this machine only, nothing.",
)
@click.option(
    "--public-url",
    metavar="URL",
    help="Where a proxy with TLS serves it; needed for addresses that others reach.",
)
@durability_option
@drain_option
@log_option
@log_format_option
@otel_option
@json_option
@click.pass_context
def serve(
    ctx: click.Context,
    app_name: str,
    store: str,
    host: str,
    port: int,
    auth: str,
    public_url: str | None,
    durability: str,
    drain: float,
    log_level: str,
    log_format: str,
    otel: bool,
    as_json: bool,
) -> None:
    """Run the app MODULE:APP on a store, and serve its HTTP API, until SIGTERM or SIGINT.

    Requests need the token in the file STORE.token, which is made at the first start: as the
    header Authorization: Bearer TOKEN, or x-functions-key: TOKEN.
    """
    try:
        from perdure.gateway.application import Gateway
        from perdure.gateway.serving import Serving, check_exposure, listen
        from perdure.gateway.tokens import token_of, token_path
    except ImportError as error:
        raise ExtraMissingError(what="serve", extra="http", cause=error) from error
    check_exposure(host, has_token=auth == "token", public_url=public_url)
    if store == ":memory:":
        msg = "serve needs a store in a file: its token is kept beside it"
        raise InvalidInputError(msg)
    app = prepare(app_name, log_level, log_format, otel=otel)
    ending = Ending()
    listener = listen(host, port)
    ctx.call_on_close(listener.close)
    client = take_over(app, store, durability)
    facts = {"url": url_of(listener.getsockname())}
    token: str | None = None
    try:
        if auth == "token":
            token = token_of(store)
            facts["token_file"] = token_path(store)
        serving = Serving(Gateway(client, token=token, public_url=public_url), listener)
    except BaseException:
        client.close(0)
        raise
    serving.start()
    announce(app, store, durability, as_json, facts)
    ending.wait()
    serving.stop()
    finish(ctx, client, drain)


def url_of(address: tuple[str, int]) -> str:
    """Where a bound socket is reached."""
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
