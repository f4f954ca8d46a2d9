"""The client: entities, and orchestrations beside them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

import attrs
import msgspec

from perdure.actors import limits
from perdure.actors.answers import failure_of
from perdure.actors.app import Resolve
from perdure.actors.client import EntityClient
from perdure.actors.context import due_micros
from perdure.actors.definition import EntityDefinition
from perdure.actors.ids import INSTANCES, EntityId, checked_name, kind_of
from perdure.actors.messages import Message
from perdure.actors.node import Node
from perdure.actors.replies import check_seconds
from perdure.actors.snapshots import checked_limit
from perdure.errors import FailureDetails
from perdure.orchestration import effects, requests
from perdure.orchestration.checking import checked_flag, checked_text
from perdure.orchestration.choosing import chooser
from perdure.orchestration.commands import perform
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.history import EventRaised
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.pipeline import Pipeline
from perdure.orchestration.processes import Processes
from perdure.orchestration.programs import Programs
from perdure.orchestration.purging import purge_all
from perdure.orchestration.reading import input_of
from perdure.orchestration.refs import OrchestrationRef
from perdure.orchestration.replaying import instance_rows
from perdure.orchestration.schedules.plan import checked_schedule_id, plan_of
from perdure.orchestration.schedules.refs import ScheduleRef, ScheduleState, schedules_of
from perdure.orchestration.starting import instance_id_of, start_of, starter
from perdure.orchestration.status import (
    OrchestrationPage,
    OrchestrationState,
    PurgeResult,
    public_state,
    state_of,
)
from perdure.orchestration.waiting import Waits
from perdure.orchestration.why import Investigation, Reason
from perdure.storage.records import StoredState

I = TypeVar("I")  # noqa: E741 - the input
R = TypeVar("R")


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
        self._programs = self.programs = programs
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
        start, ref = self.prepare_start(orchestrator, input, chosen, version, tags)
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
        start, ref = self.prepare_start(orchestrator, input, instance_id, version, tags)
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
        start, ref = self.prepare_start(orchestrator, input, instance_id, version, tags)
        start.if_exists = "return"
        checked_name("event name", event_name)
        given = encode_plain(data, f"event {event_name}")
        start.events = [EventRaised(name=event_name, data=given)]
        ref.begin(start, request_id)
        return ref

    def prepare_start(
        self,
        orchestrator: Any,
        input: Any,
        instance_id: str,
        version: str | None,
        tags: Mapping[str, str] | None = None,
    ) -> tuple[requests.Start, OrchestrationRef[Any]]:
        """What starts an orchestration, to be sent to the reference (the gateway does)."""
        start, definition = start_of(self._programs, orchestrator, input, version, tags)
        return start, OrchestrationRef(
            self, checked_instance_id(instance_id), definition.output.decode
        )

    def pipeline(self) -> Pipeline:
        """Send many signals and starts at once; all is durable when the block ends."""
        return Pipeline(self, starter(self._programs, self.new_id))

    def schedule(
        self,
        schedule_id: str,
        orchestrator: str | Callable[..., Any] | None = None,
        input: Any = None,
        *,
        every: timedelta | None = None,
        cron: str | None = None,
        timezone: str = "UTC",
        start_at: datetime | None = None,
        end_at: datetime | None = None,
        overlap: str = "skip",
        missed: str = "once",
        version: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ScheduleRef:
        """Start an orchestration again and again; durable when this returns.

        A schedule with that id is changed to be so; asking again for the same changes nothing.

        Args:
            schedule_id: names it, and is what the ids of its runs begin with.
            orchestrator: the function, or its name. Without one nothing is changed: this is
                a reference to a schedule, which need not exist.
            input: of each run.
            every: the interval, counted from *start_at*, or from now.
            cron: in its place, when: ``minute hour day-of-month month day-of-week``, as
                ``"0 3 * * *"``. Needs ``pip install 'perdure[schedules]'``.
            timezone: what *cron* means, by its IANA name.
            start_at: nothing before.
            end_at: nothing after.
            overlap: when the last run lives: ``skip`` the next one; ``buffer_one``: one waits
                for its end; ``allow`` both; ``cancel_other`` or ``terminate_other``: have it
                end, and then begin.
            missed: of several times that have come, as after a downtime: ``once``: only the
                last counts; ``all`` do; ``skip``: those count that are a minute late at most.
            version: of the orchestrator; the app's at each time unless given.
            tags: of each run.

        Raises:
            UnknownOrchestratorError, InvalidInputError, InvalidIdError: nothing was changed.
        """
        ref = ScheduleRef(self, self._programs, checked_schedule_id(schedule_id))
        if orchestrator is not None:
            ref.put(
                plan_of(
                    self._programs,
                    orchestrator=orchestrator,
                    input=input,
                    every=every,
                    cron=cron,
                    timezone=timezone,
                    start_at=start_at,
                    end_at=end_at,
                    overlap=overlap,
                    missed=missed,
                    version=version,
                    tags=tags,
                )
            )
        return ref

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
        fetch_output: bool = True,
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
            fetch_output: tell the output of each too.

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
            if not fetch_output:
                public = attrs.evolve(public, output=None)
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

    def schedules(self, prefix: str = "") -> Iterator[ScheduleState]:
        """The schedules whose ids begin so, in byte order."""
        return schedules_of(self, checked_text("prefix", prefix))

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

    def told_when_discarded(
        self, message: Message, failure: FailureDetails
    ) -> Sequence[Message]:
        """What tells those who wait for *message* that it has failed."""
        if message.operation != requests.START or kind_of(message.target) != INSTANCES:
            return super().told_when_discarded(message, failure)
        start = requests.decode_start(message.input)
        return effects.refusals(start, message.target, failure_of(failure))

    def purge_orchestrations(
        self,
        *,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        statuses: list[str] | None = None,
        recursive: bool = True,
        timeout: float | None = None,
    ) -> PurgeResult:
        """Forget finished orchestrations, with their histories.

        Args:
            created_from: only started at that time or later.
            created_to: only started at that time or before.
            statuses: only with one of these runtime statuses.
            recursive: their children too, as far as they are finished.
            timeout: begin with no more after so many seconds; the result tells whether all
                that fit are gone.
        """
        fits = chooser(statuses=statuses, created_from=created_from, created_to=created_to)
        payload = requests.Purge(checked_flag("recursive", recursive))
        until: float | None = None
        if timeout is not None:
            check_seconds(timeout)
            until = self.now_micros() + timeout * 1_000_000
        chosen = (
            self.orchestration(row.stream)
            for row in self._rows("", "")
            if (state := state_of(row)).is_finished and fits(state)
        )
        return purge_all(chosen, payload, lambda: until is None or self.now_micros() < until)

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
