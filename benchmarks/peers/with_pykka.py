"""pykka alone: actors in memory that forget everything; the ceiling."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pykka

MOST = 2_000


class Counter(pykka.ThreadingActor):
    """A counter, or an account."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def on_receive(self, message: Any) -> int:
        self.value += message
        return self.value


class System:
    """One actor, and so one thread, for each counter."""

    name = "pykka"
    durability = "none: everything is gone when the process ends"
    client = "one thread, which holds 64 futures"
    shape = "window"

    def __init__(self) -> None:
        self.actors: dict[str, pykka.ActorRef[Counter]] = {}

    def version(self) -> str:
        return version("pykka")

    def start(self, folder: Path) -> None:
        del folder

    def stop(self) -> None:
        for actor in self.actors.values():
            actor.stop(block=False)

    def _actor(self, key: str) -> pykka.ActorRef[Counter]:
        found = self.actors.get(key)
        if found is None:
            if len(self.actors) >= MOST:
                msg = f"an actor is a thread; more than {MOST} are not started"
                raise RuntimeError(msg)
            found = self.actors[key] = Counter.start()
        return found

    def signal(self, key: str) -> None:
        self._actor(key).tell(1)

    def call(self, key: str) -> Any:
        return self._actor(key).ask(1, block=False)

    def total(self, key: str) -> int:
        total: int = self._actor(key).ask(0, block=True)
        return total

    def transfer(self, giver: str, taker: str) -> Any:
        self._actor(f"account {giver}").tell(-1)
        return self._actor(f"account {taker}").ask(1, block=False)

    def balance(self, key: str) -> int:
        return self.total(f"account {key}")
