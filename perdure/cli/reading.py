"""``entities``, ``show``, ``history``, ``tail``: what is committed, read beside the owner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import chain
from typing import Any

import attrs
import click
import msgspec
from rich.text import Text

from perdure.actors import control
from perdure.actors.app import RESERVED
from perdure.actors.context import to_datetime
from perdure.actors.control_client import ControlClient
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent, history_events, read_state
from perdure.actors.ids import EntityId, is_entity, kind_of
from perdure.actors.locks import lock_of, shown_state
from perdure.actors.reads import state_as_of
from perdure.actors.snapshots import Change, Position
from perdure.actors.streams import turns_of
from perdure.actors.watching import changes_beyond
from perdure.cli.commands import NotFoundError
from perdure.cli.options import (
    classes_option,
    entity_argument,
    json_option,
    open_reader,
    parse_time,
    store_option,
)
from perdure.cli.output import (
    clock,
    compact,
    is_terminal,
    moment,
    print_facts,
    print_json,
    print_table,
    print_value,
    say,
    terminal,
)
from perdure.cli.reaching import load_app
from perdure.errors import DecodingError, InvalidInputError, UnknownEventError
from perdure.orchestration.app import App
from perdure.storage.records import StoredState
from perdure.storage.sqlite import SqliteReader

PAGE = 500
POLL_SECONDS = 0.2
STATE_WIDTH = 60
ON_TERMINAL = 500
"""Events of a long history that a terminal shows unless told otherwise."""


# ---- entities -------------------------------------------------------------------------------


def pages(
    reader: SqliteReader, prefix: str, after: str, limit: int, *, own: bool = True
) -> Iterator[StoredState]:
    """Up to *limit* rows whose addresses begin with *prefix*, beyond *after*.

    A row that only holds the lock of an entity without a state is left out, and without *own*
    perdure's entities are.
    """
    while limit > 0:
        asked = min(limit, PAGE)
        page = reader.states(prefix, after=after, limit=asked)
        shown = [
            row
            for row in page
            if (row.corrupt or shown_state(row.state) is not None)
            and (own or not row.stream.startswith(f"@{RESERVED}"))
        ]
        yield from shown
        limit -= len(shown)
        if len(page) < asked:
            return
        after = page[-1].stream


def fault_of(row: StoredState, app: App | None) -> tuple[str, str] | None:
    """Whether a row is ``damaged`` or ``unreadable``, and why; ``None``: neither."""
    if row.corrupt is not None:
        return "damaged", row.corrupt
    definition = None if app is None else app.resolve(EntityId.parse(row.stream).kind)
    state = shown_state(row.state)
    if definition is not None and state is not None:
        try:
            read_state(definition, state)
        except DecodingError as error:
            return "unreadable", str(error)
    return None


def holder_of(row: StoredState) -> str | None:
    """The actor in whose section the entity is."""
    lock = None if row.corrupt else lock_of(row.state)
    return None if lock is None else lock.holder


def row_as_json(row: StoredState, fault: tuple[str, str] | None = None) -> dict[str, Any]:
    """One entity for scripts; ``locked_by`` only while there is a holder."""
    holder = holder_of(row)
    return (
        {
            "id": row.stream,
            "version": row.version,
            "modified": to_datetime(row.time_micros),
            "waiting": row.waiting,
            "state": msgspec.Raw((row.corrupt is None and shown_state(row.state)) or b"null"),
        }
        | ({} if holder is None else {"locked_by": holder})
        | ({} if fault is None else {fault[0]: fault[1]})
    )


def row_cells(row: StoredState, fault: tuple[str, str] | None) -> tuple[object, ...]:
    """One entity in a table."""
    state = (
        compact(msgspec.Raw(shown_state(row.state) or b"null"), STATE_WIDTH)
        if fault is None
        else ""
    )
    said = f"{fault[0]}: {fault[1]}" if fault else state
    return row.stream, row.version, moment(row.time_micros), row.waiting or "", said


def kinds_in(reader: SqliteReader) -> list[str]:
    """The kinds of which the store has something, found by jumping from kind to kind."""
    kinds: list[str] = []
    after = "@A"  # before every kind of entity, which begins with a small letter or _
    while (page := reader.streams(after=after, limit=1)) and is_entity(page[0]):
        kind = kind_of(page[0])
        kinds.append(kind)
        after = f"@{kind}A"  # beyond all of "@kind@" and no other, as kinds are lower case
    return kinds


def require_kind(reader: SqliteReader, store: str, kind: str, app: App | None) -> None:
    """Refuse a kind that neither the store nor the app, or the process that has it open, knows.

    Raises:
        NotFoundError: it names those that are known, the nearest first.
    """
    known = set(kinds_in(reader)) | set(app.kinds if app is not None else ())
    connection = ControlClient.connect(store)
    if connection is not None:
        with connection:
            known.update(msgspec.json.decode(connection.ask(control.Status()))["kinds"])
    if kind in known:
        return
    near = get_close_matches(kind, known, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    msg = f"there is no kind {kind!r}{guess} Known are: {', '.join(sorted(known)) or 'none'}"
    if app is None and connection is None:
        msg += "; while it runs, or with --app where there is that, also those of the app"
    raise NotFoundError(msg)


def _near(reader: SqliteReader, entity: EntityId) -> str:
    """The same key of a kind that the store has and that is written nearly the same."""
    known = kinds_in(reader)
    near = [] if entity.kind in known else get_close_matches(entity.kind, known, n=1)
    return "".join(f"; did you mean {EntityId(kind, entity.key)}?" for kind in near)


@click.command()
@click.argument("kind", required=False)
@click.option("--prefix", default="", help="Only keys that begin so; needs KIND.")
@click.option("--after", default="", metavar="@KIND@KEY", help="Only those behind this one.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@classes_option
@store_option
@json_option
@click.pass_context
def entities(
    ctx: click.Context,
    kind: str | None,
    prefix: str,
    after: str,
    limit: int,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """List entities, of one KIND or of all, in the order of their addresses.

    Those that are damaged are listed too, and with --app those that its classes cannot read.
    Perdure's own, such as perdure.schedule, are listed by KIND only.
    """
    if prefix and kind is None:
        msg = "--prefix needs a KIND before it"
        raise click.UsageError(msg)
    reader = open_reader(ctx, store)
    app = None if app_name is None else load_app(app_name)
    wanted = None if kind is None else EntityId(kind, "x").kind
    start = "@" if wanted is None else f"@{wanted}@{prefix}"
    rows = list(pages(reader, start, after, limit + 1, own=wanted is not None))
    shown = [(row, fault_of(row, app)) for row in rows[:limit]]
    if wanted is not None and not shown:
        require_kind(reader, store, wanted, app)
    if as_json:
        for row, fault in shown:
            print_json(row_as_json(row, fault))
    else:
        headings = ("entity", "version", "modified", "waiting", "state")
        print_table(headings, (row_cells(row, fault) for row, fault in shown))
    if not shown and not as_json:
        say("no entities")
    elif len(rows) > limit:
        say(f"there are more: --limit, or --after {rows[limit - 1].stream!r}")
    if any(fault is not None for _, fault in shown):
        say("some cannot be read: see perdure verify", good=False)


# ---- one entity -----------------------------------------------------------------------------


def definition_of(entity: EntityId, app_name: str | None) -> EntityDefinition:
    """What an app knows of a kind; without an app as little as folding plain changes needs."""
    if app_name is not None:
        definition = load_app(app_name).resolve(entity.kind)
        if definition is not None:
            return definition
    return EntityDefinition(kind=entity.kind)


def state_then(
    reader: SqliteReader, entity: EntityId, then: int | datetime, app_name: str | None
) -> bytes | None:
    """The state of an entity at a version or a time, as JSON.

    Raises:
        InvalidInputError: its history does not reach back so far, or it records domain events
            and no app is named that knows them.
    """
    try:
        return state_as_of(reader, definition_of(entity, app_name), entity, then)
    except (DecodingError, UnknownEventError) as error:
        if app_name is not None:
            raise
        msg = f"{entity} records events that only its class can apply: name its app with --app"
        raise InvalidInputError(msg) from error


def parse_moment(text: str) -> int | datetime:
    """A version, or a time."""
    return int(text) if text.isdecimal() else parse_time(text, now=datetime.now(UTC))


@click.command()
@entity_argument
@click.option("--as-of", metavar="VERSION|TIME", help="As it was then.")
@classes_option
@store_option
@json_option
@click.pass_context
def show(
    ctx: click.Context,
    entity: EntityId,
    as_of: str | None,
    app_name: str | None,
    store: str,
    as_json: bool,
) -> None:
    """Show the state of @KIND@KEY, as it is or as it was."""
    reader = open_reader(ctx, store)
    if as_of is not None:
        state = state_then(reader, entity, parse_moment(as_of), app_name)
        if state is None:
            msg = f"{entity} had no state then"
            raise NotFoundError(msg)
        print_json(msgspec.Raw(state)) if as_json else print_value(state)
        return
    row = reader.state(str(entity))
    shown = None if row is None else shown_state(row.state)
    if row is None or shown is None:
        msg = f"{entity} has no state: it was never changed, or it was deleted"
        raise NotFoundError(msg + _near(reader, entity))
    if as_json:
        print_json(row_as_json(row))
        return
    print_facts(
        (
            ("entity", row.stream),
            ("version", row.version),
            ("modified", moment(row.time_micros)),
            ("waiting", row.waiting or None),
            ("locked by", holder_of(row)),
        )
    )
    print_value(shown)


def event_as_json(event: HistoryEvent) -> dict[str, Any]:
    """One event for scripts; what it has not is left out."""
    plain: dict[str, Any] = attrs.asdict(event, recurse=False)
    return {name: value for name, value in plain.items() if value is not None and value != ""}


def what_happened(event: HistoryEvent) -> str:
    """An event in one line."""
    match event.kind:
        case "recorded":
            return f"{event.name} {compact(event.data)}"
        case "deleted":
            return "deleted"
        case _:
            return compact(event.changes)


def event_cells(event: HistoryEvent) -> tuple[object, ...]:
    """One row of a history; the last cell is who asked: an actor, or a client's request."""
    return (
        event.version,
        clock(event.time),
        event.operation,
        what_happened(event),
        event.caller or event.request_id,
    )


