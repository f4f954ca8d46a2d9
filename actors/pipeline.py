"""Pipelines: many signals on their way at once, durable when the block ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, overload

import attrs

from perdure.actors import limits
from perdure.actors.definition import EntityDefinition
from perdure.actors.ids import EntityId
from perdure.actors.messages import Message
from perdure.actors.refs import PipelineRef
from perdure.actors.replies import Reply
from perdure.errors import MailboxFullError, PerdureError

E = TypeVar("E")


class Origin(Protocol):
    """The client whose pipeline it is."""

    def new_id(self) -> str:
        """A request id nobody used before."""
        ...

    def now_micros(self) -> int:
        """The clock."""
        ...

    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known of a registered kind."""
        ...

    def send_chunk(self, messages: list[Message]) -> Reply[Any]:
        """Send signals together; the reply comes when all are durable."""
        ...


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


class EntityPipeline:
    """Signals sent without waiting for each; ``with client.pipeline() as p``.

    Memory stays flat: after 10,000 signals on their way, the next one waits for earlier ones.

    Attributes:
        failures: what was refused; the block's end raises the first one's error.
        sent: how many signals were handed over.
    """

    def __init__(self, client: Origin) -> None:
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
        if len(self._waiting) >= limits.PIPELINE_MESSAGES // limits.PIPELINE_CHUNK:
            self._wait_for_oldest()
        self._waiting.append((self._client.send_chunk(chunk), chunk))
        self.sent += len(chunk)

    def _wait_for_oldest(self) -> None:
        ack, chunk = self._waiting.popleft()
        try:
            ack.get()
        except PerdureError as error:
            request_ids = error.request_ids if isinstance(error, MailboxFullError) else ()
            request_ids = request_ids or tuple(message.request_id for message in chunk)
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
