"""``orchestration``: start orchestrations, ask something of them, and forget them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
import msgspec

from perdure.actors import control
from perdure.actors.answers import NULL
from perdure.cli import instances
from perdure.cli.options import (
    app_option,
    json_option,
    owner_option,
    read_json,
    read_past,
    read_time,
)
from perdure.cli.output import print_json, print_value, say
from perdure.cli.reaching import ask_owner
from perdure.cli.sending import fresh_id, request_option
from perdure.orchestration import commands
from perdure.orchestration.starting import instance_id_of
from perdure.orchestration.state import FINISHED

WAIT_SECONDS = 30.0

timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(0, control.CALL_SECONDS_LIMIT),
    default=WAIT_SECONDS,
    show_default=True,
    help="Seconds to wait for the result.",
)
children_option = click.option(
    "--children/--no-children", default=True, show_default=True, help="Its children too."
)


def ask(
    store: str, command: commands.AnyCommand, app_name: str | None, seconds: float | None = 0.0
) -> Any:
    """Have the owner of the store do something about an orchestration."""
    data = msgspec.Raw(commands.encode(command))
    request = control.Orchestrate(command=data, timeout_seconds=seconds)
    return msgspec.Raw(ask_owner(store, request, app_name))


def tell(instance_id: str, done: str, as_json: bool) -> None:
    """Tell what was done."""
    if as_json:
        print_json({"instance_id": instance_id})
    else:
        say(f"{instance_id} {done}", good=True)


def _print_result(instance_id: str, result: msgspec.Raw, as_json: bool) -> None:
    if as_json:
        print_json({"instance_id": instance_id, "result": result})
    else:
        print_value(bytes(result))


@click.group()
def orchestration() -> None:
    """Start orchestrations, look at them, ask something of them, forget them."""


@orchestration.command()
@click.argument("name")
@click.argument("value", metavar="[JSON]", required=False, callback=read_json)
@click.option("--id", "instance_id", metavar="ID", help="Names it.  [default: a new one]")
@click.option("--at", callback=read_time, metavar="TIME", help="Not before; or in 90s, 2h.")
@click.option("--tag", "tags", metavar="NAME=TEXT", multiple=True, callback=instances.read_tags)
@click.option("--version", help="Which version of the orchestrator.")
@click.option("--wait", is_flag=True, help="Wait for its result and print it.")
@timeout_option
@request_option
@app_option
@owner_option
@json_option
def start(
    name: str,
    value: msgspec.Raw | None,
    instance_id: str | None,
    at: datetime | None,
    tags: dict[str, str],
    version: str | None,
    wait: bool,
    timeout: float,
    request_id: str | None,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Start the orchestrator NAME; returns when that is durable."""
    chosen = instance_id_of(instance_id, fresh_id, request_id)
    given = NULL if value is None else value
    command = commands.Start(
        name=name,
        instance_id=chosen,
        request_id=request_id,
        input=given,
        at=at,
        version=version,
        tags=tags,
    )
    ask(store, command, app_name)
    if not wait:
        tell(chosen, "started", as_json)
        return
    waited = commands.Result(instance_id=chosen, timeout_seconds=timeout)
    _print_result(chosen, ask(store, waited, app_name, timeout), as_json)


@orchestration.command()
@click.argument("instance_id", metavar="ID")
@timeout_option
@app_option
@owner_option
@json_option
def result(
    instance_id: str, timeout: float, app_name: str | None, store: str, as_json: bool
) -> None:
    """Wait for the end of ID and print its result."""
    command = commands.Result(instance_id=instance_id, timeout_seconds=timeout)
    _print_result(instance_id, ask(store, command, app_name, timeout), as_json)


