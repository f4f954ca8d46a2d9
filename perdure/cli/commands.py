"""The table of commands. A command's module is loaded when it is run: ``--help`` is quick."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from perdure._version import __version__
from perdure.errors import (
    CorruptionError,
    InstanceNotFoundError,
    PerdureError,
    ScheduleNotFoundError,
)

FAILED = 1
NOT_FOUND = 3
DAMAGED = 4
MISFIT = 5

_EXIT_CODES: dict[type[Exception], int] = {
    CorruptionError: DAMAGED,
    InstanceNotFoundError: NOT_FOUND,
    ScheduleNotFoundError: NOT_FOUND,
}
"""Of errors of perdure; all others are FAILED."""

_FLAGS = (
    (r"call get\(\) again, or repeat the call with", "repeat the command with"),
    (r"options\(request_id=('[^']*'|\"[^\"]*\")\)", r"--request-id \1"),
    (r"choose another instance id, or use start_or_get", "choose another --id"),
    (r"up_to_version=(\d+)", r"--up-to-version \1"),
)
"""Words of the API in errors, and the flags that they are here."""

_COMMANDS = {
    "run": ("perdure.cli.running", "Run an app on a store until SIGTERM or SIGINT."),
    "serve": ("perdure.cli.serving", "Run an app with an HTTP API, on this machine only."),
    "token": ("perdure.cli.tokens", "Who may ask over HTTP, and links for browsers."),
    "signal": ("perdure.cli.sending", "Send a signal; returns when it is durable."),
    "call": ("perdure.cli.sending", "Call an operation and print its result."),
    "entities": ("perdure.cli.reading", "List entities."),
    "show": ("perdure.cli.reading", "Show one entity's state."),
    "history": ("perdure.cli.reading", "Show one entity's events."),
    "tail": ("perdure.cli.reading", "Follow the changes of the whole store."),
    "orchestration": (
        "perdure.cli.orchestrating",
        "Start orchestrations, look at them, ask something of them.",
    ),
    "schedule": ("perdure.cli.scheduling", "Recurring starts: look, pause, resume, trigger."),
    "status": ("perdure.cli.upkeep", "Show how a store and its owner are."),
    "verify": ("perdure.cli.upkeep", "Check a store for damage."),
    "why": ("perdure.cli.explaining", "Say what an orchestration or an entity waits for."),
    "replay": ("perdure.cli.replaying", "Do stored orchestrations fit the code of today?"),
    "lint": ("perdure.cli.linting", "Check code of orchestrators, entities and activities."),
    "simulate": ("perdure.cli.simulating", "Run a scenario under many seeds, with faults."),
    "debug": ("perdure.cli.debugging", "Replay one orchestration under the debugger."),
    "backup": ("perdure.cli.upkeep", "Copy a store into a new file, also while it is in use."),
    "purge": ("perdure.cli.upkeep", "Drop an entity's old events."),
    "quarantine": ("perdure.cli.quarantine", "Messages that were set aside."),
    "bench": ("perdure.benchmarks.command", "Measure perdure on this machine."),
}
"""The module of each command, and what ``--help`` says of it without loading it."""


class NotFoundError(click.ClickException):
    """What the command is about is not there."""

    exit_code = NOT_FOUND

    def show(self, file: Any = None) -> None:
        """Print it as one red line."""
        complain(self.message)


def printable(text: str) -> str:
    """*text* in one line, with control characters as escapes: it may come from anywhere."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def complain(message: str) -> None:
    """Print an error as one line on stderr, red on a terminal."""
    click.secho(f"error: {printable(message)}", fg="red", err=True)


def in_flags(message: str) -> str:
    """An error of the API in words of the command line."""
    for pattern, flag in _FLAGS:
        message = re.sub(pattern, flag, message)
    return message


class Commands(click.Group):
    """A group whose commands are loaded when they are used, and that explains errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(_COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; of an unknown one tell a near name."""
        name = args[0]
        if name in _COMMANDS:
            return super().resolve_command(ctx, args)
        near = "".join(f" Did you mean {n!r}?" for n in get_close_matches(name, _COMMANDS, 1))
        return ctx.fail(f"No such command {name!r}.{near}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands for ``--help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of perdure becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except PerdureError as error:
            fail(ctx, error)


def fail(ctx: click.Context, error: PerdureError) -> NoReturn:
    """End with an error of perdure."""
    complain(in_flags(str(error)) or type(error).__name__)
    codes = (code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))
    ctx.exit(next(codes, FAILED))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
def perdure() -> None:
    """Durable entities: run an app, reach its entities, look into its store.

    \b
    perdure run shop:app --store shop.db
    perdure call @counter@visits add 1 --store shop.db
    perdure history @counter@visits --store shop.db

    Entities are written @kind@key; arguments of operations are JSON. Each command takes --store
    PATH (or PERDURE_STORE) and --json. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not
    found, 4 the store is damaged, 5 the app does not fit the store.
    """
