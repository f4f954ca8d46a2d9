"""``signal`` and ``call``: messages from the shell."""

from __future__ import annotations

import secrets
from datetime import datetime

import click
import msgspec

from perdure.actors import control
from perdure.actors.ids import EntityId
from perdure.cli.options import (
    app_option,
    entity_argument,
    json_arguments,
    json_option,
    owner_option,
    read_time,
)
from perdure.cli.output import print_json, print_value, say
from perdure.cli.reaching import ask_owner
from perdure.errors import OperationFailedError

request_option = click.option(
    "--request-id",
    metavar="ID",
    help="Repeating a request with its id is safe for seven days.  [default: a new one]",
)


def fresh_id() -> str:
    """A request id nobody used before."""
    return f"cli-{secrets.token_hex(10)}"


@click.command()
@entity_argument
@click.argument("operation")
@json_arguments
@click.option(
    "--at",
    callback=read_time,
    metavar="TIME",
    help="Not before 2030-01-31T12:00 (UTC); or in 90s, 10m, 2h, 1d.",
)
@request_option
@app_option
@owner_option
@json_option
def signal(
    entity: EntityId,
    operation: str,
    arguments: list[msgspec.Raw],
    at: datetime | None,
    request_id: str | None,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Have @KIND@KEY do OPERATION, some time, exactly once.

    Returns when that is durable. Arguments are JSON: the value of an only parameter by itself;
    of several parameters each in its place, or one object by parameter name.
    """
    request = control.Signal(
        target=str(entity),
        operation=operation,
        request_id=request_id or fresh_id(),
        arguments=arguments,
        at=at,
    )
    ask_owner(store, request, app_name)
    if as_json:
        print_json({"request_id": request.request_id})
    else:
        say(f"durable as request {request.request_id}", good=True)


@click.command()
@entity_argument
@click.argument("operation")
@json_arguments
@click.option(
    "--timeout",
    type=click.FloatRange(0, control.CALL_SECONDS_LIMIT),
    default=30.0,
    show_default=True,
    help="Seconds to wait for the result.",
)
@click.option("--traceback", is_flag=True, help="When the operation raises, show where.")
@request_option
@app_option
@owner_option
@json_option
def call(
    entity: EntityId,
    operation: str,
    arguments: list[msgspec.Raw],
    timeout: float,
    traceback: bool,
    request_id: str | None,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Have @KIND@KEY do OPERATION and print its result.

    Arguments are JSON: the value of an only parameter by itself; of several parameters each in
    its place, or one object by parameter name.
    """
    request = control.Call(
        target=str(entity),
        operation=operation,
        request_id=request_id or fresh_id(),
        arguments=arguments,
        timeout_seconds=timeout,
    )
    try:
        result = ask_owner(store, request, app_name)
    except OperationFailedError as error:
        if traceback:
            click.echo((error.details.stack_trace or "").rstrip(), err=True)
        raise
    if as_json:
        print_json({"request_id": request.request_id, "result": msgspec.Raw(result)})
    else:
        print_value(result)
