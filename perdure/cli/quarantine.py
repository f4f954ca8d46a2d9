"""``quarantine``: messages that could not be processed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from perdure.actors import control
from perdure.actors.context import to_datetime
from perdure.actors.quarantine import message_in, quarantined
from perdure.cli.commands import NotFoundError
from perdure.cli.options import app_option, json_option, open_reader, owner_option, store_option
from perdure.cli.output import clock, print_json, print_table, say
from perdure.cli.reaching import ask_owner
from perdure.storage.records import QuarantineRow

ids_argument = click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)


@click.group()
def quarantine() -> None:
    """Look at messages that were set aside, send them again, or discard them."""


def describe(row: QuarantineRow) -> dict[str, Any]:
    """A message as plain values; of a damaged one what can be told."""
    known: dict[str, Any] = {
        "id": row.id,
        "entity": row.stream,
        "time": to_datetime(row.time_micros),
        "attempts": row.attempts,
        "reason": row.reason,
    }
    message = message_in(row)
    if message is None:
        return known | {"operation": None, "request_id": None, "input": None}
    return known | {
        "operation": message.operation,
        "request_id": message.request_id,
        "input": msgspec.Raw(message.input or b"null"),
    }


@quarantine.command(name="list")
@store_option
@json_option
@click.pass_context
def list_messages(ctx: click.Context, store: str, as_json: bool) -> None:
    """List them, oldest first, each with its reason."""
    messages = [describe(row) for row in quarantined(open_reader(ctx, store))]
    if as_json:
        for message in messages:
            print_json(message)
        return
    if not messages:
        say("nothing was set aside", good=True)
        return
    for message in messages:
        message["time"] = clock(message["time"])
    columns = ("id", "entity", "operation", "attempts", "time", "reason")
    print_table(columns, ([message[column] for column in columns] for message in messages))


def ask_for_each(
    requests: Sequence[control.Redrive | control.Discard], store: str, app_name: str | None
) -> list[int]:
    """Ask the owner for each message; returns the ids of those that were there.

    Raises:
        NotFoundError: some were not.
    """
    ids = [request.id for request in requests]
    found = [
        request.id
        for request in requests
        if msgspec.json.decode(ask_owner(store, request, app_name))
    ]
    if missing := [str(number) for number in ids if number not in found]:
        msg = f"no such message in quarantine: {', '.join(missing)}"
        raise NotFoundError(msg)
    return found


def tell(ids: list[int], done: str, as_json: bool) -> None:
    """Tell what became of messages."""
    if as_json:
        print_json({"ids": ids})
    else:
        say(f"{', '.join(map(str, ids))} {done}", good=True)


@quarantine.command()
@ids_argument
@app_option
@owner_option
@json_option
def redrive(ids: tuple[int, ...], app_name: str | None, store: str, as_json: bool) -> None:
    """Send messages again, with no attempts counted. Mend the cause first."""
    requests = [control.Redrive(id=number) for number in ids]
    tell(ask_for_each(requests, store, app_name), "sent again", as_json)


@quarantine.command()
@ids_argument
@app_option
@owner_option
@json_option
def discard(ids: tuple[int, ...], app_name: str | None, store: str, as_json: bool) -> None:
    """Forget messages."""
    requests = [control.Discard(id=number) for number in ids]
    tell(ask_for_each(requests, store, app_name), "discarded", as_json)