@click.command()
@entity_argument
@click.option("--after", type=click.IntRange(0), default=0, help="Only beyond this version.")
@click.option("--last", type=click.IntRange(1), help="Only the newest so many.")
@store_option
@json_option
@click.pass_context
def history(
    ctx: click.Context,
    entity: EntityId,
    after: int,
    last: int | None,
    store: str,
    as_json: bool,
) -> None:
    """Show the events of @KIND@KEY, oldest first."""
    reader = open_reader(ctx, store)
    stream = str(entity)
    base = reader.base(stream)
    begin = after
    if last is not None or (is_terminal() and after == 0):
        newest = reader.load([stream], 0)[stream].version
        begin = max(after, newest - (last or ON_TERMINAL))
    events = (
        event
        for turn in turns_of(reader, stream, begin)
        for event in history_events(turn.first_version, turn.events)
        if event.version > begin
    )
    if as_json:
        for event in events:
            print_json(event_as_json(event))
        return
    first = next(events, None)
    if first is None and base is None and begin == 0:
        msg = f"{entity} has no history"
        raise NotFoundError(msg + _near(reader, entity))
    shown = events if first is None else chain((first,), events)
    headings = ("version", "time", "operation", "what", "from")
    print_table(headings, map(event_cells, shown), wide=3)
    if base is not None and base.version > begin:
        say(f"older events were purged: the history begins behind version {base.version}")
    elif is_terminal() and last is None and begin > after:
        say(f"the newest {ON_TERMINAL} events; --last for more, or --json for all")


