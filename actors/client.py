"""The client: what ``with app.open(path) as client`` gives to the program's other code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from perdure.actors import limits
from perdure.actors.context import to_micros
from perdure.actors.control_server import ControlServer
from perdure.actors.definition import EntityDefinition
from perdure.actors.history import HistoryEvent
from perdure.actors.ids import EntityId, near_name
from perdure.actors.interface import EntityInterface
from perdure.actors.messages import Chunk, Message
from perdure.actors.node import Node
from perdure.actors.purging import CUT_TURNS, chosen_turns, next_base
from perdure.actors.reads import events_beyond, state_as_of
from perdure.actors.replies import Reply
from perdure.actors.snapshots import (
    Change,
    EntitySnapshot,
    Page,
    Position,
    checked_limit,
    checked_position,
    page_of,
    snapshot_of,
)
from perdure.actors.upkeep import Upkeep
from perdure.actors.verification import Finding, verify
from perdure.actors.watching import CommitWatch, follow_changes
from perdure.errors import InvalidInputError, UnknownEntityError
from perdure.storage.records import BaseRow


class EntityClient(Upkeep, EntityInterface):
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
        Upkeep.__init__(self, node, sorted(definitions))
        EntityInterface.__init__(self, node.new_id, node.world.now_micros)
        self._definitions = definitions
        self._resolve = resolve
        self._control: ControlServer | None = None

    def __repr__(self) -> str:
        state = "closed" if self.node.closed else "open"
        return f"<{type(self).__name__} of {self.node.store.location!r}, {state}>"

    # ---- entities -----------------------------------------------------------------------

    def definition_of(self, kind: Any) -> EntityDefinition:
        """What is known of a registered kind.

        Raises:
            UnknownEntityError: no such kind is registered.
        """
        definition = self._resolve(kind)
        if definition is None:
            known = ", ".join(sorted(self._definitions)) or "none"
            near = near_name(kind, self._definitions)
            msg = f"no entity {kind!r} is registered in this app;{near} registered: {known}"
            raise UnknownEntityError(msg)
        return definition

    def send_signal(self, message: Message) -> None:
        """Send one signal and wait until it is durable."""
        self.hand_over(message).get()

    def hand_over(self, message: Message) -> Reply[Any]:
        """Send one signal; the reply comes when it is durable."""
        reply: Reply[Any] = Reply(
            self.node.world, message.target, message.operation, message.request_id
        )
        self.node.world.refuse_inside_turn("a client's signal")
        self.node.submit(Chunk([message], reply))
        return reply

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        """Send one call."""
        self.node.world.refuse_inside_turn("a client's call")
        reply: Reply[Any] = Reply(
            self.node.world, message.target, message.operation, message.request_id, decode
        )
        message.reply = reply
        self.node.submit(message)
        return reply

    def send_chunk(self, messages: list[Message]) -> Reply[Any]:
        """Send signals together; the reply comes when all are durable."""
        self.node.world.refuse_inside_turn("a pipeline")
        ack: Reply[Any] = Reply(self.node.world, "pipeline", "signals", messages[0].request_id)
        self.node.submit(Chunk(messages, ack))
        return ack

    def read_entity(self, entity_id: EntityId) -> EntitySnapshot[Any] | None:
        """One entity as it is now."""
        self.node.check_open()
        row = self.node.store.state(str(entity_id))
        return snapshot_of(self.definition_of(entity_id.kind), row)

    def read_history(self, entity_id: EntityId, after_version: int) -> Iterator[HistoryEvent]:
        """The events of one entity beyond a version."""
        self.node.check_open()
        return events_beyond(self.node.store, entity_id, after_version)

    def read_past(self, entity_id: EntityId, moment: int | datetime) -> bytes | None:
        """The state of one entity at a version or a time, as JSON."""
        self.node.check_open()
        return state_as_of(
            self.node.store, self.definition_of(entity_id.kind), entity_id, moment
        )

    def watch_entity(self, entity_id: EntityId) -> CommitWatch[Any]:
        """The states of one entity as they come."""
        self.node.check_open()
        return CommitWatch(self.node, self.definition_of(entity_id.kind), entity_id)

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
        self.node.check_open()
        checked_limit(limit)
        start = "@" if kind is None else f"@{self.definition_of(kind).kind}@{prefix}"
        rows = self.node.store.states(
            start,
            after=after,
            limit=limit,
            modified_from=None if modified_from is None else to_micros(modified_from),
            modified_to=None if modified_to is None else to_micros(modified_to),
        )
        return page_of(self._definitions, rows, limit)

    def changes(
        self, after: Position | None = None, *, follow: bool = True
    ) -> Iterator[Change]:
        """Every event of the store beyond *after*, in the store's order, then those to come."""
        self.node.check_open()
        return follow_changes(self.node, checked_position(after), follow=follow)

    def verify(self) -> Iterator[Finding]:
        """What is wrong with the store: damage, kinds that no class handles, and what today's
        classes cannot read.
        """
        self.node.check_open()
        return verify(self.node.store, self._definitions)

    def purge_history(
        self,
        entity_id: EntityId | str,
        *,
        up_to_version: int | None = None,
        before: datetime | timedelta | None = None,
        keep: int | None = None,
    ) -> int:
        """Forget an entity's old events, in small steps while it is in use."""
        if isinstance(entity_id, str):
            entity_id = EntityId.parse(entity_id)
        self.node.check_open()
        definition = self.definition_of(entity_id.kind)
        store, stream = self.node.store, str(entity_id)
        is_old = chosen_turns(
            stream,
            version=store.load([stream], 0)[stream].version,
            now_micros=self.now_micros(),
            up_to_version=up_to_version,
            before=before,
            keep=keep,
        )
        dropped = 0
        while base := next_base(store, definition, stream, is_old):
            step = self._drop(base)
            dropped += step
            if step < CUT_TURNS:
                break
        return dropped

    def _drop(self, base: BaseRow) -> int:
        step: int = self.node.maintain(lambda s: s.purge_history(base, limit=CUT_TURNS))
        return step

    # ---- life ---------------------------------------------------------------------------

    def serve_control(self, path: str) -> None:
        """Let the command line reach this node, over a socket at *path*, until it closes.

        Raises:
            OSError: there can be no socket at that place.
        """
        assert self._control is None
        self._control = ControlServer.start(self, path)

    def orchestrate(self, command: bytes) -> bytes:
        """Do what the command line asks about an orchestration (the control socket calls this).

        Raises:
            InvalidInputError: here are only entities.
        """
        msg = f"{command[:80]!r}: this client has no orchestrations; open a perdure.App"
        raise InvalidInputError(msg)

    def close(self, timeout: float = limits.DRAIN_SECONDS) -> bool:
        """Take nothing more, finish what is in hand within *timeout* seconds, and close.

        Returns:
            Whether nothing was left in hand; what was left goes on when the store is opened.
        """
        if self._control is not None:
            self._control.stop()
        clean = self.node.close(timeout)
        if self._control is not None:
            self._control.wait_for_answers(1.0)
        return clean
