"""The real client in this process: in simulated time, or on threads over SQLite."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import perdure
from perdure import errors
from perdure.actors.simulated import Chances, SimulatedRuntime, VirtualClock
from perdure.actors.threads import ThreadedRuntime
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.replaying import replay_store
from perdure.storage.ports import Store
from perdure.storage.sqlite import SqliteStore
from perdure.testing import Simulation
from tests.models.api import EVERYTHING, Command, Entry, Refused, Status
from tests.models.places import Box, app, clerk
from tests.orchestration.threaded import HandClock

PATIENCE_SECONDS = 30.0


class Life(Protocol):
    """A store, its clock, and the process that has it open."""

    @property
    def client(self) -> EmbeddedClient: ...

    def advance(self, seconds: float) -> None: ...

    def settle(self) -> None: ...

    def crash(self) -> None: ...

    def reopen(self) -> None: ...

    def end(self) -> None: ...


class Simulated:
    """A store in memory, one thread, a seeded order: entities are passivated at random too."""

    def __init__(self) -> None:
        chances = Chances(lost_baton=0.2, passivation=0.2, short_turns=0.2)
        self._world = Simulation(app, chances=chances)

    @property
    def client(self) -> EmbeddedClient:
        return self._world.client

    def advance(self, seconds: float) -> None:
        self._world.advance(seconds=seconds)

    def settle(self) -> None:
        self._world.settle()

    def crash(self) -> None:
        self._world.crash()

    def reopen(self) -> None:
        self._world.client.close()
        self._world.crash()

    def end(self) -> None:
        self._world.client.close()


class OnSqlite:
    """A store in a file, by a clock that is moved by hand; a thread for each of its tasks."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._path = str(Path(self._folder.name) / "models.db")
        self._clock = HandClock()
        self.client = self._open()

    def _world(self, store: Store) -> ThreadedRuntime | SimulatedRuntime:
        return ThreadedRuntime(store, self._clock)

    def _open(self) -> EmbeddedClient:
        store = SqliteStore.open(self._path, durability="process")
        return app.attach(store, self._world(store))

    def advance(self, seconds: float) -> None:
        self._clock.clock.micros += round(seconds * 1_000_000)
        self.client.node.world.wake()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is in hand and nothing in the store is due."""
        node = self.client.node
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._rests():
            assert time.monotonic() < deadline, node.store.due((0, 0), 2**62, limit=9)
            node.world.wake()
            time.sleep(0.0005)

    def _rests(self) -> bool:
        node = self.client.node
        if not node.partition.idle():
            return False
        now = self._clock.now_micros()
        due = node.store.due((0, 0), now, limit=1)
        return not due and node.partition.idle()

    def crash(self) -> None:
        """Stop the threads where they are, and leave the file as it is then."""
        node = self.client.node
        node._closed = True
        node.world.stop(PATIENCE_SECONDS)
        node._ended = True
        node._answer_rest()
        node.store.close(clean=False)
        self.client = self._open()

    def reopen(self) -> None:
        self.client.close()
        self.client = self._open()

    def end(self) -> None:
        self.client.close()
        self._folder.cleanup()


class SimulatedOnSqlite(OnSqlite):
    """A store in a file, and simulated time over it."""

    def __init__(self) -> None:
        self._virtual = VirtualClock()
        super().__init__()

    @property
    def _runtime(self) -> SimulatedRuntime:
        world = self.client.node.world
        assert isinstance(world, SimulatedRuntime)
        return world

    def _world(self, store: Store) -> SimulatedRuntime:
        return SimulatedRuntime(store, clock=self._virtual, chances=Chances(passivation=0.2))

    def advance(self, seconds: float) -> None:
        self._runtime.advance(seconds)

    def settle(self) -> None:
        self._runtime.settle()


@contextmanager
def typed() -> Generator[None]:
    """Errors of perdure as refusals."""
    try:
        yield
    except errors.PerdureError as error:
        raise Refused(type(error)) from error


class Embedded:
    """The Api over a client in this process."""

    can = EVERYTHING

    def __init__(self, life: Life) -> None:
        self.life = life
        self.advance = life.advance
        self.settle = life.settle
        self.crash = life.crash
        self.reopen = life.reopen
        self.end = life.end

    # ---- entities -------------------------------------------------------------------------

    def _box(self, key: str) -> perdure.EntityRef[Box]:
        return self.life.client.entity(Box, key)

    def signal(
        self,
        key: str,
        operation: str,
        arguments: list[Any],
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None:
        at = None if delay is None else timedelta(seconds=delay)
        with typed():
            self._box(key).options(request_id=request_id, at=at).signal(operation, *arguments)

    def call(
        self, key: str, operation: str, arguments: list[Any], request_id: str | None = None
    ) -> Any:
        with typed():
            ref = self._box(key).options(request_id=request_id)
            return ref.call(operation, *arguments).get(PATIENCE_SECONDS)

    def delete(self, key: str) -> None:
        with typed():
            self._box(key).signal("delete")

    def state(self, key: str) -> dict[str, Any] | None:
        with typed():
            snapshot = self._box(key).get()
        return None if snapshot is None else shown(snapshot.state)

    def as_of(self, key: str, version: int) -> dict[str, Any] | None:
        with typed():
            state = self._box(key).as_of(version)
        return None if state is None else shown(state)

    def history(self, key: str, after: int) -> list[Entry]:
        with typed():
            events = self._box(key).history(after)
            return [Entry(event.version, event.operation, event.kind) for event in events]

    def boxes(self, page: int) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        after: str | None = ""
        with typed():
            while after is not None:
                part = self.life.client.entities(Box, after=after, limit=page)
                assert len(part.items) <= page
                assert not part.unreadable
                found += [(item.id.key, shown(item.state)) for item in part.items]
                after = part.next
        return found

    def watched(self, key: str, amount: int) -> list[int]:
        totals: list[int] = []
        ref = self._box(key)
        with typed(), ref.watch() as watch:
            steps = iter(watch)
            for turn in range(2):
                snapshot = next(steps)
                totals.append(0 if snapshot is None else snapshot.state.total)
                if turn == 0:
                    ref.call(Box.add, amount).get(PATIENCE_SECONDS)
        return totals

    def changes(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        with typed():
            for change in self.life.client.changes(follow=False):
                event = change.event
                entry = Entry(event.version, event.operation, event.kind)
                found.setdefault(change.id.key, []).append(entry)
        return found

    # ---- orchestrations -------------------------------------------------------------------

    def start(
        self,
        instance: str,
        total: int,
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None:
        at = None if delay is None else timedelta(seconds=delay)
        with typed():
            self.life.client.start(
                clerk, total, instance_id=instance, request_id=request_id, start_at=at
            )

    def start_or_get(self, instance: str, total: int, *, replace_finished: bool) -> None:
        with typed():
            self.life.client.start_or_get(
                clerk, total, instance_id=instance, replace_finished=replace_finished
            )

    def signal_with_start(self, instance: str, command: Command, total: int) -> None:
        with typed():
            self.life.client.signal_with_start(
                clerk, "do", command, instance_id=instance, input=total
            )

    def raise_event(
        self, instance: str, command: Command, request_id: str | None = None
    ) -> None:
        with typed():
            self.life.client.orchestration(instance).raise_event(
                "Do", command, request_id=request_id
            )

    def tell(self, instance: str, what: str) -> None:
        ref = self.life.client.orchestration(instance)
        with typed():
            getattr(ref, what)()

    def terminate(self, instance: str, output: str) -> None:
        with typed():
            self.life.client.orchestration(instance).terminate(output)

    def restart(self, instance: str) -> None:
        with typed():
            self.life.client.orchestration(instance).restart()

    def status(self, instance: str) -> Status | None:
        with typed():
            state = self.life.client.orchestration(instance).status(fetch_input=True)
        return None if state is None else status_of(state)

    def result(self, instance: str) -> Any:
        with typed():
            return self.life.client.orchestration(instance).result(0.0)

    def query(self, statuses: list[str] | None, prefix: str, page: int) -> list[Status]:
        found: list[Status] = []
        after: str | None = ""
        with typed():
            while after is not None:
                part = self.life.client.query(
                    statuses=statuses, prefix=prefix, after=after, limit=page, fetch_input=True
                )
                assert len(part.items) <= page
                found += map(status_of, part.items)
                after = part.next
        return found

    def count(self, prefix: str) -> dict[str, int]:
        with typed():
            return self.life.client.count(prefix=prefix)

    def purge_all(self, statuses: list[str]) -> bool:
        with typed():
            result = self.life.client.purge_orchestrations(statuses=statuses)
            return result.is_complete and result.deleted > 0

    def findings(self) -> list[str]:
        return findings(self.life.client)


def shown(box: Box) -> dict[str, Any]:
    """A box as plain values."""
    return {"total": box.total, "words": box.words}


def status_of(state: perdure.OrchestrationState) -> Status:
    """What is compared of a status."""
    return Status(
        instance_id=state.instance_id,
        name=state.name,
        status=state.runtime_status,
        input=state.input,
        output=state.output,
        custom=state.custom_status,
    )


def findings(client: EmbeddedClient) -> list[str]:
    """What verification finds wrong, what was set aside, and histories that do not replay."""
    found = [str(finding) for finding in client.verify()]
    found += [row.reason for row in client.quarantine()]
    replays = replay_store(client.node.store, app.programs, app.resolve)
    found += [f"{one.instance_id}: {one.error}" for one in replays if one.error is not None]
    return found
