"""The client of a store that this process has open: entities, and orchestrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import attrs
import msgspec

from perdure.actors import limits
from perdure.actors.answers import failure_of
from perdure.actors.app import Resolve
from perdure.actors.client import EntityClient
from perdure.actors.definition import EntityDefinition
from perdure.actors.ids import INSTANCES, EntityId, kind_of
from perdure.actors.messages import Message
from perdure.actors.node import Node
from perdure.actors.quarantine import message_in
from perdure.actors.replies import check_seconds
from perdure.actors.snapshots import checked_limit
from perdure.errors import FailureDetails
from perdure.orchestration import effects, interface, requests
from perdure.orchestration.checking import checked_flag, checked_text
from perdure.orchestration.choosing import Choice, chooser, narrowed_rows
from perdure.orchestration.commands import perform
from perdure.orchestration.history import Event
from perdure.orchestration.processes import Processes
from perdure.orchestration.programs import Programs
from perdure.orchestration.purging import purge_all
from perdure.orchestration.reading import events_of, find_state, input_of, require_state
from perdure.orchestration.redriving import check_redrive
from perdure.orchestration.replaying import export_history
from perdure.orchestration.running import RunningActivity, running_of
from perdure.orchestration.state import InstanceState
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


class EmbeddedClient(EntityClient, interface.Client):
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
        self._waits = Waits(node)
        self.programs = programs
        self._processes = processes

    # ---- what references ask --------------------------------------------------------------

    @property
    def waits(self) -> Waits:
        """Lets references wait."""
        return self._waits

    def read_instance(
        self, instance_id: str, *, fetch_input: bool = False
    ) -> OrchestrationState | None:
        """How an orchestration was at its last commit; ``None`` when there is none."""
        self.node.check_open()
        state = find_state(self.node.store, instance_id)
        if state is None:
            return None
        public = public_state(instance_id, state)
        if not fetch_input:
            return public
        given = input_of(self.node.store, instance_id, state)
        return attrs.evolve(public, input=msgspec.json.decode(given))

    def read_events(self, instance_id: str) -> Iterator[Event]:
        """The history of an orchestration's present generation."""
        self.node.check_open()
        store = self.node.store
        return events_of(store, instance_id, require_state(store, instance_id))

    def export_instance(self, instance_id: str) -> bytes:
        """The same by itself, as JSON."""
        self.node.check_open()
        return msgspec.json.encode(export_history(self.node.store, instance_id))

    def running_activities(self, instance_id: str) -> list[RunningActivity]:
        """The attempts of its activities that are at work now."""
        self.node.check_open()
        found: list[RunningActivity] = self.node.ask_partition(
            lambda partition: running_of(instance_id, partition.attempts.steps())
        )
        return found

    # ---- those that there are -------------------------------------------------------------

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
        """Orchestrations, in byte order of their ids."""
        self.node.check_open()
        checked_limit(limit)
        checked_text("after", after)
        choice = chooser(
            statuses=statuses,
            created_from=created_from,
            created_to=created_to,
            name=name,
            tags=tags,
            parent=parent,
            custom_status=custom_status,
        )
        items: list[OrchestrationState] = []
        for row, state in self._chosen(choice, prefix, after):
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
        counts: dict[str, int] = {}
        for _, state in self._chosen(chooser(name=name), prefix, ""):
            counts[state.status] = counts.get(state.status, 0) + 1
        return counts

    def _chosen(
        self, choice: Choice, prefix: str, after: str
    ) -> Iterator[tuple[StoredState, InstanceState]]:
        """The rows that fit; not the damaged ones."""
        checked_text("prefix", prefix)
        for _, row in narrowed_rows(self.node.store, choice, prefix, after):
            if row is not None and choice.fits(state := state_of(row)):
                yield row, state

    def why(self, address: str | EntityId) -> list[Reason]:
        """What an entity or an orchestration waits for, in words."""
        self.node.check_open()
        investigation = Investigation(
            self.node.store, self.now_micros(), self.programs, self._resolve
        )
        return investigation.why(str(address))

    def redrive(self, message_id: int) -> bool:
        """Try a quarantined message again; false when there is no such message.

        Raises:
            WrongStatusError: it is a call from a critical section that is over.
        """
        for row in self.node.store.quarantined(after=message_id - 1, limit=1):
            message = message_in(row)
            if row.id == message_id and message is not None:
                check_redrive(self.node.store, message)
        return super().redrive(message_id)

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
        """Forget finished orchestrations, with their histories."""
        choice = chooser(statuses=statuses, created_from=created_from, created_to=created_to)
        payload = requests.Purge(checked_flag("recursive", recursive))
        until: float | None = None
        if timeout is not None:
            check_seconds(timeout)
            until = self.now_micros() + timeout * 1_000_000
        chosen = (
            self.orchestration(row.stream)
            for row, state in self._chosen(choice, "", "")
            if state.is_finished
        )
        return purge_all(chosen, payload, lambda: until is None or self.now_micros() < until)

    def orchestrate(self, command: bytes) -> bytes:
        """Do what the command line asks about an orchestration (the control socket does)."""
        return perform(self, command)

    def close(self, timeout: float = limits.DRAIN_SECONDS) -> bool:
        """Take nothing more, finish what is in hand within *timeout* seconds, and close."""
        clean = super().close(timeout)
        self._waits.close()
        self._processes.close()
        return clean
