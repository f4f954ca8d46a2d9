"""Replies and those who wait for them: loops that close, and calls from inside operations."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import perdure
from tests.actors.engine import Counter, app, gates

outside: list[perdure.Client] = []
"""The client that the operations below use although they must not."""

caller = perdure.App("caller")


@caller.entity
class Caller(perdure.Entity):
    """Calls where it should signal."""

    value: int = 0

    def call(self) -> None:
        """Call another one."""
        outside[0].entity(Caller, "other").call("touch")

    async def call_and_wait(self) -> None:
        """Call another one, and wait."""
        await outside[0].entity(Caller, "other").call("touch")

    def touch(self) -> None:
        """Count."""
        self.value += 1


@pytest.fixture
def client(tmp_path: Path) -> Iterator[perdure.Client]:
    with app.open(str(tmp_path / "shop.db")) as client:
        yield client


def test_an_event_loop_that_closed_before_the_answer_does_no_harm(
    client: perdure.Client,
) -> None:
    gates["a"] = threading.Event()

    async def give_up_waiting() -> None:
        reply = client.entity(Counter, "a").call(Counter.add_when_open, 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_wait(reply), 0.05)

    asyncio.run(give_up_waiting())
    other = client.entity(Counter, "a").call(Counter.add, 1)
    gates["a"].set()

    assert other.get(timeout=5) == 2
    assert client.entity(Counter, "b").call(Counter.add, 1).get(timeout=5) == 1


def test_a_call_inside_an_operation_is_refused(tmp_path: Path) -> None:
    with caller.open(str(tmp_path / "shop.db")) as client:
        outside[:] = [client]
        for operation in (Caller.call, Caller.call_and_wait):
            with pytest.raises(perdure.OperationFailedError, match="send a signal instead"):
                client.entity(Caller, "a").call(operation).get(timeout=5)

        assert client.entity(Caller, "other").get() is None


async def _wait(reply: perdure.Reply[int]) -> int:
    return await reply
