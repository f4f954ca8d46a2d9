"""The app: entities, orchestrators and activities. It does nothing until it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from copy import copy
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, overload

from perdure.actors.app import EntityApp
from perdure.actors.behavior import Behavior
from perdure.actors.directory import Directory
from perdure.actors.ids import ACTIVITIES, INSTANCES
from perdure.actors.node import World
from perdure.orchestration.activities import ActivityBehavior
from perdure.orchestration.behavior import OrchestrationBehavior
from perdure.orchestration.checking import checked_text
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.http_activity import http_activity
from perdure.orchestration.http_calls import HTTP
from perdure.orchestration.processes import Processes
from perdure.orchestration.programs import Programs
from perdure.orchestration.registry import Registry
from perdure.orchestration.schedules.entity import SCHEDULES, Schedule
from perdure.orchestration.starting import starter
from perdure.storage.ports import Store

F = TypeVar("F", bound=Callable[..., Any])
X = TypeVar("X", bound=type[Exception])


class App(EntityApp):
    """Entities, orchestrators and activities. Several apps, and several stores of one, live in
    one process.

    Args:
        name: what the app is called in errors and by the command line; stores do not know it.
        version: stamped on orchestrations that it starts; empty for none.
        version_match: which orchestrations it runs: ``none``: of any version; ``strict``: of
            its own; ``current_or_older``: of none that is newer.
        version_mismatch: what becomes of the others: ``leave_pending``: they wait, stalled,
            until an app opens the store that runs them; ``fail``: they fail.
    """

    def __init__(
        self,
        name: str = "app",
        *,
        version: str = "",
        version_match: str = "none",
        version_mismatch: str = "leave_pending",
    ) -> None:
        super().__init__(name)
        self.build_in(Schedule, SCHEDULES)
        self._registry = Registry()
        self._http_hosts: set[str] = set()
        self._registry.add_activity(http_activity(self._http_hosts), HTTP)
        self._versions = (version, version_match, version_mismatch)
        Programs(self._registry, *self._versions)  # refuses what makes no sense

    def __repr__(self) -> str:
        names = [*self.kinds, *sorted(self._registry.orchestrators)]
        return f"<App {self.name!r}: {', '.join(names) or 'empty'}>"

    @overload
    def orchestrator(self, function: F, /) -> F: ...
    @overload
    def orchestrator(
        self,
        /,
        *,
        name: str | None = None,
        version: str = "",
        retention: timedelta | None = None,
    ) -> Callable[[F], F]: ...
    def orchestrator(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        version: str = "",
        retention: timedelta | None = None,
    ) -> Any:
        """Register an orchestrator: ``async def``, or a generator that yields tasks.

        Args:
            function: takes the context, and one input at most.
            name: in the store; the function's name unless given.
            version: several of one name may be registered side by side.
            retention: how long one that has ended is remembered; for ever unless given.

        Raises:
            DefinitionError: it is not well formed, or the name is taken.
        """
        if function is None:
            return partial(
                self._add_orchestrator, name=name, version=version, retention=retention
            )
        return self._add_orchestrator(function, name, version, retention)

    def _add_orchestrator(
        self, function: Any, name: str | None, version: str, retention: timedelta | None
    ) -> Any:
        self._registry.add_orchestrator(function, name, version, retention)
        return function

    @overload
    def activity(self, function: F, /) -> F: ...
    @overload
    def activity(
        self,
        /,
        *,
        name: str | None = None,
        pool: str = "thread",
        concurrency: int | None = None,
        rate: float | None = None,
        timeout: timedelta | None = None,
        heartbeat_timeout: timedelta | None = None,
    ) -> Callable[[F], F]: ...
    def activity(self, function: Any = None, /, **options: Any) -> Any:
        """Register an activity: a function that does outside work, at least once.

        Args:
            function: takes one input at most, perhaps after an :class:`ActivityContext`.
            **options: ``name``: in the store, the function's unless given. ``pool``:
                ``thread``, or ``process`` for work that computes. ``concurrency``: attempts at
                once. ``rate``: attempts that begin per second, at most, evenly spread.
                ``timeout``: of an attempt. ``heartbeat_timeout``: how long an attempt may be
                silent.

        Raises:
            DefinitionError: it is not well formed, or the name is taken.
        """
        if function is None:
            return partial(self._add_activity, **options)
        return self._add_activity(function)

    def _add_activity(self, function: Any, name: str | None = None, **options: Any) -> Any:
        self._registry.add_activity(function, name, **options)
        return function

    def error(self, kind: X, /) -> X:
        """Register an exception class: where a task failed with it, it is raised again."""
        self._registry.add_error(kind)
        return kind

    def allow_http(self, *hosts: str) -> None:
        """Let ``ctx.call_http`` reach hosts that have private addresses.

        Args:
            hosts: names or addresses, as ``localhost``, or with a port, ``localhost:8080``.
        """
        self._http_hosts.update(checked_text("host", host).lower() for host in hosts)

    def with_activities(self, functions: Mapping[Any, Callable[..., Any]]) -> App:
        """The same app, in which activities run other functions: for tests.

        Args:
            functions: what runs, by activity: its function, or its name. It takes the same
                input, and its result is read as the activity's.

        Raises:
            UnknownActivityError: one is not registered.
            DefinitionError: what shall run is not well formed.
        """
        other = copy(self)
        other._registry = self._registry.replacing(functions)  # noqa: SLF001
        return other

    @property
    def programs(self) -> Programs:
        """What is registered now, and which versions of it run."""
        return Programs(self._registry.copied(), *self._versions)

    def attach(self, store: Store, world: World) -> EmbeddedClient:
        """Run the app over an open store in a given world; ``open`` and the simulator do."""
        opened, resolve = self.opened()
        programs = self.programs
        processes = Processes()
        late: Future[EmbeddedClient] = Future()
        behaviors: dict[str, Behavior] = {
            **self.behaviors(opened, Directory(resolve, starter(programs, world.new_id))),
            INSTANCES: OrchestrationBehavior(programs, resolve, self.tracer),
            ACTIVITIES: ActivityBehavior(
                programs.registry, late.result, processes, world.now_micros, self.tracer
            ),
        }
        node = self.node(store, world, behaviors)
        client = EmbeddedClient(node, opened, resolve, programs, processes)
        late.set_result(client)
        if self.tracer is not None:
            self.tracer.watch(client)
        return client

    def open(self, path: Any, *, durability: str = "power") -> EmbeddedClient:
        """Open a store and become the node that owns it; ``close()`` it, or use ``with``.

        Args:
            path: of the SQLite file, made when it is not there; ``":memory:"`` for a store
                that ends with the program.
            durability: ``"power"``: what was acknowledged survives a power cut;
                ``"process"``: it survives the process, not always a power cut, and is faster.

        Raises:
            StoreOwnedError: another process has it open.
            StoreOpenError: it cannot be opened; the message says why.
        """
        client = super().open(path, durability=durability)
        assert isinstance(client, EmbeddedClient)
        return client
