"""Verification: no row is damaged, each log folds to the stored state, the app can read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from perdure.actors.definition import EntityDefinition
from perdure.actors.history import fold, read_state, read_turn, same_state
from perdure.actors.ids import is_entity, kind_of
from perdure.actors.locks import lock_of, shown_state
from perdure.actors.streams import turns_of
from perdure.errors import CorruptionError, StoreError
from perdure.storage.ports import Reader
from perdure.storage.records import BaseRow, StoredState

DAMAGE = "damage"
UNKNOWN_KIND = "unknown_kind"
CODE_MISMATCH = "code_mismatch"
TRIES = 20
"""Looks at one stream that is purged meanwhile."""


@attrs.frozen
class Finding:
    """One thing that verification found.

    Attributes:
        stream: whose, ``@kind@key``; ``@kind@`` for all of a kind; empty for the file itself.
        what: what is wrong.
        kind: ``damage``: what is stored is not what was written; restore a backup.
            ``unknown_kind``: no class of the app handles entities of this kind.
            ``code_mismatch``: today's classes cannot read it, or make another state of its
            history. The last two are mended in the code; what is stored is sound.
    """

    stream: str
    what: str
    kind: str = DAMAGE


def verify(
    reader: Reader, definitions: Mapping[str, EntityDefinition] | None
) -> Iterator[Finding]:
    """Everything that is wrong with a store; nothing when all is well.

    Args:
        reader: of the store.
        definitions: the classes of its app; ``None`` when it is not known which they are: only
            damage is looked for then, as far as that needs no class.
    """
    damaged: set[str] = set()
    for damage in reader.check():
        damaged.add(damage.stream)
        yield Finding(damage.stream, damage.what)
    if definitions is None:
        return
    unknown: Counter[str] = Counter()
    after = ""
    while page := reader.streams(after=after):
        after = page[-1]
        for stream in page:
            kind = kind_of(stream)
            definition = definitions.get(kind)
            if definition is None and is_entity(stream):
                unknown[kind] += 1
            elif definition is not None and stream not in damaged:
                found = _compare(reader, definition, stream)
                if found is not None:
                    yield found
    for kind, count in unknown.items():
        what = f"no class of the app handles this kind; the store has {count} of it"
        yield Finding(f"@{kind}@", what, UNKNOWN_KIND)


@attrs.frozen
class _Log:
    """A base, a state, and the events that lead from the one to the other."""

    base: BaseRow | None
    row: StoredState | None
    events: list[Any]


def _look(reader: Reader, stream: str) -> _Log:
    """What several reads give, between which there may be commits and purges."""
    row = reader.state(stream)
    base = reader.base(stream)
    after = base.version if base else 0
    events: list[Any] = []
    for turn in turns_of(reader, stream, after):
        if row is not None and turn.first_version > row.version:
            break  # it came later
        events.extend(read_turn(turn.events)[max(0, after + 1 - turn.first_version) :])
    return _Log(base, row, events)


def _has_moved(reader: Reader, stream: str, log: _Log) -> bool:
    """Whether somebody has purged or begun it since, or between the reads of *log*."""
    base, row = log.base, log.row
    if base is not None and row is not None and row.version < base.version:
        return True
    return (reader.state(stream) is None) != (row is None) or reader.base(stream) != base


def _compare(reader: Reader, definition: EntityDefinition, stream: str) -> Finding | None:
    """What is wrong with one entity, also when it is looked at once more."""
    found: Finding | None = None
    for _ in range(TRIES):
        try:
            log = _look(reader, stream)
            lock_of(log.row.state if log.row else None)
        except CorruptionError as error:
            return Finding(stream, str(error))
        found = _judge(definition, stream, log)
        if found is None or not _has_moved(reader, stream, log):
            break
    return found


def _judge(definition: EntityDefinition, stream: str, log: _Log) -> Finding | None:
    """Whether the log leads to the state, and today's classes read both."""
    stored = shown_state(log.row.state if log.row else None)
    try:
        if stored is not None:
            read_state(definition, stored)
        folded = fold(definition, log.base.state if log.base else None, log.events)
    except CorruptionError as error:
        return Finding(stream, str(error))
    except StoreError:
        raise
    except Exception as error:  # today's classes, handlers and upcasters
        return Finding(stream, str(error) or type(error).__name__, CODE_MISMATCH)
    if same_state(stored, folded.state):
        return None
    if folded.same_code:
        return Finding(stream, "the fold of its log is not the stored state")
    what = "handlers changed since: today's code computes another state from its log"
    return Finding(stream, what, CODE_MISMATCH)
