"""The client: what ``with app.open(path) as client`` gives to the program's other code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar, overload

from perdure.actors import limits
from perdure.actors.context import to_micros
from perdure.actors.control_server import ControlServer
from perdure.actors.definition import EntityDefinition
from perdure.actors.ids import EntityId, checked_name, near_name
from perdure.actors.messages import Chunk, Message
from perdure.actors.node import Node
from perdure.actors.pipeline import EntityPipeline
from perdure.actors.purging import CUT_TURNS, chosen_turns, next_base
from perdure.actors.reads import Reads
from perdure.actors.refs import CallRef
from perdure.actors.replies import Reply
from perdure.actors.snapshots import Change, Page, Position, checked_limit, page_of
from perdure.actors.upkeep import Upkeep
from perdure.actors.verification import Finding, verify
from perdure.actors.watching import follow_changes
from perdure.errors import InvalidInputError, UnknownEntityError
from perdure.storage.records import BaseRow

E = TypeVar("E")


class EntityRef(CallRef[E], Reads[E]):
    """One entity, as a client sees it: signal it, call it, read it, look at its past."""

    __slots__ = ("_client",)

    def __init__(
        self,
        client: EntityClient,
        entity_id: EntityId,
        definition: EntityDefinition | None,
        request_id: str | None = None,
        at: datetime | timedelta | None = None,
    ) -> None:
        super().__init__(client, entity_id, definition, request_id, at)
        self._client = client

    @property
    def _source(self) -> EntityClient:
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


class EntityClient(Upkeep):
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
        super().__init__(node, sorted(definitions))
        self._definitions = definitions
        self._resolve = resolve
        self.new_id = node.new_id
        self.now_micros = node.world.now_micros
        self._control: ControlServer | None = None

    def __repr__(self) -> str:
        state = "closed" if self.node.closed else "open"
        return f"<{type(self).__name__} of {self.node.store.location!r}, {state}>"

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
            near = near_name(kind, self._definitions)
            msg = f"no entity {kind!r} is registered in this app;{near} registered: {known}"
            raise UnknownEntityError(msg)
        return definition

    def send_signal(self, message: Message) -> None:
        """Send one signal and wait until it is durable (references call this)."""
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
        """Send one call (references call this)."""
        self.node.world.refuse_inside_turn("a client's call")
        reply: Reply[Any] = Reply(
            self.node.world, message.target, message.operation, message.request_id, decode
        )
        message.reply = reply
        self.node.submit(message)
        return reply

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
        """Every event of the store beyond *after*, in the store's order, then those to come.

        It ends when the client is closed.

        Args:
            after: the position of the last change that was handled; ``None``: from the first.
            follow: wait for more at the end; else stop there.
        """
        self.node.check_open()
        given: object = after
        if not isinstance(given, Position | None):
            msg = f"after={given!r} is no Position; use a change's, or Position.parse"
            raise InvalidInputError(msg)
        return follow_changes(self.node, after, follow=follow)

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

    def pipeline(self) -> EntityPipeline:
        """Send many signals without waiting for each; durable when the block ends."""
        return EntityPipeline(self)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
