"""``why``: what does it wait for?"""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import click

from perdure.actors.context import to_micros
from perdure.cli.options import classes_option, json_option, open_reader, owner_option
from perdure.cli.output import print_json, print_table
from perdure.cli.reaching import is_url, load_app, served_at
from perdure.orchestration.why import Investigation, Reason


@click.command()
@click.argument("address", metavar="INSTANCE|@KIND@KEY")
@classes_option
@owner_option
@json_option
@click.pass_context
def why(
    ctx: click.Context, address: str, app_name: str | None, store: str, as_json: bool
) -> None:
    """Say what an orchestration or an entity waits for.

    With --app also which events the code waits for, and which attempt comes next.
    """
    if is_url(store):
        with served_at(store, app_name) as client:
            reasons = client.why(address)
    else:
        reasons = _looked_up(ctx, address, app_name, store)
    if as_json:
        for reason in reasons:
            print_json(attrs.asdict(reason))
    else:
        print_table(("for", "what"), ((reason.kind, reason.text) for reason in reasons))


def _looked_up(
    ctx: click.Context, address: str, app_name: str | None, store: str
) -> list[Reason]:
    """What the store's file says."""
    app = None if app_name is None else load_app(app_name)
    investigation = Investigation(
        open_reader(ctx, store),
        to_micros(datetime.now(UTC)),
        None if app is None else app.programs,
        None if app is None else app.resolve,
    )
    return investigation.why(address)
