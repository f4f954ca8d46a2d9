"""An app in simulated time: the real engine over a store in memory, on a clock you move.

```python
with simulate(app) as world:
    world.client.entity(Reminder, "a").signal(Reminder.remind_in, timedelta(hours=72))
    world.advance(hours=72)  # takes a millisecond
```
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from perdure.actors.client import EntityClient
from perdure.actors.context import to_datetime
from perdure.actors.simulated import Chances, SimulatedRuntime, VirtualClock
from perdure.errors import InvalidInputError
from perdure.storage.memory import Faults, MemoryStore
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.ports import Store

C = TypeVar("C", bound=EntityClient)
C_co = TypeVar("C_co", bound=EntityClient, covariant=True)


class Attachable(Protocol[C_co]):
    """An app."""

    def attach(self, store: Store, world: SimulatedRuntime) -> C_co:
        """Run the app over *store* in *world*."""
        ...


class EntitySimulation(Generic[C]):
    """One app, one store in memory, one clock that only you move; use it in a ``with`` block.

    Attributes:
        client: sends to the entities, as in production. What blocks there lets simulated
            things happen here until there is an answer.
    """

    def __init__(
        self,
        app: Attachable[C],
        *,
        seed: int = 0,
        faults: Faults | None = None,
        chances: Chances | None = None,
        patience: int = 1_000_000,
    ) -> None:
        self._app = app
        self._disk = MemoryDisk()
        self._clock = VirtualClock()
        self._faults = faults
        self._chances = chances
        self._patience = patience
        self._seed = seed
        self.trace: list[str] = []
        self.client = self._open()

    def _open(self) -> C:
        store = self._open_store()
        self.runtime = self._runtime_over(store)
        self.runtime.trace = self.trace
        return self._app.attach(store, self.runtime)

    def _open_store(self) -> Store:
        """Open what is on the disk."""
        return MemoryStore.open(self._disk, faults=self._faults)

    def _runtime_over(self, store: Store) -> SimulatedRuntime:
        """The world of one process."""
        return SimulatedRuntime(
            store,
            seed=self._seed + store.opening.incarnation,
            clock=self._clock,
            chances=self._chances,
            patience=self._patience,
        )

    @property
    def now(self) -> datetime:
        """The simulated time, in UTC."""
        return to_datetime(self._clock.micros)

    def advance(
        self,
        duration: timedelta | None = None,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        milliseconds: float = 0,
    ) -> None:
        """Let time pass, and everything happen that is due in it.

        Args:
            duration: how much.
            weeks: as of ``timedelta``, like those that follow; all of them are added up.
            days: see *weeks*.
            hours: see *weeks*.
            minutes: see *weeks*.
            seconds: see *weeks*.
            milliseconds: see *weeks*.

        Raises:
            InvalidInputError: time would go back.
        """
        passed = (duration or timedelta()) + timedelta(
            weeks=weeks,
            days=days,
            hours=hours,
            minutes=minutes,
            seconds=seconds,
            milliseconds=milliseconds,
        )
        if passed < timedelta():
            msg = f"time cannot go back by {-passed}"
            raise InvalidInputError(msg)
        self.runtime.advance(passed.total_seconds())

    def settle(self) -> None:
        """Let everything happen that can without time passing."""
        self.runtime.settle()

    def crash(self, *, downtime: timedelta | None = None) -> None:
        """End the process without a word, and open what is on the disk in a new one.

        Use the new ``client``; references of the old one are dead.

        Args:
            downtime: how long there is no process in between; no time unless given.

        Raises:
            InvalidInputError: time would go back.
        """
        passed = downtime or timedelta()
        if passed < timedelta():
            msg = f"time cannot go back by {-passed}"
            raise InvalidInputError(msg)
        self.trace.append("crash")
        self.runtime.stop(0)
        self._clock.micros += passed // timedelta(microseconds=1)
        self.client = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.client.close()
