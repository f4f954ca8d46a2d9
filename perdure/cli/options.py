"""Options and arguments that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import msgspec

from perdure.actors.ids import EntityId
from perdure.errors import InvalidIdError
from perdure.storage.sqlite import SqliteReader

_UNITS = ("seconds", "minutes", "hours", "days")

store_option = click.option(
    "--store",
    envvar="PERDURE_STORE",
    required=True,
    show_envvar=True,
    metavar="PATH",
    help="The store's file.",
)
owner_option = click.option(
    "--store",
    "--url",
    "store",
    envvar="PERDURE_STORE",
    required=True,
    show_envvar=True,
    metavar="PATH|URL",
    help="The store's file; or where it is served, with the token in PERDURE_TOKEN or in the "
    "file that PERDURE_TOKEN_FILE names.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
app_option = click.option(
    "--app",
    "app_name",
    envvar="PERDURE_APP",
    show_envvar=True,
    metavar="MODULE:APP",
    help="Open the store with this app when no process has it open.",
)
classes_option = click.option(
    "--app",
    "app_name",
    envvar="PERDURE_APP",
    show_envvar=True,
    metavar="MODULE:APP",
    help="The app whose classes apply the recorded events.",
)


def _read_entity(ctx: click.Context, param: click.Parameter, value: str) -> EntityId:
    try:
        return EntityId.parse(value)
    except InvalidIdError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _read_arguments(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> list[msgspec.Raw]:
    return [_read_json(ctx, param, value) for value in values]


def read_json(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> msgspec.Raw | None:
    """A callback of options and arguments that take a JSON value."""
    return None if value is None else _read_json(ctx, param, value)


def _read_json(ctx: click.Context, param: click.Parameter, value: str) -> msgspec.Raw:
    data = value.encode(errors="surrogateescape")
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{value!r} is not JSON ({error}); a string needs its quotes: '\"text\"'"
        raise click.BadParameter(msg, ctx, param) from error
    return msgspec.Raw(data)


def parse_time(text: str, *, now: datetime) -> datetime:
    """Read a time: ISO 8601, in UTC unless it has an offset, or a duration from *now*.

    Raises:
        click.BadParameter: it is neither.
    """
    unit = {name[0]: name for name in _UNITS}.get(text[-1:])
    try:
        if unit is not None and not text.endswith("Z"):
            return now + timedelta(**{unit: float(text[:-1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        msg = f"{text!r}: use a time as 2030-01-31T12:00, or a duration as 90s, 10m, 2h, -30d"
        raise click.BadParameter(msg) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_time(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A callback of options that take a time."""
    del ctx, param
    return None if value is None else parse_time(value, now=datetime.now(UTC))


def read_past(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A callback of options that take a time up to now, since what is older than it goes."""
    now = datetime.now(UTC)
    time = None if value is None else parse_time(value, now=now)
    if time is not None and time > now:
        msg = f"{value!r} is in the future; for what is older than 30 days, say -30d"
        raise click.BadParameter(msg, ctx, param)
    return time


entity_argument = click.argument("entity", metavar="@KIND@KEY", callback=_read_entity)
json_arguments = click.argument(
    "arguments", metavar="[JSON]...", nargs=-1, callback=_read_arguments
)


def open_reader(ctx: click.Context, store: str) -> SqliteReader:
    """Read a store beside whoever owns it, until the command ends.

    Raises:
        StoreOpenError: there is none.
    """
    reader = SqliteReader.view(store)
    ctx.call_on_close(reader.close_readers)
    return reader
