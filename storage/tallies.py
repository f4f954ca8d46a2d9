"""Counting rows by what their JSON says, for a store that has no SQL for it."""

from __future__ import annotations

from collections.abc import Iterable

from perdure.storage.records import StoredState, Tally
from perdure.storage.searches import object_in


def tallied(rows: Iterable[StoredState], member: str, least: str) -> list[Tally]:
    """See :meth:`perdure.storage.ports.Reader.tally`."""
    found: dict[str, Tally] = {}
    for row in rows:
        state = object_in(row.state)
        value = state.get(member)
        if value is None:
            continue
        number = state.get(least)
        group = found.get(str(value), Tally(str(value), 0, 0, ""))
        lowest, stream = group.least, group.stream
        if isinstance(number, int) and (not stream or number < lowest):
            lowest, stream = number, row.stream
        found[group.value] = Tally(group.value, group.count + 1, lowest, stream)
    return [found[value] for value in sorted(found)]
