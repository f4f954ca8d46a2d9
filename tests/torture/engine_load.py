"""The mixed load that is tortured: signals, calls, scheduled ones, orchestrations, sections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import perdure
from perdure.actors.context import to_datetime, to_micros
from tests.torture.journal import Intent, Journal, Story, read_journal

KEYS = ("a", "b", "c")
TRIPS = "trips"
SOON_MICROS = 15_000
SECONDS = 30.0

app = perdure.App("torture")


@app.entity
class Ledger(perdure.Entity):
    """Keeps the names of what it applied, in order, and of what came too early."""

    names: list[str] = perdure.field(factory=list[str])
    early: list[str] = perdure.field(factory=list[str])

    def add(self, name: str, due_micros: int = 0) -> int:
        """Apply one."""
        self.names.append(name)
        if to_micros(self.context.now) < due_micros:
            self.early.append(name)
        return len(self.names)


@app.entity
class Purse(perdure.Entity):
    """Holds what moves from one purse to another."""

    coins: int = 0

    def move(self, amount: int) -> int:
        """Take in, or give away."""
        self.coins += amount
        return self.coins


@app.activity
def stamp(name: str) -> str:
    """Work outside."""
    return f"stamp of {name}"


@app.orchestrator
async def trip(ctx: perdure.OrchestrationContext, name: str) -> str:
    """Move a coin in a section, have an activity, wait for a word, and tell the ledger."""
    left, right = ctx.entity(Purse, "left"), ctx.entity(Purse, "right")
    async with ctx.lock_entities(left, right):
        await left.call(Purse.move, -1)
        await right.call(Purse.move, 1)
    stamped: str = await ctx.call_activity(stamp, name)
    await ctx.create_timer(timedelta(milliseconds=5))
    word = await ctx.wait_for_external_event("go", str)
    ctx.entity(Ledger, TRIPS).signal(Ledger.add, name)
    return f"{stamped}, {word}"


def expected_result(name: str) -> str:
    """What a trip of that name ends with."""
    return f"stamp of {name}, go"


def let_go(ref: Any) -> None:
    """Raise the event that a trip waits for, once."""
    ref.raise_event("go", "go", request_id=f"go {ref.id}")


class Life:
    """One process's client: what it asks for is in the journal before, and after."""

    def __init__(self, client: Any, journal: Journal, life: int) -> None:
        self._client = client
        self._journal = journal
        self._life = life
        self._number = 0
        self.trips: list[Any] = []

    def repeat(self, story: Story) -> None:
        """Ask again for every second of what was never acknowledged, under the same name."""
        open_ones = [n for n in story.intents if n not in story.acknowledged]
        for name in open_ones[::2]:
            self._journal.repeat(name)
            self._ask(story.intents[name])()
            self._journal.acknowledge(name)

    def work(self, rounds: int) -> None:
        """So many rounds of everything; returns when all of it was acknowledged."""
        for place in range(rounds):
            key = KEYS[place % len(KEYS)]
            calls = [self._begin("call", key), self._begin("call", KEYS[0])]
            self._end(self._begin("signal", key))
            self._end(self._begin("later", key))
            self._end(self._begin("start", TRIPS))
            for call in calls:
                self._end(call)

    def arrive(self) -> None:
        """Wait until every trip of this life has come to its end."""
        for ref in self.trips:
            ref.result(SECONDS)

    def _begin(self, kind: str, key: str) -> tuple[Intent, Callable[[], object]]:
        self._number += 1
        due = self._client.now_micros() + SOON_MICROS if kind == "later" else 0
        intent = Intent(self._life, self._number, kind, key, due)
        self._journal.intend(intent)
        return intent, self._ask(intent)

    def _end(self, begun: tuple[Intent, Callable[[], object]]) -> None:
        intent, wait = begun
        wait()
        self._journal.acknowledge(intent.name)

    def _ask(self, intent: Intent) -> Callable[[], object]:
        """Ask for *intent*; returns what waits for its acknowledgement."""
        name = intent.name
        if intent.kind == "start":
            return lambda: self._start(name)
        ref = self._client.entity(Ledger, intent.key)
        if intent.kind == "later":
            at = to_datetime(intent.due_micros)
            later = ref.options(request_id=name, at=at)
            return lambda: later.signal(Ledger.add, name, intent.due_micros)
        ref = ref.options(request_id=name)
        if intent.kind == "call":
            reply = ref.call(Ledger.add, name)
            return lambda: reply.get(SECONDS)
        return lambda: ref.signal(Ledger.add, name)

    def _start(self, name: str) -> None:
        ref = self._client.start_or_get(
            trip, name, instance_id=name, replace_finished=False, request_id=f"start {name}"
        )
        let_go(ref)
        self.trips.append(ref)


def live_once(
    store: Path,
    journal_path: Path,
    *,
    life: int = 1,
    rounds: int = 2,
    durability: str = "power",
) -> None:
    """One process's whole life: open, ask again, ask, wait, close."""
    story = read_journal(journal_path)
    journal = Journal(journal_path)
    with app.open(str(store), durability=durability) as client:
        me = Life(client, journal, life)
        me.repeat(story)
        me.work(rounds)
        me.arrive()
    journal.close()
