"""Keeps histories as short as their kinds say: a little at a time, while the node runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from perdure.actors import limits
from perdure.actors.definition import EntityDefinition
from perdure.actors.logs import address_fields
from perdure.actors.purging import CUT_TURNS, next_base
from perdure.actors.runtime import OnStore
from perdure.errors import NodeClosedError, OwnershipLostError, StoreUnavailableError
from perdure.storage.ports import Reader, Store
from perdure.storage.records import BaseRow

logger = logging.getLogger("perdure")


class Retention:
    """Where the node stands in dropping what is old.

    Turns are looked at in the order of the store, which is that of their times, so what was
    looked at once is not looked at again, and the first turn that stays ends a look.
    """

    def __init__(self, definitions: Iterable[EntityDefinition]) -> None:
        self._limited = [found for found in definitions if found.retention is not None]
        self._seen = {definition.kind: 0 for definition in self._limited}

    def __bool__(self) -> bool:
        return bool(self._limited)

    def step(self, reader: Reader, on_store: OnStore, now_micros: int) -> bool:
        """Drop a bounded number of old turns; true when there is more to do."""
        for definition in self._limited:
            assert definition.retention is not None
            until = now_micros - definition.retention // timedelta(microseconds=1)
            if self._cut_kind(reader, on_store, definition, until):
                return True
        return False

    def _cut_kind(
        self, reader: Reader, on_store: OnStore, definition: EntityDefinition, until: int
    ) -> bool:
        kind = definition.kind
        prefix = f"@{kind}@"
        page = reader.turn_times(self._seen[kind], limit=limits.RETENTION_PAGE)
        done: set[str] = set()
        for seq, stream, time_micros in page:
            if time_micros >= until:
                return False
            if stream.startswith(prefix) and stream not in done:
                if len(done) == limits.RETENTION_ENTITIES:
                    return True
                if _cut_stream(reader, on_store, definition, stream, until) >= CUT_TURNS:
                    return True
                done.add(stream)
            self._seen[kind] = seq
        return len(page) == limits.RETENTION_PAGE


def _purge(store: Store, before: BaseRow | None, base: BaseRow) -> int:
    """Drop the turns up to *base*, unless somebody else has purged since it was computed."""
    if store.base(base.stream) != before:
        return 0
    return store.purge_history(base, limit=CUT_TURNS)


def _cut_stream(
    reader: Reader, on_store: OnStore, definition: EntityDefinition, stream: str, until: int
) -> int:
    """Drop the oldest turns of one history; how many.

    Users' handlers fold them, on the calling thread; only the deletion goes to the committer.
    """
    try:
        before = reader.base(stream)
        base = next_base(reader, definition, stream, lambda _, micros: micros < until)
        if base is None:
            return 0
        return on_store(lambda store: _purge(store, before, base))
    except (StoreUnavailableError, OwnershipLostError, NodeClosedError):
        raise
    except Exception as error:  # damage, or users' handlers and upcasters
        logger.warning(
            "the old history of %s is kept, it cannot be read: %s",
            stream,
            error,
            extra=address_fields(stream),
        )
        return 0
