"""``run``: a process that owns a store, works for its entities, and ends without losing any."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

import click

from perdure._version import __version__
from perdure.actors import limits
from perdure.actors.app import DURABILITIES
from perdure.actors.logs import JsonFormatter
from perdure.cli.commands import FAILED
from perdure.cli.options import json_option, store_option
from perdure.cli.output import print_json, say
from perdure.cli.reaching import load_app
from perdure.cli.telemetry import instrument_from_environment
from perdure.errors import InvalidInputError
from perdure.orchestration.app import App
from perdure.orchestration.client import EmbeddedClient
from perdure.own_process import settle

SWITCH_SECONDS = 0.0005
"""How long a busy thread keeps the others from running. With Python's 5 ms a small commit
beside a turn that computes takes 68 ms at the median, with this 3.5 ms."""

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Ending:
    """Waits for SIGTERM, SIGINT or SIGHUP; a second one ends the process at once.

    That is safe at any moment: what was acknowledged is on the disk.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._asked = False
        numbers = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._asked:
            os._exit(128 + number)
        self._asked = True
        os.write(self._write, b".")

    def wait(self) -> None:
        """Return when the process is asked to end."""
        os.read(self._read, 1)


def announce(
    app: App, store: str, durability: str, as_json: bool, more: dict[str, str] | None = None
) -> None:
    """Tell who is ready, on stdout, where a supervisor or a test may wait for it."""
    more = more or {}
    if as_json:
        facts = {"ready": True, "app": app.name, "store": store, "pid": os.getpid()}
        print_json(facts | {"kinds": app.kinds, "durability": durability} | more)
        sys.stdout.flush()
        return
    kinds = ", ".join([*app.kinds, *sorted(app.programs.registry.orchestrators)])
    click.secho(f"perdure {__version__}", bold=True, nl=False)
    click.echo(f"  {app.name}: {kinds}")
    click.echo(f"store {store}, durable through loss of {durability}, process {os.getpid()}")
    for name, value in more.items():
        click.echo(f"{name.replace('_', ' ')} {value}")
    click.echo("ready; Ctrl-C ends it")
    sys.stdout.flush()


app_argument = click.argument("app_name", metavar="MODULE:APP", envvar="PERDURE_APP")
durability_option = click.option(
    "--durability",
    type=click.Choice(DURABILITIES),
    default="power",
    show_default=True,
    help="What an acknowledged message survives: a power cut, or the process.",
)
drain_option = click.option(
    "--drain",
    type=click.FloatRange(0),
    default=limits.DRAIN_SECONDS,
    show_default=True,
    help="Seconds for what is in hand when it is asked to end.",
)
otel_option = click.option(
    "--otel",
    is_flag=True,
    help="Send traces and metrics, as the OTEL_* environment variables say.",
)
log_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
log_format_option = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object a line.",
)


@click.command()
@app_argument
@store_option
@durability_option
@drain_option
@log_option
@log_format_option
@otel_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    app_name: str,
    store: str,
    durability: str,
    drain: float,
    log_level: str,
    log_format: str,
    otel: bool,
    as_json: bool,
) -> None:
    """Run the app MODULE:APP on a store until SIGTERM or SIGINT.

    The first signal finishes what is in hand; the second ends at once, and loses nothing that
    was acknowledged.
    """
    app = prepare(app_name, log_level, log_format, otel=otel)
    ending = Ending()
    client = take_over(app, store, durability)
    announce(app, store, durability, as_json)
    ending.wait()
    finish(ctx, client, drain)


def prepare(app_name: str, log_level: str, log_format: str, *, otel: bool) -> App:
    """Import what is to be run, in a process that will do nothing else."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=log_level.upper(), handlers=[handler])
    app = load_app(app_name)
    if not (app.kinds or app.programs.registry.orchestrators):
        msg = f"app {app.name!r} has neither entities nor orchestrators; import their modules"
        raise InvalidInputError(msg)
    if otel:
        instrument_from_environment(app)
    sys.setswitchinterval(SWITCH_SECONDS)
    return app


def take_over(app: App, store: str, durability: str) -> EmbeddedClient:
    """Become the node that owns the store."""
    client = app.open(store, durability=durability)
    settle()
    return client


def finish(ctx: click.Context, client: EmbeddedClient, drain: float) -> None:
    """End when what is in hand has been done, or has not been in time."""
    say("ending: what is in hand is finished; once more to end at once")
    if client.close(drain):
        say("ended", good=True)
        return
    say("ended with work in hand; it goes on when the store is opened again", good=False)
    ctx.exit(FAILED)
