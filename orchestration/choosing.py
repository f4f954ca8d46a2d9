"""Which orchestrations a query is about, and reading those from a store.

What is looked for is decided here. The store is told as much of it as it can judge by itself,
so that of a hundred thousand rows those that fit are read, and not all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import attrs
import msgspec

from perdure.actors.context import to_micros
from perdure.errors import InvalidInputError
from perdure.orchestration.checking import checked_tags, checked_text
from perdure.orchestration.state import STATUSES, InstanceState
from perdure.storage.ports import Reader
from perdure.storage.prefixes import end_of_prefix
from perdure.storage.records import Narrowing, StoredState

ENTITIES = "@"
_PAGE = 500
_write = msgspec.json.Encoder().encode


@attrs.frozen(kw_only=True)
class Choice:
    """What is looked for; see :meth:`Client.query`. ``None``, or nothing: anything will do."""

    statuses: tuple[str, ...] = ()
    created_from: int | None = None
    created_to: int | None = None
    name: str | None = None
    tags: Mapping[str, str] = attrs.Factory(dict[str, str])
    parent: str | None = None
    custom_status: bytes | None = None

    def fits(self, state: InstanceState) -> bool:
        """Whether it is one of those."""
        return (
            (not self.statuses or state.status in self.statuses)
            and (self.created_from is None or state.created >= self.created_from)
            and (self.created_to is None or state.created <= self.created_to)
            and (self.name is None or state.name.lower() == self.name.lower())
            and self.tags.items() <= state.tags.items()
            and (self.parent is None or state.parent == self.parent)
            and (self.custom_status is None or self.custom_status in bytes(state.custom_status))
        )

    def narrowing(self) -> Narrowing:
        """What a row must have to fit, as far as a store can tell; not all that have it fit."""
        members: list[tuple[str, tuple[str, ...]]] = []
        if self.statuses:
            members.append(("status", self.statuses))
        if self.name is not None and self.name.isascii():  # a store folds no other letters
            members.append(("name", (self.name,)))
        texts = [_member(name, value) for name, value in self.tags.items()]
        if len(self.statuses) == 1:  # bytes are found sooner than JSON is read
            texts.append(_member("status", self.statuses[0]))
        if self.parent is not None:
            texts.append(_member("parent", self.parent))
        if self.custom_status is not None:
            texts.append(self.custom_status)
        is_timed = self.created_from is not None or self.created_to is not None
        narrowing = Narrowing(
            members=tuple(members),
            number="created" if is_timed else "",
            text=max(texts, key=len, default=b""),
        )
        if self.created_from is not None:
            narrowing = attrs.evolve(narrowing, least=self.created_from)
        if self.created_to is not None:
            narrowing = attrs.evolve(narrowing, most=self.created_to)
        return narrowing


def _member(name: str, value: str) -> bytes:
    """A member as it is in the JSON that is stored: no space beside the colon."""
    return _write({name: value})[1:-1]


def chooser(
    *,
    statuses: list[str] | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    parent: str | None = None,
    custom_status: str | None = None,
) -> Choice:
    """What is looked for; see :meth:`Client.query`.

    Raises:
        InvalidInputError: there is no such status, or another argument makes no sense.
    """
    for status in statuses or ():
        if status not in STATUSES:
            msg = f"status {status!r}: use some of {', '.join(STATUSES)}"
            raise InvalidInputError(msg)
    for what, value in (("name", name), ("parent", parent), ("custom_status", custom_status)):
        if value is not None:
            checked_text(what, value)
    return Choice(
        statuses=tuple(statuses or ()),
        created_from=None if created_from is None else to_micros(created_from),
        created_to=None if created_to is None else to_micros(created_to),
        name=name,
        tags=checked_tags(tags),
        parent=parent,
        custom_status=None if custom_status is None else custom_status.encode(),
    )


def narrowed_rows(
    reader: Reader, choice: Choice, prefix: str = "", after: str = ""
) -> Iterator[tuple[str, StoredState | None]]:
    """Rows that may fit, in byte order of their ids, each with the place behind it. Now and
    then a place comes alone: so far was looked, and nothing was found.
    """
    narrowing = choice.narrowing()
    for first, end in ranges_of(prefix):
        place: str | None = after
        while place is not None and (end is None or place < end):
            rows, place = reader.search(
                first, end, after=place, narrowing=narrowing, limit=_PAGE
            )
            for row in rows:
                yield row.stream, row if row.corrupt is None else None
            if place is not None:
                yield place, None


def newest_rows(
    reader: Reader, choice: Choice, prefix: str = "", after: tuple[int, str] | None = None
) -> Iterator[tuple[tuple[int, str], StoredState | None]]:
    """Rows that may fit, those that were changed last first, each with the place behind it."""
    narrowing = choice.narrowing()
    while rows := reader.newest_states(
        prefix, after, beside=ENTITIES, narrowing=narrowing, limit=_PAGE
    ):
        for row in rows:
            after = row.time_micros, row.stream
            yield after, row if row.corrupt is None else None


def ranges_of(prefix: str = "") -> list[tuple[str, str | None]]:
    """The streams of orchestrations with a prefix: those before all entities, and behind."""
    end, beyond = end_of_prefix(prefix), end_of_prefix(ENTITIES)
    assert beyond is not None
    if prefix.startswith(ENTITIES):
        return []
    if prefix:
        return [(prefix, end)]
    return [("", ENTITIES), (beyond, None)]
