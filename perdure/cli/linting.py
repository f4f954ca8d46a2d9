"""``lint``: what orchestrators, entities and activities must not do, found without a run."""

from __future__ import annotations

import attrs
import click

from perdure.cli.commands import FAILED
from perdure.cli.options import json_option
from perdure.cli.output import print_json, say
from perdure.errors import InvalidInputError
from perdure.linting import check_targets


@click.command()
@click.argument("targets", metavar="PATH|MODULE...", nargs=-1, required=True)
@json_option
@click.pass_context
def lint(ctx: click.Context, targets: tuple[str, ...], as_json: bool) -> None:
    """Check orchestrators, entities and activities in files, folders and modules.

    Nothing is imported. The exit code is 1 when something is found; # noqa: PD101 at the end of
    a line allows it.
    """
    try:
        findings = check_targets(targets)
    except InvalidInputError as error:
        raise click.UsageError(str(error)) from error
    for finding in findings:
        print_json(attrs.asdict(finding)) if as_json else click.echo(str(finding))
    if findings:
        ctx.exit(FAILED)
    say("nothing found", good=True)
