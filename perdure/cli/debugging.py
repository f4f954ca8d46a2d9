"""``debug``: a stored history once more, under the debugger."""

from __future__ import annotations

import pdb
import sys
from types import FrameType
from typing import Any

import click

from perdure.cli.instances import detail
from perdure.cli.options import open_reader, store_option
from perdure.cli.output import moment
from perdure.cli.reaching import load_app
from perdure.orchestration.history import Event, describe
from perdure.orchestration.replaying import Debugged


class _Debugger(pdb.Pdb):
    """Stops in the user's code after each event; never in perdure's."""

    def __init__(self) -> None:
        skipped = ["perdure", "perdure.*", "contextlib"]
        if sys.stdin.isatty():
            super().__init__(skip=skipped)
        else:  # a pipe has no lines to edit
            super().__init__(skip=skipped, stdin=sys.stdin, stdout=sys.stdout)
        self.prompt = "(debug) "
        self._is_over = False

    def before(self, event: Event) -> None:
        """Tell what comes next, and stop where the code goes on."""
        if self._is_over:
            return
        told = ": ".join(filter(None, (describe(event), detail(event))))
        self.message(f"* {moment(event.time)}  {told}")
        self.reset()
        self.botframe = None  # the next call is the first that it sees
        sys.settrace(self.trace_dispatch)

    def set_continue(self) -> None:
        """``c``: on to the next event."""
        super().set_continue()
        sys.settrace(None)

    def set_quit(self) -> None:
        """``q``: no more stops."""
        self._is_over = True
        self.set_continue()

    def user_call(self, frame: FrameType, argument_list: Any) -> None:
        """Going on after an await is no call to stop at: its next line is."""

    def user_return(self, frame: FrameType, return_value: Any) -> None:
        """An await is no return to stop at."""


@click.command()
@click.argument("instance_id", metavar="INSTANCE")
@click.option(
    "--app",
    "app_name",
    envvar="PERDURE_APP",
    show_envvar=True,
    required=True,
    metavar="MODULE:APP",
    help="The app whose code is replayed.",
)
@store_option
@click.pass_context
def debug(ctx: click.Context, instance_id: str, app_name: str, store: str) -> None:
    """Replay the history of INSTANCE under pdb, event by event.

    Nothing is sent and nothing is changed. c goes on to the next event, n and s step through
    your code, p shows a variable, q ends.
    """
    app = load_app(app_name)
    debugged = Debugged.of(open_reader(ctx, store), instance_id, app.programs, app.resolve)
    debugger = _Debugger()
    try:
        debugged.run(debugger.before)
    finally:
        sys.settrace(None)
    debugger.message(f"* {debugged.standing()}")
