"""What goes of a history, and the base that takes its place: the state behind what goes.

Whole turns go, the oldest first. Each cut is bounded, so that a long history is dropped in many
small steps, between which commits go on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from perdure.actors.context import to_micros
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import fold, read_turn
from perdure.actors.locks import shown_state
from perdure.errors import CorruptionError, InvalidInputError
from perdure.storage.ports import Reader
from perdure.storage.records import BaseRow

CUT_TURNS = 100
"""Turns that one cut drops at most."""

IsOld = Callable[[int, int], bool]
"""Whether a turn goes, by its last version and its time. When one stays, all later ones do."""


def next_base(
    reader: Reader, definition: EntityDefinition, stream: str, is_old: IsOld
) -> BaseRow | None:
    """The new beginning of a history, behind its oldest turns; ``None`` when none of them goes.

    When all of it goes, the stored state is the base and nothing is folded: in this way a
    history that is damaged, or whose events have no class any more, can be dropped as well.

    Raises:
        CorruptionError, DecodingError, UnknownEventError: the history cannot be folded.
    """
    present = _present(reader, stream)
    if present is not None and is_old(present.version, present.time_micros):
        return present
    base = reader.base(stream)
    start = 0 if base is None else base.version
    cut: BaseRow | None = None
    events: list[Any] = []
    last_version, last_micros = start, 0
    for turn in reader.turns(stream, limit=CUT_TURNS):
        last = turn.first_version + turn.count - 1
        if last <= start:
            cut = base  # left over from a purge that was cut short
        elif is_old(last, turn.time_micros):
            events.extend(read_turn(turn.events)[max(0, start + 1 - turn.first_version) :])
            last_version, last_micros = last, turn.time_micros
        else:
            break
    if last_version == start:
        return cut
    state = fold(definition, base.state if base else None, events).state
    return BaseRow(stream, last_version, state, last_micros)


def _present(reader: Reader, stream: str) -> BaseRow | None:
    try:
        row = reader.state(stream)
    except CorruptionError:
        return None
    return (
        row
        if row is None
        else BaseRow(stream, row.version, shown_state(row.state), row.time_micros)
    )


def chosen_turns(
    stream: str,
    *,
    version: int,
    now_micros: int,
    up_to_version: int | None,
    before: datetime | timedelta | None,
    keep: int | None,
) -> IsOld:
    """Which turns go, by what a caller said: exactly one of the last three.

    Args:
        stream: whose history it is.
        version: the version it is at.
        now_micros: what an age counts from.
        up_to_version: events up to and including this version.
        before: events from before a time (a naive one is in UTC), or older than an age.
        keep: all but the newest so many.

    Raises:
        InvalidInputError: none of them is given, several are, or one cannot be meant.
    """
    if [up_to_version, before, keep].count(None) != 2:
        msg = f"{stream}: say what goes by one of up_to_version, before and keep"
        raise InvalidInputError(msg)
    if before is not None:
        until = _until(before, now_micros)
        return lambda _, time_micros: time_micros < until
    if keep is not None:
        _require_count("keep", keep)
        return lambda last, _: last <= version - keep
    assert up_to_version is not None
    _require_count("up_to_version", up_to_version)
    if up_to_version > version:
        msg = f"{stream} is at version {version}; up_to_version={up_to_version} is yet to come"
        raise InvalidInputError(msg)
    return lambda last, _: last <= up_to_version


def _until(before: object, now_micros: int) -> int:
    match before:
        case datetime():
            return to_micros(before)
        case timedelta() if before >= timedelta():
            return now_micros - before // timedelta(microseconds=1)
        case _:
            msg = (
                f"before={before!r} is neither a datetime nor an age; use one such as "
                "timedelta(days=30)"
            )
            raise InvalidInputError(msg)


def _require_count(name: str, value: object) -> None:
    if type(value) is not int or value < 0:
        msg = f"{name}={value!r}: use an int from 0"
        raise InvalidInputError(msg)
