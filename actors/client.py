"""The client: what ``with app.open(path) as client`` gives to the program's other code."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import attrs

from perdure.actors import limits
from perdure.actors.definition import EntityDefinition
from perdure.actors.ids import EntityId, checked_name
from perdure.actors.messages import Chunk, Message
from perdure.actors.node import Node
from perdure.actors.reads import Reads
from perdure.actors.refs import CallRef, PipelineRef
from perdure.actors.replies import Reply
from perdure.actors.upkeep import Upkeep
from perdure.errors import PerdureError, UnknownEntityError

E = TypeVar("E")


class EntityRef(CallRef[E], Reads[E]):
    """One entity, as a client sees it: signal it, call it, read it, look at its past."""

    __slots__ = ("_client",)

    def __init__(
        self,
        client: Client,
        entity_id: EntityId,
        definition: EntityDefinition | None,
        request_id: str | None = None,
        at: datetime | timedelta | None = None,
    ) -> None:
        super().__init__(client, entity_id, definition, request_id, at)
        self._client = client

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
        definition = self._client.definition_of(self.id.kind)
        return EntityRef(self._client, self.id, definition, request_id, at)


class Client(Upkeep):
    """Sends to entities of one open store and reads what is committed there.

    It may be used by all threads, and by coroutines. Leaving its ``with`` block closes the
    store after what is in hand has been done.
    """

    def __init__(
        self,
        node: Node,
        definitions: Mapping[str, EntityDefinition],
        resolve: Callable[[Any], EntityDefinition | None],
    ) -> None:
        super().__init__(node)
        self._definitions = definitions
        self._resolve = resolve
        self.new_id = node.new_id
        self.now_micros = node.world.now_micros

    # ---- entities -----------------------------------------------------------------------

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

    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known of a registered kind.

        Raises:
            UnknownEntityError: no such kind is registered.
        """
        definition = self._resolve(kind)
        if definition is None:
            known = ", ".join(sorted(self._definitions)) or "none"
            msg = f"no entity {kind!r} is registered in this app; registered: {known}"
            raise UnknownEntityError(msg)
        return definition

    def send_signal(self, message: Message) -> None:
        """Send one signal and wait until it is durable (references call this)."""
        reply: Reply[Any] = Reply(
            self.node.world, message.target, message.operation, message.request_id
        )
        self.node.world.refuse_inside_turn("a client's signal")
        self.node.submit(Chunk([message], reply))
        reply.get()

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        """Send one call (references call this)."""
        reply: Reply[Any] = Reply(
            self.node.world, message.target, message.operation, message.request_id, decode
        )
        message.reply = reply
        self.node.submit(message)
        return reply

    def pipeline(self) -> Pipeline:
        """Send many signals without waiting for each; durable when the block ends."""
        return Pipeline(self)

    # ---- life ---------------------------------------------------------------------------

    def close(self, timeout: float = limits.DRAIN_SECONDS) -> None:
        """Take nothing more, finish what is in hand within *timeout* seconds, close the store."""
        self.node.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@attrs.frozen
class PipelineFailure:
    """Signals that a pipeline could not deliver.

    Attributes:
        request_ids: of those signals; after OutcomeUnknownError each may be repeated with its
            id, and is applied once at most.
        error: why.
    """

    request_ids: tuple[str, ...]
    error: PerdureError


class Pipeline:
    """Signals sent without waiting for each; ``with client.pipeline() as p``.

    Memory stays flat: after 10,000 signals on their way, the next one waits for earlier ones.

    Attributes:
        failures: what was refused; the block's end raises the first one's error.
        sent: how many signals were handed over.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._chunk: list[Message] = []
        self._waiting: deque[tuple[Reply[Any], list[Message]]] = deque()
        self.new_id = client.new_id
        self.now_micros = client.now_micros
        self.failures: list[PipelineFailure] = []
        self.sent = 0

    @overload
    def entity(self, kind: type[E], key: str) -> PipelineRef[E]: ...
    @overload
    def entity(self, kind: str | Callable[..., Any], key: str) -> PipelineRef[Any]: ...
    def entity(self, kind: Any, key: str) -> PipelineRef[Any]:
        """A reference to one entity whose signals go through this pipeline."""
        definition = self._client.definition_of(kind)
        return PipelineRef(self, EntityId(definition.kind, key), definition)

    def send_signal(self, message: Message) -> None:
        """Add one signal (references call this)."""
        self._chunk.append(message)
        if len(self._chunk) >= limits.PIPELINE_CHUNK:
            self.flush()

    def flush(self) -> None:
        """Hand over what was added so far, without waiting for the disk."""
        if not self._chunk:
            return
        chunk, self._chunk = self._chunk, []
        node = self._client.node
        node.world.refuse_inside_turn("a pipeline")
        if len(self._waiting) >= limits.PIPELINE_MESSAGES // limits.PIPELINE_CHUNK:
            self._wait_for_oldest()
        ack: Reply[Any] = Reply(node.world, "pipeline", "signals", chunk[0].request_id)
        node.submit(Chunk(chunk, ack))
        self._waiting.append((ack, chunk))
        self.sent += len(chunk)

    def _wait_for_oldest(self) -> None:
        ack, chunk = self._waiting.popleft()
        try:
            ack.get()
        except PerdureError as error:
            request_ids = tuple(message.request_id for message in chunk)
            self.failures.append(PipelineFailure(request_ids, error))

    def wait(self) -> None:
        """Hand over what was added so far and wait until all of it is durable, or refused."""
        self.flush()
        while self._waiting:
            self._wait_for_oldest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait()
        if self.failures and error is None:
            raise self.failures[0].error
