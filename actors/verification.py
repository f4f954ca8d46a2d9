"""Verification: every log folds to the state that is stored, and no row is damaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perdure.actors.definition import EntityDefinition
from perdure.actors.history import fold, read_turn, same_state
from perdure.actors.ids import kind_of
from perdure.actors.locks import lock_of, shown_state
from perdure.actors.reads import turns_of
from perdure.errors import PerdureError
from perdure.storage.ports import Reader
from perdure.storage.records import Damage


def verify(reader: Reader, definitions: Mapping[str, EntityDefinition]) -> Iterator[Damage]:
    """Everything that is wrong with a store; nothing when all is well.

    Kinds that are not registered are checked as far as that needs no class. A state that other
    code computed from the same domain events is reported as such.
    """
    damaged: set[str] = set()
    for damage in reader.check():
        damaged.add(damage.stream)
        yield damage
    after = ""
    while page := reader.streams(after=after):
        after = page[-1]
        for stream in page:
            definition = definitions.get(kind_of(stream))
            if definition is not None and stream not in damaged:
                yield from _compare(reader, definition, stream)


def _compare(reader: Reader, definition: EntityDefinition, stream: str) -> Iterator[Damage]:
    try:
        base = reader.base(stream)
        row = reader.state(stream)
        after = base.version if base else 0
        events: list[Any] = []
        for turn in turns_of(reader, stream, after):
            events.extend(read_turn(turn.events)[max(0, after + 1 - turn.first_version) :])
        folded = fold(definition, base.state if base else None, events)
        lock_of(row.state if row else None)
    except PerdureError as error:
        yield Damage(stream, str(error))
        return
    if not same_state(shown_state(row.state if row else None), folded.state):
        what = "the fold of its log is not the stored state"
        if not folded.same_code:
            what = "handlers changed since: today's code computes another state from its log"
        yield Damage(stream, what)