@orchestration.command(name="raise")
@click.argument("instance_id", metavar="ID")
@click.argument("event")
@click.argument("value", metavar="[JSON]", required=False, callback=read_json)
@request_option
@app_option
@owner_option
@json_option
def raise_event(
    instance_id: str,
    event: str,
    value: msgspec.Raw | None,
    request_id: str | None,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Raise the external EVENT to ID."""
    data = NULL if value is None else value
    command = commands.RaiseEvent(
        instance_id=instance_id, name=event, request_id=request_id, data=data
    )
    ask(store, command, app_name)
    tell(instance_id, f"was told {event}", as_json)


@orchestration.command()
@click.argument("instance_id", metavar="ID")
@click.option("--output", callback=read_json, metavar="JSON", help="What it ends with.")
@children_option
@app_option
@owner_option
@json_option
def terminate(
    instance_id: str,
    output: msgspec.Raw | None,
    children: bool,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """End ID at once; its code does not get to clean up."""
    given = NULL if output is None else output
    command = commands.Terminate(instance_id=instance_id, output=given, recursive=children)
    ask(store, command, app_name)
    tell(instance_id, "terminated", as_json)


def _asking(what: str, done: str, help_text: str) -> click.Command:
    """One of the commands that carry nothing but a reason."""

    @click.command(name=what, help=help_text)
    @click.argument("instance_id", metavar="ID")
    @click.option("--reason", default="", help="Why; kept in the history.")
    @app_option
    @owner_option
    @json_option
    def command(
        instance_id: str, reason: str, app_name: str | None, store: str, as_json: bool
    ) -> None:
        ask(store, commands.Ask(instance_id=instance_id, what=what, reason=reason), app_name)
        tell(instance_id, done, as_json)

    return command


@orchestration.command()
@click.argument("instance_id", metavar="ID")
@click.option("--new-id", metavar="ID", help="Under another id.  [default: the same]")
@app_option
@owner_option
@json_option
def restart(
    instance_id: str, new_id: str | None, app_name: str | None, store: str, as_json: bool
) -> None:
    """Start ID again with its name and input."""
    command = commands.Restart(instance_id=instance_id, new_instance_id=new_id)
    ask(store, command, app_name)
    tell(new_id or instance_id, "started", as_json)


@orchestration.command()
@click.argument("instance_id", metavar="[ID]", required=False)
@click.option("--status", "statuses", multiple=True, type=click.Choice(sorted(FINISHED)))
@click.option(
    "--created-from", callback=read_past, metavar="TIME", help="Started then or later."
)
@click.option("--created-to", callback=read_past, metavar="TIME", help="Or before; -30d.")
@children_option
@click.option("--yes", is_flag=True, help="Do not ask first.")
@app_option
@owner_option
@json_option
def purge(
    instance_id: str | None,
    statuses: tuple[str, ...],
    created_from: datetime | None,
    created_to: datetime | None,
    children: bool,
    yes: bool,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Forget the finished orchestration ID, or those that fit; histories too."""
    chosen = bool(statuses) or created_from is not None or created_to is not None
    if chosen == (instance_id is not None):
        msg = "say what to forget: an ID, or --status, --created-from, --created-to"
        raise click.UsageError(msg)
    what = instance_id or "all finished orchestrations that fit"
    if not yes:
        click.confirm(f"forget {what} for ever?", abort=True, err=True)
    if instance_id is not None:
        ask(store, commands.Purge(instance_id=instance_id, recursive=children), app_name)
        tell(instance_id, "forgotten", as_json)
        return
    command = commands.PurgeAll(
        statuses=list(statuses),
        created_from=created_from,
        created_to=created_to,
        recursive=children,
    )
    purged = ask(store, command, app_name, None)
    if as_json:
        print_json({"purged": purged})
    else:
        say(f"{bytes(purged).decode()} forgotten", good=True)


for each in (
    _asking("cancel", "asked to end", "Have CancelledError raised where the code of ID waits."),
    _asking("suspend", "suspended", "Have ID take note of nothing until it is resumed."),
    _asking("resume", "resumed", "Have a suspended ID go on."),
    _asking("rewind", "rewound", "Have a failed ID go on from before its failure."),
    instances.list_instances,
    instances.show,
    instances.history,
):
    orchestration.add_command(each)
