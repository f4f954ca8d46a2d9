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
                yield from _compare(reader, definition, stream)
    for kind, count in unknown.items():
        what = f"no class of the app handles this kind; the store has {count} of it"
        yield Finding(f"@{kind}@", what, UNKNOWN_KIND)


@attrs.frozen
class _Log:
    """A base, a state, and the events that lead from the one to the other."""

    base: BaseRow | None
    row: StoredState | None
    events: list[Any]


def _read(reader: Reader, stream: str) -> _Log:
    """What is stored of a stream, though commits and purges go on."""
    log, is_whole = _look(reader, stream)
    for _ in range(TRIES):
        if is_whole:
            break
        log, is_whole = _look(reader, stream)
    return log


def _look(reader: Reader, stream: str) -> tuple[_Log, bool]:
    """What several reads give, and whether nobody has purged or begun it between them."""
    row = reader.state(stream)
    base = reader.base(stream)
    after = base.version if base else 0
    events: list[Any] = []
    for turn in turns_of(reader, stream, after):
        if row is not None and turn.first_version > row.version:
            break  # it came later
        events.extend(read_turn(turn.events)[max(0, after + 1 - turn.first_version) :])
    same = (reader.state(stream) is None) == (row is None) and reader.base(stream) == base
    return _Log(base, row, events), same and (row is None or row.version >= after)


def _compare(reader: Reader, definition: EntityDefinition, stream: str) -> Iterator[Finding]:
    try:
        log = _read(reader, stream)
        base, row = log.base, log.row
        lock_of(row.state if row else None)
    except CorruptionError as error:
        yield Finding(stream, str(error))
        return
    stored = shown_state(row.state if row else None)
    try:
        if stored is not None:
            read_state(definition, stored)
        folded = fold(definition, base.state if base else None, log.events)
    except CorruptionError as error:
        yield Finding(stream, str(error))
    except StoreError:
        raise
    except Exception as error:  # today's classes, handlers and upcasters
        yield Finding(stream, str(error) or type(error).__name__, CODE_MISMATCH)
    else:
        if same_state(stored, folded.state):
            return
        if folded.same_code:
            yield Finding(stream, "the fold of its log is not the stored state")
        else:
            what = "handlers changed since: today's code computes another state from its log"
            yield Finding(stream, what, CODE_MISMATCH)
