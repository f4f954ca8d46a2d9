"""The remote client: the interface of every client, for a store that a server has open."""

from __future__ import annotations

import os
import time
import uuid
from asyncio import CancelledError, Event, Lock
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from perdure.actors import limits
from perdure.actors.behavior import Outcome
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent
from perdure.actors.ids import EntityId
from perdure.actors.messages import Message
from perdure.actors.replies import Reply, check_seconds
from perdure.actors.snapshots import (
    Change,
    EntitySnapshot,
    Page,
    Position,
    Unreadable,
    checked_limit,
    checked_position,
    state_object,
)
from perdure.actors.verification import Finding
from perdure.errors import (
    CorruptionError,
    DecodingError,
    NodeClosedError,
    PerdureError,
)
from perdure.orchestration.commands import perform
from perdure.orchestration.history import Event as InstanceEvent
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.interface import Client
from perdure.orchestration.running import RunningActivity
from perdure.orchestration.status import OrchestrationPage, OrchestrationState, PurgeResult
from perdure.orchestration.why import Reason
from perdure.remote import wire
from perdure.remote.answers import Exported, read
from perdure.remote.following import RemoteWatch, followed_changes
from perdure.remote.known import Known
from perdure.remote.sending import pieces, sent
from perdure.remote.transport import Transport
from perdure.remote.waiting import SOON_SECONDS, RemoteWaits, ThreadWaiter
from perdure.storage.records import QuarantineRow
from perdure.storage.sqlite.backup import finished_as

HISTORY_PAGE = 200
QUARANTINE_PAGE = 100


