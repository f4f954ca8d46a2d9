"""Whoever waits is answered, leaves nothing behind, and waits in a line that has an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import perdure
from perdure.actors import limits
from perdure.errors import StoreUnavailableError
from perdure.orchestration.simulation import Simulation, simulate
from perdure.storage.records import Batch
from tests.actors.engine import Counter, gates
from tests.actors.engine import app as counters

app = perdure.App("waiting")


@app.entity
class Slow(perdure.Entity):
    """Counts, now or after a while."""

    value: int = 0

    async def add_slowly(self, amount: int) -> int:
        """Count, after a minute."""
        await asyncio.sleep(60)
        self.value += amount
        return self.value

    def add(self, amount: int) -> int:
        """Count."""
        self.value += amount
        return self.value


# ---- requests whose message is damaged ---------------------------------------------------


def crash_with_a_damaged_call(world: Simulation) -> None:
    """An accepted call is cut off by a crash, and its message is spoiled on the disk."""
    ref = world.client.entity(Slow, "a")
    ref.options(request_id="good").call(Slow.add_slowly, 1)
    world.client.entity(Slow, "b").options(request_id="r").call(Slow.add_slowly, 1)
    world.advance(seconds=1)
    for row in world._disk.inbox.values():
        if row.stream == "@slow@b":
            row.body = b"["
    world.crash()


def repeat(world: Simulation) -> perdure.Reply[int]:
    ref = world.client.entity(Slow, "b").options(request_id="r")
    return ref.call(Slow.add_slowly, 1)


@pytest.mark.parametrize("before", [True, False])
def test_repeats_of_a_call_whose_message_is_damaged_are_answered(before: bool) -> None:
    with simulate(app, seed=before) as world:
        crash_with_a_damaged_call(world)
        if not before:
            world.advance(seconds=10)  # the scan finds the message first
        replies = [repeat(world), repeat(world)]
        world.advance(seconds=70)

        for reply in [*replies, repeat(world)]:
            with pytest.raises(perdure.OperationFailedError, match="quarantine") as caught:
                reply.get(timeout=1)
            assert caught.value.details.error_type == "QuarantinedError"
        assert [row.stream for row in world.client.quarantine()] == ["@slow@b"]

        world.crash()
        with pytest.raises(perdure.OperationFailedError, match="quarantine"):
            repeat(world).get(timeout=1)
        good = world.client.entity(Slow, "a").options(request_id="good")
        assert good.call(Slow.add_slowly, 1).get(timeout=1) == 1


def test_a_repeat_that_comes_while_its_message_runs_again_waits_for_it() -> None:
    with simulate(app) as world:
        world.client.entity(Slow, "b").options(request_id="r").call(Slow.add_slowly, 1)
        world.advance(seconds=1)
        world.crash()

        replies = [repeat(world)]
        world.advance(seconds=30)
        replies.append(repeat(world))
        world.advance(seconds=31)

        assert [reply.get(timeout=0) for reply in replies] == [1, 1]


# ---- callbacks -----------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path: Path) -> Iterator[perdure.Client]:
    with counters.open(str(tmp_path / "shop.db")) as client:
        yield client


def callbacks(reply: perdure.Reply[int]) -> int:
    return len(reply._callbacks or ())


def test_asking_again_and_again_leaves_nothing_behind(client: perdure.Client) -> None:
    gates["a"] = threading.Event()
    reply = client.entity(Counter, "a").call(Counter.add_when_open, 1)

    async def await_in_vain() -> None:
        async def wait() -> None:
            await reply

        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wait(), 0.001)

    for _ in range(5):
        with pytest.raises(perdure.ReplyTimeoutError):
            reply.get(timeout=0)
    asyncio.run(await_in_vain())

    assert callbacks(reply) == 0
    gates["a"].set()
    assert reply.get(timeout=5) == 1


def test_many_threads_that_ask_again_are_all_answered(client: perdure.Client) -> None:
    gates["a"] = threading.Event()
    reply = client.entity(Counter, "a").call(Counter.add_when_open, 1)
    answers: list[int] = []

    def poll() -> None:
        while True:
            try:
                answers.append(reply.get(timeout=0.0005))
            except perdure.ReplyTimeoutError:
                continue
            return

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    waiting = threading.Thread(target=lambda: answers.append(reply.get(timeout=10)))
    waiting.start()
    gates["a"].set()
    for thread in (*threads, waiting):
        thread.join(10)

    assert answers == [1] * 9


# ---- actors that are locked out -------------------------------------------------------------


class OneFailure:
    """One commit fails."""

    def __init__(self) -> None:
        self.due = False

    def before_commit(self, batch: Batch) -> None:
        """Fail once."""
        if self.due:
            self.due = False
            msg = "planned"
            raise StoreUnavailableError(msg)

    def after_commit(self, batch: Batch) -> None:
        """Nothing more."""


def test_what_waits_for_a_dropped_cell_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAILBOX_MESSAGES", 10)
    faults = OneFailure()
    with Simulation(app, faults=faults) as world:
        ref = world.client.entity(Slow, "a")
        ref.options(request_id="r").call(Slow.add_slowly, 100)
        world.advance(seconds=1)  # its code runs, and is not to be stopped
        faults.due = True
        lost = world.client.entity(Slow, "b").call(Slow.add, 1)
        world.advance(seconds=1)
        with pytest.raises(perdure.OutcomeUnknownError):
            lost.get(timeout=0)

        replies = [ref.call(Slow.add, 1) for _ in range(25)]
        world.advance(seconds=1)
        assert [reply.done for reply in replies] == [False] * 10 + [True] * 15
        with pytest.raises(perdure.MailboxFullError, match="retry later"):
            replies[10].get(timeout=0)
        with pytest.raises(perdure.MailboxFullError):
            ref.signal(Slow.add, 1)

        world.advance(minutes=3)
        assert all(reply.done for reply in replies)
        assert ref.call(Slow.add, 0).get(timeout=1) == 110
