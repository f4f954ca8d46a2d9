"""``orchestration list``, ``show`` and ``history``: read beside the owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import attrs
import click
import msgspec

from perdure.cli.commands import NotFoundError
from perdure.cli.options import json_option, open_reader, owner_option, read_time, store_option
from perdure.cli.output import (
    clock,
    compact,
    moment,
    print_facts,
    print_json,
    print_table,
    print_value,
    say,
)
from perdure.cli.reaching import is_url, served_at
from perdure.orchestration.choosing import chooser
from perdure.orchestration.history import Event, describe, write_event
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.reading import events_of, find_state, input_of
from perdure.orchestration.replaying import instance_rows
from perdure.orchestration.state import STATUSES, InstanceState
from perdure.orchestration.status import OrchestrationState, public_state, state_of
from perdure.orchestration.why import answerable, history_of
from perdure.storage.records import StoredState
from perdure.storage.sqlite import SqliteReader

_DETAIL_WIDTH = 60


def read_tags(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """A callback of options that take NAME=TEXT."""
    for value in values:
        if "=" not in value:
            msg = f"{value!r} is not of the form NAME=TEXT"
            raise click.BadParameter(msg, ctx, param)
    return dict(value.split("=", 1) for value in values)


# ---- list ---------------------------------------------------------------------------------


@click.command(name="list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES))
@click.option("--name", help="Only of this orchestrator.")
@click.option("--prefix", default="", help="Only with ids that begin so.")
@click.option("--tag", "tags", metavar="NAME=TEXT", multiple=True, callback=read_tags)
@click.option("--parent", metavar="ID", help="Only those that this one started.")
@click.option(
    "--created-from", callback=read_time, metavar="TIME", help="Started then or later."
)
@click.option("--created-to", callback=read_time, metavar="TIME", help="Or before; -30d.")
@click.option("--after", default="", metavar="ID", help="Only those behind this one.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--count", is_flag=True, help="Only how many there are of each status.")
@owner_option
@json_option
@click.pass_context
def list_instances(
    ctx: click.Context,
    statuses: tuple[str, ...],
    name: str | None,
    prefix: str,
    tags: dict[str, str],
    parent: str | None,
    created_from: datetime | None,
    created_to: datetime | None,
    after: str,
    limit: int,
    count: bool,
    store: str,
    as_json: bool,
) -> None:
    """List orchestrations in the order of their ids, or count them."""
    filters: dict[str, Any] = {
        "statuses": list(statuses),
        "created_from": created_from,
        "created_to": created_to,
        "name": name,
        "tags": tags,
        "parent": parent,
    }
    damaged: list[str] = []
    if is_url(store):
        found = _asked(ctx, store, filters | {"prefix": prefix}, after)
    else:
        rows = instance_rows(open_reader(ctx, store), prefix, after)
        found = _fitting(rows, chooser(**filters).fits, damaged)
    if count:
        _print_counts(Counter(state.runtime_status for state in found), as_json)
    else:
        _print_list(list(islice(found, limit + 1)), limit, as_json)
    if damaged:
        say(f"{len(damaged)} cannot be read: see perdure verify", good=False)


def _asked(
    ctx: click.Context, url: str, filters: dict[str, Any], after: str
) -> Iterator[OrchestrationState]:
    """Those that a server finds, page by page."""
    client = ctx.with_resource(served_at(url))
    following: str | None = after
    while following is not None:
        page = client.query(**filters, after=following)
        yield from page.items
        following = page.next


def _fitting(
    rows: Iterable[StoredState], fits: Callable[[InstanceState], bool], damaged: list[str]
) -> Iterator[OrchestrationState]:
    """Those that fit; the ids of those that cannot be read go into *damaged*."""
    for row in rows:
        if row.corrupt is not None:
            damaged.append(row.stream)
            continue
        state = state_of(row)
        if fits(state):
            yield public_state(row.stream, state)


def _print_counts(counts: Counter[str], as_json: bool) -> None:
    if as_json:
        print_json(counts)
    elif counts:
        print_facts(sorted(counts.items()))
    else:
        say("no orchestrations")


def _print_list(found: list[OrchestrationState], limit: int, as_json: bool) -> None:
    if as_json:
        for one in found[:limit]:
            print_json(_as_json(one))
    elif not found:
        say("no orchestrations")
    else:
        headings = ("id", "name", "status", "created", "updated", "custom status")
        print_table(headings, map(_cells, found[:limit]))
    if len(found) > limit:
        say(f"there are more: --limit, or --after {found[limit - 1].instance_id!r}")


def _as_json(state: OrchestrationState) -> dict[str, Any]:
    told: dict[str, Any] = attrs.asdict(state, recurse=False)
    return {name: value for name, value in told.items() if value not in (None, "", {}, False)}


def _cells(state: OrchestrationState) -> tuple[object, ...]:
    status = "stalled" if state.is_stalled else state.runtime_status
    custom = state.custom_status
    return (
        state.instance_id,
        state.name,
        status,
        clock(state.created_at),
        clock(state.last_updated_at),
        "" if custom is None else compact(custom, _DETAIL_WIDTH),
    )


# ---- one ------------------------------------------------------------------------------------


def _found(reader: SqliteReader, instance_id: str) -> InstanceState:
    state = find_state(reader, checked_instance_id(instance_id))
    if state is None:
        msg = f"there is no orchestration {instance_id!r}"
        raise NotFoundError(msg)
    return state


def _waiting_for(reader: SqliteReader, instance_id: str, state: InstanceState) -> list[str]:
    """The tasks that have no outcome; external events are not recorded before they come."""
    if state.is_finished:
        return []
    history = history_of(reader, instance_id, state)
    return [describe(task) for task in answerable(reader, instance_id, history).values()]


@click.command()
@click.argument("instance_id", metavar="ID")
@store_option
@json_option
@click.pass_context
def show(ctx: click.Context, instance_id: str, store: str, as_json: bool) -> None:
    """Show how the orchestration ID is, and what it waits for."""
    reader = open_reader(ctx, store)
    state = _found(reader, instance_id)
    public = public_state(instance_id, state)
    given = input_of(reader, instance_id, state)
    waits = _waiting_for(reader, instance_id, state)
    if as_json:
        print_json({**_as_json(public), "input": given, "waiting_for": waits})
        return
    failure = public.failure_details
    print_facts(
        (
            ("id", instance_id),
            ("name", state.name),
            ("status", "stalled" if state.stalled else state.status),
            ("created", moment(state.created)),
            ("updated", moment(state.updated)),
            ("version", state.version or None),
            ("parent", state.parent or None),
            ("tags", ", ".join(f"{k}={v}" for k, v in state.tags.items()) or None),
            ("reason", state.reason or None),
            ("custom status", _known(public.custom_status)),
            ("waiting for", "; ".join(waits) or None),
            ("input", compact(given)),
            ("failure", failure and f"{failure.error_type}: {failure.message}"),
        )
    )
    if public.output is not None:
        print_value(bytes(state.output))


def _known(value: Any) -> str | None:
    return None if value is None else compact(value)


def detail(event: Event) -> str:
    """What an event carries, in one line."""
    for field in ("input", "result", "data", "output"):
        value = getattr(event, field, None)
        if isinstance(value, msgspec.Raw) and bytes(value) != b"null":
            return compact(value)
    failure = getattr(event, "failure", None)
    if failure is not None:
        return f"{failure.error_type}: {failure.message}"
    return str(getattr(event, "reason", ""))


@click.command()
@click.argument("instance_id", metavar="ID")
@click.option("--last", type=click.IntRange(1), help="Only the newest so many.")
@store_option
@json_option
@click.pass_context
def history(
    ctx: click.Context, instance_id: str, last: int | None, store: str, as_json: bool
) -> None:
    """Show what happened to ID in its present generation, and what it decided."""
    reader = open_reader(ctx, store)
    state = _found(reader, instance_id)
    numbered = list(enumerate(events_of(reader, instance_id, state), state.begins + 1))
    chosen = numbered if last is None else numbered[-last:]
    if as_json:
        for version, event in chosen:
            print_json({"version": version, **msgspec.json.decode(write_event(event))})
        return
    rows = ((version, moment(e.time), describe(e), detail(e)) for version, e in chosen)
    print_table(("version", "time", "event", "what"), rows)
