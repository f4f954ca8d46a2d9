"""What a program asks of entities and orchestrations, wherever their store is.

Both clients are one: the embedded one, which has the store open, and the remote one. What only
makes messages is here, once; what reaches the store is theirs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

from perdure.actors.context import due_micros
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.interface import EntityInterface
from perdure.orchestration import requests
from perdure.orchestration.checking import checked_text
from perdure.orchestration.context import OrchestrationContext
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.history import Event, EventRaised
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.pipeline import Pipeline
from perdure.orchestration.programs import Programs
from perdure.orchestration.refs import OrchestrationRef
from perdure.orchestration.running import RunningActivity
from perdure.orchestration.schedules.plan import checked_schedule_id, plan_of
from perdure.orchestration.schedules.refs import ScheduleRef, ScheduleState, schedules_of
from perdure.orchestration.starting import instance_id_of, start_of, starter
from perdure.orchestration.status import OrchestrationPage, OrchestrationState, PurgeResult
from perdure.orchestration.waiting import Waiting
from perdure.orchestration.why import Reason

I = TypeVar("I")  # noqa: E741 - the input
R = TypeVar("R")


class Client(EntityInterface):
    """Sends to entities and orchestrations, and reads what is committed.

    It may be used by all threads, and by coroutines. Leaving its ``with`` block closes it.

    Attributes:
        programs: the orchestrators that are known here.
    """

    programs: Programs

    # ---- what references ask --------------------------------------------------------------

    @property
    @abstractmethod
    def waits(self) -> Waiting:
        """Lets references wait."""

    @abstractmethod
    def read_instance(
        self, instance_id: str, *, fetch_input: bool = False
    ) -> OrchestrationState | None:
        """How an orchestration was at its last commit; ``None`` when there is none."""

    @abstractmethod
    def read_events(self, instance_id: str) -> Iterator[Event]:
        """The history of an orchestration's present generation."""

    @abstractmethod
    def export_instance(self, instance_id: str) -> bytes:
        """The same by itself, as JSON."""

    @abstractmethod
    def running_activities(self, instance_id: str) -> list[RunningActivity]:
        """The attempts of its activities that are at work now."""

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
        start, definition = start_of(self.programs, orchestrator, input, version, tags)
        return start, OrchestrationRef(
            self, checked_instance_id(instance_id), definition.output.decode
        )

    def pipeline(self) -> Pipeline:
        """Send many signals and starts at once; all is durable when the block ends."""
        return Pipeline(self, starter(self.programs, self.new_id))

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
        ref = ScheduleRef(self, self.programs, checked_schedule_id(schedule_id))
        if orchestrator is not None:
            ref.put(
                plan_of(
                    self.programs,
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

    @overload
    def orchestration(
        self,
        instance_id: str,
        orchestrator: Callable[..., Coroutine[Any, Any, R] | Generator[Any, Any, R]],
    ) -> OrchestrationRef[R]: ...
    @overload
    def orchestration(
        self, instance_id: str, orchestrator: str | Callable[..., Any] | None = None
    ) -> OrchestrationRef[Any]: ...
    def orchestration(
        self, instance_id: str, orchestrator: Any = None
    ) -> OrchestrationRef[Any]:
        """A reference to an orchestration; it need not exist.

        Args:
            instance_id: which one.
            orchestrator: the function or its name, when its result shall be read by its
                annotation, as with ``start``; plain JSON values otherwise.

        Raises:
            UnknownOrchestratorError, InvalidIdError: there can be none.
        """
        if orchestrator is None:
            return OrchestrationRef(self, checked_instance_id(instance_id))
        definition = self.programs.registry.orchestrator(orchestrator, self.programs.version)
        return OrchestrationRef(
            self, checked_instance_id(instance_id), definition.output.decode
        )

    @abstractmethod
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

    @abstractmethod
    def count(self, *, prefix: str = "", name: str | None = None) -> dict[str, int]:
        """How many orchestrations there are of each runtime status."""

    @abstractmethod
    def why(self, address: str | EntityId) -> list[Reason]:
        """What an entity or an orchestration waits for, in words.

        Args:
            address: an orchestration's id, or an entity's, as text ``@kind@key``.

        Raises:
            InstanceNotFoundError: there is nothing of it in the store.
        """

    @abstractmethod
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

    def schedules(self, prefix: str = "") -> Iterator[ScheduleState]:
        """The schedules whose ids begin so, in byte order."""
        return schedules_of(self, checked_text("prefix", prefix))
