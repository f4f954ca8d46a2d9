"""eventsourcing: aggregates whose events are in SQLite."""

from __future__ import annotations

import threading
import time
from importlib.metadata import version
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError


class Counter(Aggregate):
    def __init__(self, key: str) -> None:
        self.key = key
        self.value = 0

    @staticmethod
    def create_id(key: str) -> UUID:
        return uuid5(NAMESPACE_URL, key)

    @event("Added")
    def add(self, amount: int) -> None:
        self.value += amount


class Counters(Application):
    is_snapshotting_enabled = False


class System:
    """One application; its cache keeps aggregates so that a call need not read their events."""

    name = "eventsourcing"
    durability = (
        "SQLite, WAL, synchronous = FULL (SQLite's default): an fsync before save returns"
    )
    client = (
        "one thread with the aggregate cache: one save for each call, 100 signals in a save"
    )
    shape = "window"

    def version(self) -> str:
        return version("eventsourcing")

    def start(self, folder: Path) -> None:
        self.app = Counters(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": str(folder / "events.db"),
                "AGGREGATE_CACHE_MAXSIZE": "20000",
                "AGGREGATE_CACHE_FASTFORWARD": "n",  # this process is the only writer
                "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
            }
        )
        self.guard = threading.Lock()

    def stop(self) -> None:
        self.app.close()

    def _counter(self, key: str) -> Counter:
        try:
            return self.app.repository.get(Counter.create_id(key))
        except AggregateNotFoundError:
            return Counter(key)

    def _saved(self, *counters: Counter) -> None:
        try:
            self.app.save(*counters)
        except IntegrityError as error:
            msg = "another writer was here"
            raise RuntimeError(msg) from error

    def call(self, key: str) -> int:
        with self.guard:
            counter = self._counter(key)
            counter.add(1)
            self._saved(counter)
            return counter.value

    def signal(self, key: str) -> None:
        self.call(key)

    def load_signal(self, keys: list[str], seconds: float) -> tuple[int, int]:
        """A hundred signals to as many aggregates in one save."""
        count, end = 0, time.perf_counter() + seconds
        while not count or time.perf_counter() < end:
            self._add_all([keys[(count + number) % len(keys)] for number in range(100)])
            count += 100
        return count, 0

    def fill(self, count: int, keys: int, first: int) -> None:
        last = first + count
        for begin in range(first, last, 100):
            self._add_all([f"c{n % keys}" for n in range(begin, min(last, begin + 100))])

    def _add_all(self, keys: list[str]) -> None:
        changed: dict[str, Counter] = {}
        for key in keys:
            counter = changed.get(key) or self._counter(key)
            counter.add(1)
            changed[key] = counter
        self._saved(*changed.values())

    def settle(self, count: int) -> None:
        """A save has returned, so everything is applied."""

    def total(self, key: str) -> int:
        return self._counter(key).value

    def transfer(self, giver: str, taker: str) -> int:
        """Both accounts in one save, which is one transaction; no lock is taken."""
        with self.guard:
            from_account = self._counter(f"account {giver}")
            to_account = self._counter(f"account {taker}")
            from_account.add(-1)
            to_account.add(1)
            self._saved(from_account, to_account)
            return to_account.value

    def balance(self, key: str) -> int:
        return self.total(f"account {key}")