class RemoteClient(Client):
    """Sends to entities and orchestrations of a store that a server has open.

    It may be used by all threads, and by coroutines. Leaving its ``with`` block hands over what
    is on its way, and closes the connections.
    """

    def __init__(self, transport: Transport, known: Known) -> None:
        super().__init__(_new_id, _now_micros)
        self._transport = transport
        self._known = known
        self._waits = RemoteWaits(transport)
        self._waiter = ThreadWaiter()
        self._under_way: set[Future[None]] = set()
        self._in_order = Lock()
        self._tails: dict[str, Event] = {}
        self.programs = known.programs

    def _ask(self, ask: wire.Ask, kind: Any = Any) -> Any:
        return read(self._transport.ask(ask), kind)

    # ---- messages -------------------------------------------------------------------------

    def send_signal(self, message: Message) -> None:
        """Send one signal and wait until it is durable."""
        reply = self._reply(message, bytes)
        self._hand_over(self._deliver(reply, wire.Signal(messages=[sent(message)])))
        reply.get()

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        """Send one call."""
        reply = self._reply(message, decode)
        ask = wire.Call(message=sent(message), seconds=SOON_SECONDS)
        self._hand_over(self._deliver(reply, ask))
        return reply

    def send_chunk(self, messages: list[Message]) -> Reply[Any]:
        """Send signals together, behind those that were sent so before."""
        reply: Reply[Any] = Reply(self._waiter, "pipeline", "signals", messages[0].request_id)
        asks = [wire.Signal(messages=piece) for piece in pieces(messages)]
        self._hand_over(self._deliver_chunk(reply, asks))
        return reply

    def _reply(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        return Reply(
            self._waiter, message.target, message.operation, message.request_id, decode
        )

    def _hand_over(self, delivery: Coroutine[Any, Any, None]) -> None:
        future = self._transport.spawn(delivery)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)

    async def _deliver(self, reply: Reply[Any], ask: wire.Call | wire.Signal) -> None:
        """Deliver a message behind those that were sent to the same target before."""
        before, mine = self._tails.get(reply.target), Event()
        self._tails[reply.target] = mine

        async def deliver() -> bytes:
            try:
                if before is not None:
                    await before.wait()
                answer = await self._transport.answer_once(ask, reply.request_id)
            finally:  # the server has it, or it is given up
                mine.set()
                if self._tails.get(reply.target) is mine:
                    del self._tails[reply.target]
            if not answer.late:
                return bytes(answer.value)
            if isinstance(ask, wire.Call):
                ask.seconds = wire.WAIT_SECONDS
            return await self._transport.answer(ask, reply.request_id)

        await _resolve(reply, deliver())

    async def _deliver_chunk(self, reply: Reply[Any], asks: list[wire.Signal]) -> None:
        """Deliver signals behind those that were sent together before."""

        async def deliver() -> bytes:
            value = b"null"
            async with self._in_order:
                for ask in asks:
                    value = await self._transport.answer(ask, reply.request_id)
            return value

        await _resolve(reply, deliver())

    # ---- entities -------------------------------------------------------------------------

    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known here of a kind."""
        return self._known.entity(kind)

    def read_entity(self, entity_id: EntityId) -> EntitySnapshot[Any] | None:
        """One entity as it is now."""
        found: wire.Snapshot | None = self._ask(
            wire.Entity(target=str(entity_id)), wire.Snapshot | None
        )
        return None if found is None else self._snapshot(found)

    def _snapshot(self, found: wire.Snapshot) -> EntitySnapshot[Any]:
        entity_id = EntityId.parse(found.address)
        return EntitySnapshot(
            id=entity_id,
            state=state_object(self.definition_of(entity_id.kind), bytes(found.state)),
            version=found.version,
            modified=found.modified,
            queue_length=found.queue_length,
            locked_by=found.locked_by,
        )

    def read_history(self, entity_id: EntityId, after_version: int) -> Iterator[HistoryEvent]:
        """The events of one entity beyond a version."""

        def page(after: int) -> list[HistoryEvent]:
            ask = wire.History(target=str(entity_id), after_version=after, limit=HISTORY_PAGE)
            found: list[HistoryEvent] = self._ask(ask, list[HistoryEvent])
            return found

        first = page(after_version)
        return _following(first, lambda event: page(event.version))

    def read_past(self, entity_id: EntityId, moment: int | datetime) -> bytes | None:
        """The state of one entity at a version or a time, as JSON."""
        ask = wire.Past(target=str(entity_id))
        if isinstance(moment, datetime):
            ask.time = moment
        else:
            ask.version = moment
        state: Any = self._ask(ask, msgspec.Raw)
        return None if bytes(state) == b"null" else bytes(state)

    def watch_entity(self, entity_id: EntityId) -> RemoteWatch[Any]:
        """The states of one entity as they come."""
        return RemoteWatch(self._transport, self.definition_of(entity_id.kind), entity_id)

    def entities(
        self,
        kind: Any = None,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = 100,
        modified_from: datetime | None = None,
        modified_to: datetime | None = None,
    ) -> Page[Any]:
        """Entities that have a state, in byte order of their addresses."""
        ask = wire.Entities(
            kind=None if kind is None else self.definition_of(kind).kind,
            prefix=prefix,
            after=after,
            limit=checked_limit(limit),
            modified_from=modified_from,
            modified_to=modified_to,
        )
        page: wire.EntityPage = self._ask(ask, wire.EntityPage)
        items: list[EntitySnapshot[Any]] = []
        unreadable = [Unreadable(EntityId.parse(u.address), u.reason) for u in page.unreadable]
        for found in page.items:
            try:
                items.append(self._snapshot(found))
            except (CorruptionError, DecodingError) as error:
                unreadable.append(Unreadable(EntityId.parse(found.address), str(error)))
        return Page(items, page.next, unreadable)

    def changes(
        self, after: Position | None = None, *, follow: bool = True
    ) -> Iterator[Change]:
        """Every event of the store beyond *after*, in the store's order, then those to come."""
        return followed_changes(self._transport, checked_position(after), follow=follow)

    def purge_history(
        self,
        entity_id: EntityId | str,
        *,
        up_to_version: int | None = None,
        before: datetime | timedelta | None = None,
        keep: int | None = None,
    ) -> int:
        """Forget an entity's old events, in small steps while it is in use."""
        if isinstance(before, timedelta):
            before = datetime.now(UTC) - before
        dropped: int = self._ask(
            wire.PurgeHistory(
                target=str(entity_id), up_to_version=up_to_version, before=before, keep=keep
            ),
            int,
        )
        return dropped

    # ---- orchestrations -------------------------------------------------------------------

    @property
    def waits(self) -> RemoteWaits:
        """Lets references wait."""
        return self._waits

    def read_instance(
        self, instance_id: str, *, fetch_input: bool = False
    ) -> OrchestrationState | None:
        """How an orchestration was at its last commit; ``None`` when there is none."""
        ask = wire.Instance(instance_id=instance_id, fetch_input=fetch_input)
        found: OrchestrationState | None = self._ask(ask, OrchestrationState | None)
        return found

    def read_events(self, instance_id: str) -> Iterator[InstanceEvent]:
        """The history of an orchestration's present generation."""
        return iter(read(self.export_instance(instance_id), Exported).events)

    def export_instance(self, instance_id: str) -> bytes:
        """The same by itself, as JSON."""
        return self._transport.ask(wire.Export(instance_id=checked_instance_id(instance_id)))

    def running_activities(self, instance_id: str) -> list[RunningActivity]:
        """The attempts of its activities that are at work now."""
        found: list[RunningActivity] = self._ask(
            wire.Activities(instance_id=instance_id), list[RunningActivity]
        )
        return found

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
        ask = wire.Query(
            statuses=statuses,
            created_from=created_from,
            created_to=created_to,
            prefix=prefix,
            name=name,
            tags=None if tags is None else dict(tags),
            parent=parent,
            custom_status=custom_status,
            after=after,
            limit=checked_limit(limit),
            fetch_input=fetch_input,
            fetch_output=fetch_output,
        )
        page: OrchestrationPage = self._ask(ask, OrchestrationPage)
        return page

    def count(self, *, prefix: str = "", name: str | None = None) -> dict[str, int]:
        """How many orchestrations there are of each runtime status."""
        counts: dict[str, int] = self._ask(wire.Count(prefix=prefix, name=name), dict[str, int])
        return counts

    def why(self, address: str | EntityId) -> list[Reason]:
        """What an entity or an orchestration waits for, in words."""
        reasons: list[Reason] = self._ask(wire.Why(address=str(address)), list[Reason])
        return reasons

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
        if timeout is not None:
            check_seconds(timeout)
        until = None if timeout is None else time.monotonic() + timeout
        deleted = 0
        while True:
            left = wire.WAIT_SECONDS if until is None else until - time.monotonic()
            ask = wire.PurgeMany(
                created_from=created_from,
                created_to=created_to,
                statuses=statuses,
                recursive=recursive,
                seconds=min(max(left, 0.0), wire.WAIT_SECONDS),
            )
            result: PurgeResult = self._ask(ask, PurgeResult)
            deleted += result.deleted
            if result.is_complete or (until is not None and time.monotonic() >= until):
                return PurgeResult(deleted, result.is_complete)

    def orchestrate(self, command: bytes) -> bytes:
        """Do what the command line asks about an orchestration."""
        return perform(self, command)

    # ---- upkeep ---------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """How the node is: what is active, what waits, whether the store works."""
        told: dict[str, Any] = self._ask(wire.Status(), dict[str, Any])
        return told

    def verify(self) -> Iterator[Finding]:
        """What is wrong with the store: damage, kinds that no class handles, and what the
        server's classes cannot read; the first thousand.
        """
        found: list[Finding] = self._ask(wire.Verify(run=_new_id()), list[Finding])
        return iter(found)

    def quarantine(self) -> Iterator[QuarantineRow]:
        """Messages that could not be processed, oldest first, each with its reason."""

        def page(after: int) -> list[QuarantineRow]:
            ask = wire.Quarantine(after=after, limit=QUARANTINE_PAGE)
            found: list[QuarantineRow] = self._ask(ask, list[QuarantineRow])
            return found

        return _following(page(0), lambda row: page(row.id))

    def redrive(self, message_id: int) -> bool:
        """Try a quarantined message again; false when there is no such message."""
        return bool(self._ask(wire.Redrive(id=message_id), bool))

    def discard(self, message_id: int) -> bool:
        """Forget a quarantined message; false when there is no such message."""
        return bool(self._ask(wire.Discard(id=message_id), bool))

    def backup(self, path: str) -> None:
        """Copy the store into a new file at *path*, here, while it is in use.

        Raises:
            StoreOpenError: the file exists or cannot be written, or the store is in memory.
        """
        with finished_as(path) as unfinished, open(unfinished, "wb") as file:
            self._transport.run(self._transport.fetch(wire.Backup(), file.write))
            file.flush()
            os.fsync(file.fileno())

    def close(self, timeout: float = limits.DRAIN_SECONDS) -> bool:
        """Hand over what is on its way within *timeout* seconds, and close the connections."""
        check_seconds(timeout)
        _, left = wait(tuple(self._under_way), timeout)
        self._transport.close()
        return not left


async def _resolve(reply: Reply[Any], delivery: Coroutine[Any, Any, bytes]) -> None:
    """Let those who wait for *reply* know what came of it."""
    outcome: Outcome | BaseException
    try:
        outcome = Outcome(msgspec.Raw(await delivery))
    except PerdureError as error:
        outcome = error
    except CancelledError:
        outcome = NodeClosedError(
            f"the client was closed before {reply.target} answered request {reply.request_id!r}"
        )
    reply.resolve(outcome)


def _following(first: list[Any], page: Callable[[Any], list[Any]]) -> Iterator[Any]:
    """All of a list that is read page by page, behind the last of each."""
    found = first
    while found:
        yield from found
        found = page(found[-1])


def _new_id() -> str:
    return uuid.uuid4().hex


def _now_micros() -> int:
    return time.time_ns() // 1_000
