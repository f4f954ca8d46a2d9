"""The client: entities, and orchestrations beside them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

import attrs
import msgspec

from perdure.actors import limits
from perdure.actors.app import Resolve
from perdure.actors.client import EntityClient
from perdure.actors.context import due_micros
from perdure.actors.definition import EntityDefinition
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.node import Node
from perdure.actors.snapshots import checked_limit
from perdure.errors import PerdureError
from perdure.orchestration import requests
from perdure.orchestration.checking import checked_text
from perdure.orchestration.choosing import chooser
from perdure.orchestration.commands import perform
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.history import EventRaised
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.pipeline import Pipeline
from perdure.orchestration.processes import Processes
from perdure.orchestration.programs import Programs
from perdure.orchestration.reading import input_of
from perdure.orchestration.refs import OrchestrationRef
from perdure.orchestration.replaying import instance_rows
from perdure.orchestration.starting import instance_id_of, start_of, starter
from perdure.orchestration.status import OrchestrationState, public_state, state_of
from perdure.orchestration.waiting import Waits
from perdure.orchestration.why import Investigation, Reason
from perdure.storage.records import StoredState

I = TypeVar("I")  # noqa: E741 - the input
R = TypeVar("R")


@attrs.frozen
class OrchestrationPage:
    """Part of a longer list of orchestrations.

    Attributes:
        items: this page's.
        next: pass it as ``after`` for the next page; ``None`` after the last.
    """

    items: list[OrchestrationState]
    next: str | None


class Client(EntityClient):
    """Sends to entities and orchestrations of one open store, and reads what is committed.

    It may be used by all threads, and by coroutines. Leaving its ``with`` block closes the
    store after what is in hand has been done.
    """

    def __init__(
        self,
        node: Node,
        definitions: Mapping[str, EntityDefinition],
        resolve: Resolve,
        programs: Programs,
        processes: Processes,
    ) -> None:
        super().__init__(node, definitions, resolve)
        self.waits = Waits(node)
        self._programs = programs
        self._processes = processes

    # ---- starting -------------------------------------------------------------------------

    @overload
    def start(
        self,
        orchestrator: Callable[[OrchestrationContext, I], Coroutine[Any, Any, R]],
        input: I,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> OrchestrationRef[R]: ...
    @overload
    def start(
        self,
        orchestrator: Callable[[OrchestrationContext], Coroutine[Any, Any, R]],
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> OrchestrationRef[R]: ...
    @overload
    def start(
        self,
        orchestrator: Callable[..., Generator[Any, Any, R]],
        input: Any = None,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> OrchestrationRef[R]: ...
    @overload
    def start(
        self,
        orchestrator: str | Callable[..., Any],
        input: Any = None,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> OrchestrationRef[Any]: ...
    def start(
        self,
        orchestrator: Any,
        input: Any = None,
        *,
        instance_id: str | None = None,
        start_at: datetime | timedelta | None = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> OrchestrationRef[Any]:
        """Start an orchestration; durable when this returns.

        Args:
            orchestrator: the function, or its name.
            input: its one input.
            instance_id: names it; random unless given. One that is finished is replaced.
            start_at: not before that time (a duration counts from now); Pending until then.
            version: which one, and what is stamped; the app's unless given.
            tags: what to say of it.
            request_id: names this request: repeated with it, even after a crash, it starts
                nothing more, and gives the same orchestration.

        Raises:
            UnknownOrchestratorError, InvalidInputError, InvalidIdError: nothing was started.
            InstanceAlreadyExistsError: one with that id lives.
        """
        chosen = instance_id_of(instance_id, self.new_id, request_id)
        start, ref = self._start_of(orchestrator, input, chosen, version, tags)
        start.start_at = due_micros(start_at, self.now_micros())
        ref.begin(start, request_id)
        return ref

    def start_or_get(
        self,
        orchestrator: str | Callable[..., Any],
        input: Any = None,
        *,
        instance_id: str,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        replace_finished: bool = True,
        request_id: str | None = None,
    ) -> OrchestrationRef[Any]:
        """Start an orchestration unless one with that id lives; that one is returned then.

        Args:
            orchestrator: the function, or its name.
            input: its one input.
            instance_id: names it.
            version: which one, and what is stamped; the app's unless given.
            tags: what to say of it.
            replace_finished: start it also where one with that id has ended. Without that it
                is started once, however often this is called.
            request_id: names this request; see :meth:`start`.
        """
        chosen = checked_instance_id(instance_id)
        start, ref = self._start_of(orchestrator, input, chosen, version, tags)
        start.if_exists = "return" if replace_finished else "keep"
        ref.begin(start, request_id)
        return ref

    def signal_with_start(
        self,
        orchestrator: str | Callable[..., Any],
        event_name: str,
        data: Any = None,
        *,
        instance_id: str,
        input: Any = None,
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> OrchestrationRef[Any]:
        """Raise an event to an orchestration, which is started first unless it lives."""
        chosen = checked_instance_id(instance_id)
        start, ref = self._start_of(orchestrator, input, chosen, version, tags)
        start.if_exists = "return"
        checked_name("event name", event_name)
        start.events = [
            EventRaised(name=event_name, data=encode_plain(data, f"event {event_name}"))
        ]
        ref.begin(start, request_id)
        return ref

    def _start_of(
        self,
        orchestrator: Any,
        input: Any,
        instance_id: str,
        version: str | None,
        tags: Mapping[str, str] | None,
    ) -> tuple[requests.Start, OrchestrationRef[Any]]:
        start, definition = start_of(self._programs, orchestrator, input, version, tags)
        return start, OrchestrationRef(self, instance_id, definition.output.decode)

    def pipeline(self) -> Pipeline:
        """Send many signals and starts at once; all is durable when the block ends."""
        return Pipeline(self, starter(self._programs, self.new_id))

    # ---- those that there are -------------------------------------------------------------

    def orchestration(self, instance_id: str) -> OrchestrationRef[Any]:
        """A reference to an orchestration; it need not exist."""
        return OrchestrationRef(self, checked_instance_id(instance_id))

    def query(
        self,
        *,
        statuses: list[str] | None = None,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        prefix: str = "",
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        parent: str | None = None,
        custom_status: str | None = None,
        after: str = "",
        limit: int = 100,
        fetch_input: bool = False,
    ) -> OrchestrationPage:
        """Orchestrations, in byte order of their ids.

        Args:
            statuses: only with one of these runtime statuses.
            created_from: only started at that time or later.
            created_to: only started at that time or before.
            prefix: only with ids that begin so.
            name: only of this orchestrator, by name.
            tags: only with all of these tags.
            parent: only started by that orchestration.
            custom_status: only with this text in their custom status as JSON.
            after: a page's ``next``, for the one behind it.
            limit: of orchestrations in one page, 1 to 1,000.
            fetch_input: also read what each was started with.

        Raises:
            InvalidInputError: an argument makes no sense.
        """
        self.node.check_open()
        checked_limit(limit)
        checked_text("after", after)
        fits = chooser(
            statuses=statuses,
            created_from=created_from,
            created_to=created_to,
            name=name,
            tags=tags,
            parent=parent,
            custom_status=custom_status,
        )
        items: list[OrchestrationState] = []
        for row in self._rows(prefix, after):
            state = state_of(row)
            if not fits(state):
                continue
            if len(items) == limit:
                return OrchestrationPage(items, items[-1].instance_id)
            public = public_state(row.stream, state)
            if fetch_input:
                given = input_of(self.node.store, row.stream, state)
                public = attrs.evolve(public, input=msgspec.json.decode(given))
            items.append(public)
        return OrchestrationPage(items, None)

    def count(self, *, prefix: str = "", name: str | None = None) -> dict[str, int]:
        """How many orchestrations there are of each runtime status."""
        self.node.check_open()
        fits = chooser(name=name)
        counts: dict[str, int] = {}
        for row in self._rows(prefix, ""):
            state = state_of(row)
            if fits(state):
                counts[state.status] = counts.get(state.status, 0) + 1
        return counts

    def _rows(self, prefix: str, after: str) -> Iterator[StoredState]:
        checked_text("prefix", prefix)
        rows = instance_rows(self.node.store, prefix, after)
        return (row for row in rows if row.corrupt is None)

    def why(self, address: str | EntityId) -> list[Reason]:
        """What an entity or an orchestration waits for, in words.

        Args:
            address: an orchestration's id, or an entity's, as text ``@kind@key``.

        Raises:
            InstanceNotFoundError: there is nothing of it in the store.
        """
        self.node.check_open()
        investigation = Investigation(
            self.node.store, self.now_micros(), self._programs, self._resolve
        )
        return investigation.why(str(address))

    def purge_orchestrations(
        self,
        *,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        statuses: list[str] | None = None,
        recursive: bool = True,
    ) -> int:
        """Forget finished orchestrations, with their histories; returns how many.

        Args:
            created_from: only started at that time or later.
            created_to: only started at that time or before.
            statuses: only with one of these runtime statuses.
            recursive: their children too, as far as they are finished.
        """
        fits = chooser(statuses=statuses, created_from=created_from, created_to=created_to)
        purged = 0
        for row in self._rows("", ""):
            state = state_of(row)
            if state.is_finished and fits(state):
                try:
                    self.orchestration(row.stream).purge(recursive=recursive)
                except PerdureError:  # it was started again meanwhile, or is gone
                    continue
                purged += 1
        return purged

    def orchestrate(self, command: bytes) -> bytes:
        """Do what the command line asks about an orchestration (the control socket does)."""
        return perform(self, command)

    def close(self, timeout: float = limits.DRAIN_SECONDS) -> bool:
        """Take nothing more, finish what is in hand within *timeout* seconds, and close.

        Returns:
            Whether nothing was left in hand; what was left goes on when the store is opened.
        """
        clean = super().close(timeout)
        self.waits.close()
        self._processes.close()
        return clean
