"""After the kills: nothing promised is missing, done twice, early, or out of order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perdure.errors import InstanceFinishedError
from tests.torture.engine_load import (
    KEYS,
    SECONDS,
    TRIPS,
    Ledger,
    Purse,
    app,
    expected_result,
    let_go,
)
from tests.torture.journal import Intent, Story, read_journal

AT_ONCE = {"signal", "call"}


def reckon(store: Path, journal: Path, *, verify: bool) -> list[str]:
    """Open the store, let everything come to its end, and tell what is wrong."""
    story = read_journal(journal)
    with app.open(str(store)) as client:
        wrong = list(_end_trips(client, story))
        wrong += _settle(client)
        wrong += _judge_ledgers(client, story)
        wrong += _judge_purses(client)
        wrong += [f"set aside: {row}" for row in client.quarantine()]
        if verify:
            wrong += [f"verify: {finding}" for finding in client.verify()]
    return wrong


def _starts(story: Story) -> Iterator[Intent]:
    return (intent for intent in story.intents.values() if intent.kind == "start")


def _end_trips(client: Any, story: Story) -> Iterator[str]:
    for intent in _starts(story):
        ref = client.orchestration(intent.name)
        if ref.status() is None:
            if intent.name in story.acknowledged:
                yield f"trip {intent.name} was acknowledged and is not there"
            continue
        try:
            let_go(ref)
        except InstanceFinishedError:
            pass
        result = ref.result(SECONDS)
        if result != expected_result(intent.name):
            yield f"trip {intent.name} ended with {result!r}"


def _settle(client: Any) -> Iterator[str]:
    """Wait until nothing waits any more."""
    until = time.monotonic() + SECONDS
    while client.node.store.waiting() or not client.node.partition.idle():
        if time.monotonic() > until:
            yield f"{client.node.store.waiting()} messages wait for ever"
            return
        time.sleep(0.002)


def _judge_ledgers(client: Any, story: Story) -> Iterator[str]:
    wanted: dict[str, list[Intent]] = {key: [] for key in (*KEYS, TRIPS)}
    for intent in story.intents.values():
        wanted[intent.key].append(intent)
    for key, intents in wanted.items():
        found = client.entity(Ledger, key).get()
        names: list[str] = [] if found is None else found.state.names
        counts = Counter(names)
        yield from (f"{name} was applied {n} times" for name, n in counts.items() if n > 1)
        for intent in intents:
            if intent.name in story.acknowledged and not counts[intent.name]:
                yield f"{intent} was acknowledged and is not there"
        unknown = set(names) - {intent.name for intent in intents}
        yield from (f"{name} in {key} was never asked for" for name in unknown)
        if found is not None and found.state.early:
            yield f"came too early: {found.state.early}"
        yield from _judge_order(key, names, story)


def _judge_order(key: str, names: list[str], story: Story) -> Iterator[str]:
    """What one client sent to one entity came in its order, unless another sent it again."""
    last: dict[int, int] = {}
    for name in names:
        intent = story.intents.get(name)
        if intent is None or intent.kind not in AT_ONCE or name in story.repeated:
            continue
        if intent.number < last.get(intent.life, 0):
            yield f"{name} came to {key} after {intent.life}.{last[intent.life]}"
        last[intent.life] = intent.number


def _judge_purses(client: Any) -> Iterator[str]:
    states = [client.entity(Purse, key).get() for key in ("left", "right")]
    left, right = (0 if found is None else found.state.coins for found in states)
    trips = client.entity(Ledger, TRIPS).get()
    moved = 0 if trips is None else len(trips.state.names)
    if (left, right) != (-moved, moved):
        yield f"{moved} trips have moved {-left} out of one purse and {right} into the other"
    locked = [found.locked_by for found in states if found is not None and found.locked_by]
    if locked:
        yield f"a purse is still locked by {locked}"
