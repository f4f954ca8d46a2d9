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
    help="Behind a proxy with TLS: where that serves it.",
)
@click.option("--tls-cert", metavar="FILE", help="Speak TLS with this certificate (PEM).")
@click.option("--tls-key", metavar="FILE", help="Its key, unless it is in the same file.")
@click.option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="A name that Host headers may say; several times.",
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
    tls_cert: str | None,
    tls_key: str | None,
    allow_host: tuple[str, ...],
    durability: str,
    drain: float,
    log_level: str,
    log_format: str,
    otel: bool,
    as_json: bool,
) -> None:
    """Run the app MODULE:APP on a store, and serve its HTTP API, until SIGTERM or SIGINT.

    Requests need the token in the file STORE.token, which is made at the first start: as the
    header Authorization: Bearer TOKEN, or x-functions-key: TOKEN. Browsers take the link that
    is shown, once. Who did what to the store is written to STORE.audit.log.
    """
    try:
        from perdure.gateway.application import Gateway
        from perdure.gateway.security.access import OWNER
        from perdure.gateway.security.audit import AuditFile
        from perdure.gateway.security.token_file import access_to
        from perdure.gateway.security.tokens import token_path
        from perdure.gateway.serving import Certificate, Serving, check_exposure, listen
    except ImportError as error:
        raise ExtraMissingError(what="serve", extra="http", cause=error) from error
    closed = auth == "token"
    check_exposure(
        host, has_token=closed, public_url=public_url, has_tls=bool(tls_cert), names=allow_host
    )
    if store == ":memory:":
        msg = "serve needs a store in a file: its token is kept beside it"
        raise InvalidInputError(msg)
    app = prepare(app_name, log_level, log_format, otel=otel)
    ending = Ending()
    listener = listen(host, port)
    ctx.call_on_close(listener.close)
    client = take_over(app, store, durability)
    url = url_of(listener.getsockname(), "http" if tls_cert is None else "https")
    facts = {"url": url}
    try:
        access = access_to(store, needs_token=closed)
        if closed:
            facts["token_file"] = token_path(store)
            facts["page"] = f"{public_url or url}/#login={access.new_link(OWNER)}"
        ctx.call_on_close(AuditFile(store + ".audit.log").close)
        gateway = Gateway(
            client,
            token=None,
            access=access,
            hosts=[*allow_host, *([] if host in ("0.0.0.0", "::") else [bracketed(host)])],
            public_url=public_url,
        )
        certificate = None if tls_cert is None else Certificate(tls_cert, tls_key)
        serving = Serving(gateway, listener, certificate=certificate)
    except BaseException:
        client.close(0)
        raise
    serving.start()
    announce(app, store, durability, as_json, facts)
    ending.wait()
    serving.stop()
    finish(ctx, client, drain)


def url_of(address: tuple[str, int], scheme: str) -> str:
    """Where a bound socket is reached."""
    host, port = address[:2]
    return f"{scheme}://{bracketed(host)}:{port}"


def bracketed(host: str) -> str:
    """An address as it is written in URLs and Host headers."""
    return f"[{host}]" if ":" in host else host
