"""``schedule``: look at schedules, pause and resume them, start a run now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import attrs
import click
import msgspec

from perdure.actors import control
from perdure.actors.context import to_micros
from perdure.actors.ids import EntityId
from perdure.actors.snapshots import snapshot_of
from perdure.cli.commands import NotFoundError
from perdure.cli.options import (
    app_option,
    json_option,
    open_reader,
    owner_option,
    read_past,
    store_option,
)
from perdure.cli.output import clock, compact, print_facts, print_json, print_table, say
from perdure.cli.reaching import ask_owner
from perdure.cli.sending import fresh_id
from perdure.errors import OperationFailedError
from perdure.orchestration.faults import typed
from perdure.orchestration.schedules.entity import KIND, SCHEDULES
from perdure.orchestration.schedules.plan import checked_schedule_id
from perdure.orchestration.schedules.refs import ScheduleState, public_schedule
from perdure.storage.records import StoredState
from perdure.storage.sqlite import SqliteReader

PAGE = 500


@click.group()
def schedule() -> None:
    """Look at schedules, pause, resume and backfill them, start a run now, delete them.

    A program makes them: client.schedule(ID, ORCHESTRATOR, every=…).
    """


# ---- reading, beside the owner ------------------------------------------------------------


@schedule.command(name="list")
@click.option("--prefix", default="", help="Only with ids that begin so.")
@store_option
@json_option
@click.pass_context
def list_schedules(ctx: click.Context, prefix: str, store: str, as_json: bool) -> None:
    """List schedules in the order of their ids."""
    found = _schedules(open_reader(ctx, store), prefix)
    if as_json:
        for one in found:
            print_json(_as_json(one))
        return
    cells = [_cells(one) for one in found]
    if cells:
        headings = ("id", "orchestrator", "when", "next", "started", "running", "")
        print_table(headings, cells)
    else:
        say("no schedules")


def _schedules(reader: SqliteReader, prefix: str) -> Iterator[ScheduleState]:
    after = ""
    while page := reader.states(f"@{KIND}@{prefix}", after=after, limit=PAGE):
        yield from filter(None, map(_read, page))
        after = page[-1].stream


def _read(row: StoredState | None) -> ScheduleState | None:
    snapshot = snapshot_of(SCHEDULES, row)
    return None if snapshot is None else public_schedule(snapshot.id.key, snapshot.state)


def _cells(one: ScheduleState) -> tuple[object, ...]:
    state = "paused" if one.is_paused else one.problem and "cannot start"
    next_at = "" if one.next_at is None else clock(one.next_at)
    return one.id, one.orchestrator, _when(one), next_at, one.started, len(one.running), state


def _when(one: ScheduleState) -> str:
    return f"every {one.every}" if one.every else f"{one.cron} {one.timezone}"


def _as_json(one: ScheduleState) -> dict[str, Any]:
    told: dict[str, Any] = attrs.asdict(one, recurse=False)
    if one.every is not None:
        told["every"] = one.every.total_seconds()
    return {name: value for name, value in told.items() if value not in (None, "", {}, [])}


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@store_option
@json_option
@click.pass_context
def show(ctx: click.Context, schedule_id: str, store: str, as_json: bool) -> None:
    """Show one schedule."""
    address = str(EntityId(KIND, checked_schedule_id(schedule_id)))
    one = _read(open_reader(ctx, store).state(address))
    if one is None:
        msg = f"there is no schedule {schedule_id!r}"
        raise NotFoundError(msg)
    told = _as_json(one)
    if as_json:
        print_json(told)
    else:
        for part in ("every", "cron", "timezone"):
            told.pop(part, None)
        facts = {"when": _when(one), **told}
        print_facts((name.replace("_", " "), _plain(value)) for name, value in facts.items())


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return clock(value)
    return value if isinstance(value, str) else compact(value)


# ---- asking the owner ---------------------------------------------------------------------


def _ask(
    store: str, app_name: str | None, schedule_id: str, operation: str, *given: str | int
) -> Any:
    request = control.Call(
        target=str(EntityId(KIND, checked_schedule_id(schedule_id))),
        operation=operation,
        request_id=fresh_id(),
        arguments=[msgspec.Raw(msgspec.json.encode(value)) for value in given],
        timeout_seconds=30.0,
    )
    try:
        return msgspec.json.decode(ask_owner(store, request, app_name))
    except OperationFailedError as error:
        raise typed(error) from error


def _tell(schedule_id: str, done: str, as_json: bool, **more: object) -> None:
    if as_json:
        print_json({"id": schedule_id, **more})
    else:
        say(f"{schedule_id} {done}", good=True)


def _noting(operation: str, done: str, summary: str) -> click.Command:
    """A command that takes a note."""

    def run(
        schedule_id: str, note: str, app_name: str | None, store: str, as_json: bool
    ) -> None:
        _ask(store, app_name, schedule_id, operation, note)
        _tell(schedule_id, done, as_json)

    decorators: tuple[Callable[[Any], Any], ...] = (
        json_option,
        owner_option,
        app_option,
        click.option("--note", default="", help="Why."),
        click.argument("schedule_id", metavar="ID"),
    )
    for decorate in decorators:
        run = decorate(run)
    return click.command(name=operation, help=summary)(run)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@app_option
@owner_option
@json_option
def trigger(schedule_id: str, app_name: str | None, store: str, as_json: bool) -> None:
    """Start a run of ID now; prints its instance id."""
    started = _ask(store, app_name, schedule_id, "trigger")
    done = "has one that lives: nothing was started" if started is None else f"starts {started}"
    _tell(schedule_id, done, as_json, instance_id=started)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@click.option(
    "--from",
    "first",
    required=True,
    callback=read_past,
    help="A time, or as -5d: from then on.",
)
@click.option("--to", "last", default="-0s", callback=read_past, help="Now unless given.")
@app_option
@owner_option
@json_option
def backfill(
    schedule_id: str,
    first: datetime,
    last: datetime,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Start what ID would have started from one time to another, oldest first.

    What was started for one of these times already is not started again.
    """
    if first > last:
        msg = f"{first} is later than {last}: give the earlier time with --from"
        raise click.UsageError(msg)
    _ask(store, app_name, schedule_id, "backfill", to_micros(first), to_micros(last))
    _tell(schedule_id, "is filled up", as_json)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@app_option
@owner_option
@json_option
def delete(schedule_id: str, app_name: str | None, store: str, as_json: bool) -> None:
    """Forget ID; what runs goes on."""
    _ask(store, app_name, schedule_id, "delete")
    _tell(schedule_id, "deleted", as_json)


for each in (
    _noting("pause", "paused", "Have ID start nothing by itself until it is resumed."),
    _noting("resume", "resumed", "Have a paused ID go on with its next time."),
):
    schedule.add_command(each)
