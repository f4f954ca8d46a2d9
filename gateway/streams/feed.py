"""The change feed: all that is committed, in the store's order, as JSON or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.history import HistoryEvent, history_events
from perdure.actors.ids import ACTIVITIES, INSTANCES, EntityId, kind_of
from perdure.actors.snapshots import Position
from perdure.errors import InvalidInputError
from perdure.gateway.durabletask.history_events import compacted, moment
from perdure.gateway.engine import Engine
from perdure.gateway.http import parameters
from perdure.gateway.http.answers import answer
from perdure.gateway.http.operations import FLAG, OURS, PAGED, TEXT, Operation, Parameter
from perdure.gateway.http.pages import page_answer
from perdure.gateway.streams.pump import EVERYTHING, ORCHESTRATIONS, Pump, Stream, event
from perdure.orchestration.choosing import ranges_of
from perdure.orchestration.history import read_events
from perdure.storage.ports import Store
from perdure.storage.prefixes import end_of_prefix
from perdure.storage.records import StoredTurn

PAGE = 200
_KEPT = 4
"""So many pages that were read last are kept for those who follow a little behind."""

OF = ("all", "entities", "orchestrations")


@attrs.frozen
class Change:
    """One event of the feed, ready to be sent."""

    position: Position
    address: str
    kind: str
    content: dict[str, Any]
    sent: bytes


@attrs.frozen
class Page:
    """A page of the feed.

    Attributes:
        changes: in their order.
        last: the last turn that was read; what was asked for when there was none.
        more: whether there may be more behind it already.
        look: which look of the pump it was read for.
    """

    changes: list[Change]
    last: int
    more: bool
    look: int


@attrs.frozen
class Wanted:
    """Which changes somebody wants: of everything, of some kinds, or of some addresses."""

    of: str
    kinds: frozenset[str]
    addresses: frozenset[str]

    @classmethod
    def by(cls, request: Request) -> Wanted:
        """What a request asks for."""
        query = request.query_params
        of = query.get("of", "all")
        if of not in OF:
            msg = f"of={of[:40]!r}: use one of {', '.join(OF)}"
            raise InvalidInputError(msg)
        kinds = frozenset(parameters.listed(query.get("kind", "").lower()))
        return cls(of, kinds, frozenset(query.getlist("address")))

    def topics(self) -> Iterable[str]:
        """What a stream of these is woken by."""
        if self.addresses:
            return self.addresses
        if self.kinds:
            return [f"@{kind}" for kind in self.kinds]
        return (ORCHESTRATIONS if self.of == "orchestrations" else EVERYTHING,)

    def ranges(self) -> Sequence[tuple[str, str | None]]:
        """The streams that they are of."""
        if self.addresses:
            return [(address, address + chr(0)) for address in self.addresses]
        if self.kinds:
            return [(f"@{kind}@", end_of_prefix(f"@{kind}@")) for kind in self.kinds]
        return ranges_of() if self.of == "orchestrations" else [("", None)]

    def fits(self, address: str, kind: str) -> bool:
        """Whether a change there is wanted."""
        if kind == ACTIVITIES or (self.addresses and address not in self.addresses):
            return False
        if self.of != "all" and (kind == INSTANCES) != (self.of == "orchestrations"):
            return False
        return not self.kinds or kind in self.kinds


def changes_in(turn: StoredTurn) -> list[Change]:
    """The changes of one stored turn."""
    kind = kind_of(turn.stream)
    if kind == ACTIVITIES:
        return []
    if kind == INSTANCES:
        contents = [
            {"instanceId": turn.stream, "time": moment(happened.time), **one}
            for happened in read_events(turn.events)
            for one in compacted([happened], with_output=False)
        ]
        name = "history"
    else:
        entity_id = EntityId.parse(turn.stream)
        named = {"entityId": {"name": entity_id.kind, "key": entity_id.key}}
        contents = [named | shown(e) for e in history_events(turn.first_version, turn.events)]
        name = "change"
    found: list[Change] = []
    for index, content in enumerate(contents):
        at = Position(turn.seq, index)
        whole = {"position": str(at), "address": turn.stream} | content
        found.append(Change(at, turn.stream, kind, whole, event(name, whole, str(at))))
    return found


def shown(one: HistoryEvent) -> dict[str, Any]:
    """An event of an entity, without what it does not say."""
    return {
        name: value
        for name, value in attrs.asdict(one, recurse=False).items()
        if value not in (None, "")
    }


class Feed:
    """What can be asked about changes, and the pages that all streams share."""

    def __init__(self, engine: Engine, pump: Pump) -> None:
        self._engine = engine
        self._pump = pump
        self._pages: dict[int, asyncio.Task[Page]] = {}

    def operations(self) -> list[Operation]:
        """The routes."""
        wanted = (
            Parameter("of", {"type": "string", "enum": list(OF)}, "what changes; all"),
            Parameter("kind", TEXT, "only of these kinds of entities, separated by commas"),
            Parameter("address", TEXT, "only of that address; it may be given several times"),
        )
        after = Parameter("after", TEXT, "behind this position; 0.0: from the first")
        return [
            Operation(
                method="GET",
                path=OURS + "/feed",
                answered_by=self.followed,
                text="All changes from now on, or behind a position, as server-sent events",
                parameters=(
                    *wanted,
                    after,
                    Parameter("Last-Event-ID", TEXT, "the same, as browsers send it", "header"),
                    Parameter("follow", FLAG, "false: end where there is nothing more"),
                ),
                media_type="text/event-stream",
                answers={200: "events", 503: "there are too many streams"},
            ),
            Operation(
                method="GET",
                path=OURS + "/changes",
                answered_by=self.listed,
                text="A page of changes, oldest first: behind a position, or the newest ones, "
                "with a token for those before",
                parameters=(*wanted, after, *PAGED),
            ),
        ]

    async def followed(self, request: Request) -> Response:
        """GET ``/feed``."""
        wanted = Wanted.by(request)
        text = request.headers.get("last-event-id") or request.query_params.get("after")
        follow = parameters.flag(request.query_params, "follow", default=True)
        after = _position(text) if text else await self._engine.read(self._newest)
        return Stream(Following(self, wanted, after, follow), self._pump)

    async def listed(self, request: Request) -> Response:
        """GET ``/changes``."""
        wanted = Wanted.by(request)
        size = parameters.page_size(request.query_params)
        text = request.query_params.get("after")
        if text:
            after = _position(text)
            found = await self._engine.read(lambda: self._behind(wanted, after, size))
            return answer(200, [change.content for change in found])
        before = parameters.number(parameters.continuation(request), "the token")
        found, further = await self._engine.read(lambda: self._last(wanted, size, before))
        return page_answer([change.content for change in found], further)

    async def page(self, before: int, *, shared: bool = True) -> Page:
        """The changes of the turns beyond one.

        Those who follow ask for the same page; it is read once for all that one look of the
        pump has woken. What is committed after that wakes them again.
        """
        if not shared:
            return await self._engine.read(lambda: self._read(before, 0))
        look = self._pump.looks
        task = self._pages.get(before)
        if task is None or (task.done() and _is_old(task, before, look)):
            task = asyncio.create_task(self._engine.read(lambda: self._read(before, look)))
            self._pages[before] = task
            while len(self._pages) > _KEPT:
                del self._pages[next(iter(self._pages))]
        page = await asyncio.shield(task)
        if page.look == look:
            return page
        if page.last == before:
            return await self.page(before)
        return attrs.evolve(page, more=True)

    def _read(self, before: int, look: int) -> Page:
        turns = self._engine.store().feed(before, limit=PAGE)
        changes = [change for turn in turns for change in changes_in(turn)]
        return Page(changes, turns[-1].seq if turns else before, len(turns) == PAGE, look)

    def _newest(self) -> Position:
        """The position of the newest change."""
        store = self._engine.store()
        newest = store.newest_turns(limit=1)
        if not newest:
            return Position(0, 0)
        turns = store.feed(newest[0][0] - 1, limit=1)
        return Position(turns[0].seq, turns[0].count - 1) if turns else Position(0, 0)

    def _behind(self, wanted: Wanted, after: Position, size: int) -> list[Change]:
        found: list[Change] = []
        place = max(0, after.turn - 1)
        enough = self._engine.patience()
        while len(found) < size and enough():
            page = self._read(place, 0)
            new = (change for change in page.changes if change.position > after)
            found += (change for change in new if wanted.fits(change.address, change.kind))
            if not page.more:
                break
            place = page.last
        return found[:size]

    def _last(
        self, wanted: Wanted, size: int, before: int | None
    ) -> tuple[list[Change], str | None]:
        """The newest changes, oldest first, as far as they are found soon; whole turns."""
        store, enough = self._engine.store(), self._engine.patience()
        found: list[Change] = []
        ranges: Sequence[tuple[str, str | None]] = [("", None)]
        step = 20  # often some of the newest fit; what is rare is then looked for by itself
        while len(found) < size and enough():
            newest = _newest_of(store, ranges, before, step)
            if not newest:
                return found, None
            ranges, step = wanted.ranges(), PAGE
            fitting = [t[0] for t in newest if wanted.fits(t[1], kind_of(t[1]))]
            for seq in fitting:
                turns = store.feed(seq - 1, limit=1)
                found = [change for turn in turns for change in changes_in(turn)] + found
                before = seq
                if len(found) >= size:
                    return found, str(before)
            before = newest[-1][0]
        return found, str(before) if before else None


class Following:
    """How far one stream of the feed has told."""

    __slots__ = ("_after", "_feed", "_follow", "_turn", "_wanted", "ended")

    def __init__(self, feed: Feed, wanted: Wanted, after: Position, follow: bool) -> None:
        self._feed = feed
        self._wanted = wanted
        self._after = after
        self._turn = max(0, after.turn - 1)
        self._follow = follow
        self.ended = False

    @property
    def topics(self) -> Iterable[str]:
        """What wakes it."""
        return self._wanted.topics() if self._follow else ()

    def place(self) -> str:
        """Behind what it goes on."""
        return str(self._after)

    async def news(self) -> tuple[bytes, bool]:
        """The next page."""
        page = await self._feed.page(self._turn, shared=self._follow)
        new = [change for change in page.changes if change.position > self._after]
        if page.last > self._turn:
            self._turn = page.last
            last = Position(page.last, 0)
            self._after = max([self._after, last, *(change.position for change in new)])
        self.ended = not self._follow and not page.more
        fitting = (c.sent for c in new if self._wanted.fits(c.address, c.kind))
        return b"".join(fitting), page.more


def _newest_of(
    store: Store, ranges: Sequence[tuple[str, str | None]], before: int | None, limit: int
) -> list[tuple[int, str]]:
    """The newest turns of all streams in some ranges."""
    if ("", None) in ranges:
        return store.newest_turns(before, limit=limit)
    turns = [
        turn
        for between in ranges
        for turn in store.newest_turns(before, limit=limit, between=between)
    ]
    return sorted(turns, reverse=True)[:limit]


def _is_old(task: asyncio.Task[Page], before: int, look: int) -> bool:
    """Whether a page has to be read again: it failed, or the feed ended before it."""
    if task.cancelled() or task.exception() is not None:
        return True
    return task.result().last == before and task.result().look != look


def _position(text: str) -> Position:
    if len(text) > 40 or not text.isascii():
        msg = "a position has the form turn.event, such as 17.0"
        raise InvalidInputError(msg)
    return Position.parse(text)
