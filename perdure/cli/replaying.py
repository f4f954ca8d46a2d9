"""``replay``: do the stored histories fit the code of today?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from perdure.cli.commands import MISFIT
from perdure.cli.options import json_option
from perdure.cli.output import counted, print_json, print_table, say, working
from perdure.cli.reaching import load_app
from perdure.errors import NonDeterminismError
from perdure.orchestration.replaying import Replayed, replay_sources, sequences


@click.command()
@click.argument("app_name", metavar="MODULE:APP")
@click.argument("sources", metavar="[HISTORY]...", nargs=-1, type=click.Path(exists=True))
@click.option(
    "--store", envvar="PERDURE_STORE", show_envvar=True, metavar="PATH", help="A store's file."
)
@json_option
@click.pass_context
def replay(
    ctx: click.Context,
    app_name: str,
    sources: tuple[str, ...],
    store: str | None,
    as_json: bool,
) -> None:
    """Replay stored orchestrations with the code of MODULE:APP, before it is deployed.

    All those of a store, running and finished ones, or of exported HISTORY files and folders.
    Nothing is sent and nothing is changed. The exit code is 5 when some do not fit.
    """
    places = [Path(source) for source in (store, *sources) if source]
    if not places:
        msg = "say what to replay: --store, or exported histories"
        raise click.UsageError(msg)
    app = load_app(app_name)
    with working("replaying"):
        replayed = list(replay_sources(places, app.programs, app.resolve))
    histories = counted(len(replayed), "history", "histories")
    diverged = [one for one in replayed if one.error is not None]
    if as_json:
        for one in replayed:
            print_json(_as_json(one))
    else:
        for one in diverged:
            _print_diverged(one)
        if not diverged:
            say(f"{histories} replayed: the code fits", good=True)
    if diverged:
        say(f"the code does not fit {len(diverged)} of {histories}", good=False)
        ctx.exit(MISFIT)


def _as_json(one: Replayed) -> dict[str, Any]:
    told: dict[str, Any] = {
        "instance_id": one.instance_id,
        "name": one.name,
        "version": one.version,
        "status": one.status,
        "events": one.events,
        "fits": one.error is None,
    }
    if one.error is not None:
        told["error"] = str(one.error)
    if isinstance(one.error, NonDeterminismError):
        told |= {
            "recorded": one.error.recorded,
            "asked": one.error.asked,
            "source": one.error.source,
        }
    return told


def _print_diverged(one: Replayed) -> None:
    click.secho(f"{one.instance_id} ({one.name}, {one.status})", bold=True)
    if not isinstance(one.error, NonDeterminismError):
        click.echo(f"{one.error}\n")
        return
    print_table(("", "", "in the history", "in the code"), list(_rows(one.error)))
    if one.error.source:
        click.echo(f"asked at {one.error.source}")
    click.echo()


def _rows(error: NonDeterminismError) -> Iterator[Sequence[object]]:
    pairs = list(sequences(error))
    first = next((n for n, (left, right) in enumerate(pairs) if left != right), len(pairs))
    for number, (left, right) in enumerate(pairs):
        if number >= first - 3:  # what fits is long, and of no interest far before
            yield ("" if left == right else ">", number + 1, left, right)