# ---- the feed -------------------------------------------------------------------------------


def print_change(change: Change, as_json: bool) -> None:
    """Print one change at once."""
    position, stream, event = change.position, str(change.id), change.event
    if as_json:
        print_json({"position": str(position), "id": stream, **event_as_json(event)})
    elif is_terminal():
        line = Text.assemble(
            (f"{position!s:<9} {clock(event.time)[11:]}  ", "dim"),
            (stream, "bold"),
            ("  " + event.operation + "  ", "cyan"),
            what_happened(event),
        )
        terminal().print(line)
    else:
        cells = (position, clock(event.time), stream, event.operation, what_happened(event))
        click.echo("\t".join(map(str, cells)))


@click.command()
@click.option("--after", metavar="POSITION", help="Begin behind this position, such as 17.0.")
@click.option("--from-start", is_flag=True, help="Begin with the first change.")
@click.option("--kind", help="Only of this kind of entity.")
@click.option("--no-follow", is_flag=True, help="End where the store ends now.")
@store_option
@json_option
@click.pass_context
def tail(
    ctx: click.Context,
    after: str | None,
    from_start: bool,
    kind: str | None,
    no_follow: bool,
    store: str,
    as_json: bool,
) -> None:
    """Follow the changes of the whole store, in its order, until Ctrl-C.

    Begins with what comes from now on, unless told otherwise. Each change has a position to go
    on behind.
    """
    if after is not None and from_start:
        msg = "--after and --from-start say different things"
        raise click.UsageError(msg)
    reader = open_reader(ctx, store)
    if after is not None:
        position = Position.parse(after)
    else:
        position = Position(0 if from_start else reader.newest_turn(), 1_000_000)
    wanted = None if kind is None else EntityId(kind, "x").kind
    if wanted is not None:
        require_kind(reader, store, wanted, None)
    if as_json is False and is_terminal() and not no_follow:
        say("following; Ctrl-C ends it")
    try:
        while True:
            for change in changes_beyond(reader, position):
                position = change.position
                if wanted is None or change.id.kind == wanted:
                    print_change(change, as_json)
            if no_follow:
                return
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return
