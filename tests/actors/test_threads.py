"""The threaded runtime: a turn that blocks loses the baton, and only that turn."""

from __future__ import annotations

import threading
import time

import perdure
from perdure.orchestration.client import EmbeddedClient

app = perdure.App("threads")
blocked, release = threading.Event(), threading.Event()
client: EmbeddedClient


@app.entity
class Blocking(perdure.Entity):
    done: int = 0

    def block(self) -> int:
        blocked.set()
        release.wait(30)
        self.done += 1
        return self.done


@app.entity
class Following(perdure.Entity):
    done: int = 0

    def run_while_the_other_returns(self) -> int:
        """Be the turn in hand at the moment at which the one before comes back."""
        release.set()
        until = time.monotonic() + 2
        ingress = client.node.partition.ingress
        while not ingress and time.monotonic() < until:
            time.sleep(0)
        self.done += 1
        return self.done


def test_a_turn_that_lost_the_baton_takes_it_from_nobody() -> None:
    global client
    with app.open(":memory:") as client:
        slow = client.entity(Blocking, "a").call(Blocking.block)
        assert blocked.wait(30)

        quick = client.entity(Following, "b").call(Following.run_while_the_other_returns)

        assert quick.get(timeout=30) == 1
        assert slow.get(timeout=30) == 1
