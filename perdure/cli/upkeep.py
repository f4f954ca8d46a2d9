"""``status``, ``verify``, ``backup``, ``purge``: looking after a store."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, cast

import click
import msgspec

from perdure.actors import control
from perdure.actors.control_client import ControlClient
from perdure.actors.ids import EntityId
from perdure.actors.verification import DAMAGE
from perdure.actors.verification import verify as find_all
from perdure.cli.commands import DAMAGED, MISFIT, NotFoundError
from perdure.cli.options import (
    app_option,
    classes_option,
    entity_argument,
    json_option,
    open_reader,
    read_past,
    store_option,
)
from perdure.cli.output import counted, print_facts, print_json, print_table, say, working
from perdure.cli.reaching import ask_owner, load_app
from perdure.storage.sqlite import SqliteReader

# ---- status ---------------------------------------------------------------------------------


def size_of(path: str) -> int:
    """The bytes of a store's file and of the log beside it."""
    return sum(os.path.getsize(part) for part in (path, path + "-wal") if os.path.exists(part))


def status_of(reader: SqliteReader, store: str) -> dict[str, Any]:
    """What the owner tells, or, when there is none, what the file does."""
    connection = ControlClient.connect(store)
    if connection is None:
        return {
            "location": reader.location,
            "open": False,
            "waiting": reader.waiting(),
            "quarantined": len(reader.quarantined(limit=1000)),
            "bytes": size_of(reader.location),
            "newest_turn": reader.newest_turn(),
        }
    with connection:
        told: dict[str, Any] = msgspec.json.decode(connection.ask(control.Status()))
    return {
        "location": told.pop("location", reader.location),
        "open": True,
        "pid": told.pop("pid", None),
        **told,
        "bytes": size_of(reader.location),
        "newest_turn": reader.newest_turn(),
    }


@click.command()
@store_option
@json_option
@click.pass_context
def status(ctx: click.Context, store: str, as_json: bool) -> None:
    """Show how a store and the process that has it open are."""
    told = status_of(open_reader(ctx, store), store)
    if as_json:
        print_json(told)
        return
    told["bytes"] = f"{told['bytes']:,}"
    print_facts((name.replace("_", " "), _as_word(value)) for name, value in told.items())
    if told.get("quarantined"):
        say("some messages were set aside: see perdure quarantine list", good=False)
    if told.get("healthy") is False:
        say("the disk does not work now; nothing is accepted until it does", good=False)


def _as_word(value: object) -> object:
    match value:
        case True:
            return "yes"
        case False:
            return "no"
        case list():
            return ", ".join(map(str, cast("list[object]", value)))
        case _:
            return value


# ---- verify ---------------------------------------------------------------------------------


@click.command()
@classes_option
@store_option
@json_option
@click.pass_context
def verify(ctx: click.Context, app_name: str | None, store: str, as_json: bool) -> None:
    """Check a store for damage; the exit code is 4 when there is some.

    Checksums, gaps and the file itself are checked always. With --app also that each entity's
    history comes to the state that is stored, that a class handles each kind, and that today's
    classes read what is stored; the exit code is 5 when only that is wrong.
    """
    reader = open_reader(ctx, store)
    definitions = None if app_name is None else load_app(app_name).definitions
    with working("checking"):
        findings = list(find_all(reader, definitions))
    damaged = [finding for finding in findings if finding.kind == DAMAGE]
    misfits = [finding for finding in findings if finding.kind != DAMAGE]
    if as_json:
        for finding in findings:
            print_json({"id": finding.stream, "finding": finding.kind, "what": finding.what})
    elif findings:
        print_table(
            ("where", "finding", "what"),
            ((found.stream or "-", found.kind, found.what) for found in damaged + misfits),
        )
    else:
        folded = "" if app_name else "; histories were not folded: name the app with --app"
        say(f"sound{folded}", good=True)
    if damaged:
        ctx.exit(DAMAGED)
    if misfits:
        say("the store is sound, and the app does not fit it", good=False)
        ctx.exit(MISFIT)


# ---- backup, purge --------------------------------------------------------------------------


@click.command()
@click.argument("path", type=click.Path(dir_okay=False))
@store_option
@json_option
@click.pass_context
def backup(ctx: click.Context, path: str, store: str, as_json: bool) -> None:
    """Copy the store into the new file PATH, also while it is in use."""
    with working("copying"):
        open_reader(ctx, store).backup(path)
    size = os.path.getsize(path)
    if as_json:
        print_json({"path": os.path.abspath(path), "bytes": size})
    else:
        say(f"copied to {path}: {size:,} bytes", good=True)


@click.command()
@entity_argument
@click.option("--up-to-version", type=click.IntRange(1), help="Up to this version.")
@click.option(
    "--before",
    callback=read_past,
    metavar="TIME",
    help="Older than 2030-01-31T12:00 (UTC), or -30d.",
)
@click.option("--keep", type=click.IntRange(0), help="All but the newest so many events.")
@app_option
@store_option
@json_option
@click.pass_context
def purge(
    ctx: click.Context,
    entity: EntityId,
    up_to_version: int | None,
    before: datetime | None,
    keep: int | None,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Drop old events of @KIND@KEY; its state and what is newer stay.

    Whole turns of events are dropped, so a few more than asked for may be left.
    """
    if [up_to_version, before, keep].count(None) != 2:
        msg = "say up to where: one of --up-to-version, --before, --keep"
        raise click.UsageError(msg)
    reader = open_reader(ctx, store)
    if reader.load([str(entity)], 0)[str(entity)].version == 0:
        msg = f"{entity} has no history"
        raise NotFoundError(msg)
    request = control.Purge(
        target=str(entity), up_to_version=up_to_version, before=before, keep=keep
    )
    dropped = msgspec.json.decode(ask_owner(store, request, app_name))
    if as_json:
        print_json({"id": str(entity), "turns": dropped})
    else:
        say(f"{counted(dropped, 'turn')} dropped", good=True)
