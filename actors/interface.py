"""What a program asks of entities, wherever their store is: in this process, or elsewhere.

The clients derive from it: what only makes messages is here, once; what reaches the store is
theirs. References ask the same interface, so they are the same for each client.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar, overload

from perdure.actors import limits
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.messages import Message
from perdure.actors.pipeline import EntityPipeline
from perdure.actors.reads import Reads
from perdure.actors.refs import CallRef
from perdure.actors.replies import Reply
from perdure.actors.snapshots import Change, EntitySnapshot, Page, Position
from perdure.actors.verification import Finding
from perdure.actors.watching import Watch
from perdure.storage.records import QuarantineRow

E = TypeVar("E")


class EntityRef(CallRef[E], Reads[E]):
    """One entity, as a client sees it: signal it, call it, read it, look at its past."""

    __slots__ = ("_client",)

    def __init__(
        self,
        client: EntityInterface,
        entity_id: EntityId,
        definition: EntityDefinition | None,
        request_id: str | None = None,
        at: datetime | timedelta | None = None,
    ) -> None:
        super().__init__(client, entity_id, definition, request_id, at)
        self._client = client

    @property
    def _source(self) -> EntityInterface:
        return self._client

    def options(
        self, *, request_id: str | None = None, at: datetime | timedelta | None = None
    ) -> EntityRef[E]:
        """The same entity with options for its next messages.

        Args:
            request_id: names the request; repeated within seven days it is applied once.
            at: a signal's time: an aware datetime, a naive one in UTC, or a duration from now.
        """
        if request_id is not None:
            checked_name("request id", request_id)
        client = self._client
        return EntityRef(client, self.id, client.definition_of(self.id.kind), request_id, at)


class EntityInterface(ABC):
    """Sends to entities, and reads what is committed.

    It may be used by all threads, and by coroutines. Leaving its ``with`` block closes it.

    Attributes:
        new_id: gives a request id nobody used before.
        now_micros: the clock, in microseconds since 1970 UTC.
    """

    def __init__(self, new_id: Callable[[], str], now_micros: Callable[[], int]) -> None:
        self.new_id = new_id
        self.now_micros = now_micros

    # ---- what references and pipelines ask ------------------------------------------------

    @abstractmethod
    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known of a registered kind.

        Raises:
            UnknownEntityError: no such kind is registered.
        """

    @abstractmethod
    def send_signal(self, message: Message) -> None:
        """Send one signal and wait until it is durable (references call this)."""

    @abstractmethod
    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        """Send one call (references call this)."""

    @abstractmethod
    def send_chunk(self, messages: list[Message]) -> Reply[Any]:
        """Send signals together (pipelines do); the reply comes when all are durable."""

    @abstractmethod
    def read_entity(self, entity_id: EntityId) -> EntitySnapshot[Any] | None:
        """One entity as it is now."""

    @abstractmethod
    def read_history(self, entity_id: EntityId, after_version: int) -> Iterator[HistoryEvent]:
        """The events of one entity beyond a version."""

    @abstractmethod
    def read_past(self, entity_id: EntityId, moment: int | datetime) -> bytes | None:
        """The state of one entity at a version or a time, as JSON."""

    @abstractmethod
    def watch_entity(self, entity_id: EntityId) -> Watch[Any]:
        """The states of one entity as they come."""

    # ---- entities -------------------------------------------------------------------------

    @overload
    def entity(self, kind: type[E], key: str) -> EntityRef[E]: ...
    @overload
    def entity(self, kind: str | Callable[..., Any], key: str) -> EntityRef[Any]: ...
    def entity(self, kind: Any, key: str) -> EntityRef[Any]:
        """A reference to one entity; the entity need not exist.

        Args:
            kind: its class, its function, or its kind's name.
            key: which one: 1 to 256 characters, compared byte for byte.

        Raises:
            UnknownEntityError: no such kind is registered.
            InvalidIdError: the key breaks the rules.
        """
        definition = self.definition_of(kind)
        return EntityRef(self, EntityId(definition.kind, key), definition)

    def pipeline(self) -> EntityPipeline:
        """Send many signals without waiting for each; durable when the block ends."""
        return EntityPipeline(self)

    @abstractmethod
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
        """Entities that have a state, in byte order of their addresses.

        Args:
            kind: only of this class, function or name.
            prefix: only keys that begin so; needs *kind*.
            after: a page's ``next``, for the one behind it.
            limit: of entities in one page, 1 to 1,000.
            modified_from: only those changed at that time or later; an aware datetime.
            modified_to: only those changed at that time or before.
        """

    @abstractmethod
    def changes(
        self, after: Position | None = None, *, follow: bool = True
    ) -> Iterator[Change]:
        """Every event of the store beyond *after*, in the store's order, then those to come.

        It ends when the client is closed.

        Args:
            after: the position of the last change that was handled; ``None``: from the first.
            follow: wait for more at the end; else stop there.
        """

    @abstractmethod
    def purge_history(
        self,
        entity_id: EntityId | str,
        *,
        up_to_version: int | None = None,
        before: datetime | timedelta | None = None,
        keep: int | None = None,
    ) -> int:
        """Forget an entity's old events, in small steps while it is in use.

        Its state behind what goes is kept first, as the beginning of what remains. Whole turns
        go (up to a hundred messages handled in a row), so a few events more may be left.

        Args:
            entity_id: whose; as text ``@kind@key``.
            up_to_version: events up to and including this version.
            before: events from before a time (a naive one is in UTC), or older than an age.
            keep: all but the newest so many.

        Returns:
            How many turns were dropped.

        Raises:
            InvalidInputError: not exactly one of the three is given, or it cannot be meant.
            CorruptionError, DecodingError, UnknownEventError: the state behind what goes cannot
                be found; ``keep=0`` works all the same, as it takes the present one.
        """

    # ---- upkeep ---------------------------------------------------------------------------

    @abstractmethod
    def status(self) -> dict[str, Any]:
        """How the node is: what is active, what waits, whether the store works."""

    @abstractmethod
    def verify(self) -> Iterator[Finding]:
        """What is wrong with the store: damage, kinds that no class handles, and what today's
        classes cannot read.
        """

    @abstractmethod
    def quarantine(self) -> Iterator[QuarantineRow]:
        """Messages that could not be processed, oldest first, each with its reason."""

    @abstractmethod
    def redrive(self, message_id: int) -> bool:
        """Try a quarantined message again; false when there is no such message.

        Raises:
            WrongStatusError: it is a call from a critical section that is over.
        """

    @abstractmethod
    def discard(self, message_id: int) -> bool:
        """Forget a quarantined message; false when there is no such message.

        Who waits for what it would have led to is told that it has failed.
        """

    @abstractmethod
    def backup(self, path: str) -> None:
        """Copy the store into a new file at *path* while it is in use.

        Raises:
            StoreOpenError: the file exists or cannot be written.
        """

    @abstractmethod
    def close(self, timeout: float = limits.DRAIN_SECONDS) -> bool:
        """Take nothing more, finish what is in hand within *timeout* seconds, and close.

        Returns:
            Whether nothing was left in hand.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
