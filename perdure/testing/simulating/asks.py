"""Requests of clients in a simulated world: sent, lost, sent again, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, Protocol

import attrs

from perdure.actors.messages import Chunk, Message
from perdure.actors.replies import Reply
from perdure.errors import (
    InvalidInputError,
    OperationFailedError,
    OutcomeUnknownError,
    PerdureError,
    RowRejectedError,
)
from perdure.orchestration.client import EmbeddedClient

PAUSE_MICROS = 100_000
"""How long a client waits before it sends again what was not accepted."""
NEVER = 1 << 62
"""The step at which a request ends that has no outcome."""


class Host(Protocol):
    """What a request asks of its world."""

    client: EmbeddedClient

    @property
    def steps(self) -> int:
        """How many things have happened."""
        ...

    def remembers(self, request_id: str) -> bool:
        """Whether the store knows the outcome of a request."""
        ...

    def broken(self, promise: str) -> None:
        """A promise was broken."""


class _Sent:
    """Stands in for a reply: what was asked is looked at later."""

    def get(self, timeout: float | None = None) -> None:
        """Do not wait."""


class Asking(EmbeddedClient):
    """The client as a scenario sees it: it notes what is sent, and nothing waits for it."""

    def __init__(self, client: EmbeddedClient, request_id: str) -> None:
        super().__init__(
            client.node,
            client._definitions,  # noqa: SLF001 - it is the same client
            client._resolve,  # noqa: SLF001
            client.programs,
            client._processes,  # noqa: SLF001
        )
        self._waits = client.waits
        self.new_id = lambda: request_id
        self.sent: list[tuple[Message, Callable[[bytes], Any] | None]] = []

    def send_signal(self, message: Message) -> None:
        """Note a signal."""
        self.sent.append((message, None))

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Any:
        """Note a call."""
        self.sent.append((message, decode))
        return _Sent()


@attrs.define(eq=False)
class Ask:
    """One request, which is sent again until it has an outcome.

    Attributes:
        name: what the scenario calls it.
        outcome: empty while there is none; ``acknowledged``; ``refused``: it raised, and left
            nothing; ``uncertain``: it was not to be sent again, and its outcome is lost.
        result: what it was answered with.
        error: why it was refused.
        began: the step at which it was sent first.
        ended: the step at which its outcome came; a step that never comes while there is none.
    """

    world: Host = attrs.field(repr=False)
    name: str
    repeats: bool
    again: bool = attrs.field(repr=False)
    message: Message = attrs.field(repr=False)
    decode: Callable[[bytes], Any] | None = attrs.field(repr=False)
    outcome: str = ""
    result: Any = None
    error: PerdureError | None = None
    began: int = 0
    ended: int = NEVER
    reply: Reply[Any] | None = attrs.field(default=None, repr=False)
    _again_micros: int | None = None

    @property
    def request_id(self) -> str:
        """What names it."""
        return self.message.request_id

    @property
    def answered(self) -> bool:
        """Whether what was sent last has an answer, of whatever kind."""
        return self.reply is not None and self.reply.done

    def send(self) -> None:
        """Send it, or send it again."""
        self._again_micros = None
        client, message = self.world.client, self._copy()
        if self.decode is not None:
            reply = client.send_call(message, self.decode)
        else:
            waiter = client.node.world
            reply = Reply(waiter, message.target, message.operation, message.request_id)
            client.node.submit(Chunk([message], reply))
        self.reply = reply
        reply.when_resolved(lambda: self._resolved(reply))

    def _copy(self) -> Message:
        message = copy(self.message)  # what is sent becomes the engine's
        message.chosen = self.again
        return message

    def _resolved(self, reply: Reply[Any]) -> None:
        """An outcome leaves the engine: by now the store has it, or it left too early."""
        if reply is not self.reply or self.outcome:
            return
        self.ended = self.world.steps
        try:
            reply.get(0)
        except OperationFailedError:
            pass
        except PerdureError:
            return
        if self.repeats and not self.world.remembers(self.request_id):
            self.world.broken(f"{self.name} was answered before its outcome was durable")

    def look(self) -> None:
        """Take note of the outcome, if there is one; send it again when it is time for that."""
        if self._again_micros is not None:
            if self.world.client.now_micros() >= self._again_micros:
                self.send()
            return
        if self.outcome or self.reply is None or not self.reply.done:
            return
        try:
            result = self.reply.get(0)
        except OutcomeUnknownError:
            self.again = True  # as long as this process lives any id is safe to repeat
            self.lost()
        except (OperationFailedError, RowRejectedError) as error:
            self.outcome, self.error = "refused", error
        except PerdureError:
            self.lost()
        else:
            self.outcome, self.result = "acknowledged", result

    def crashed(self) -> None:
        """The process that it was sent to has ended."""
        if self._again_micros is None:
            self.look()
        if not self.outcome:
            self.again = self.repeats
            self.lost()

    def lost(self) -> None:
        """Its outcome is lost: it is sent again, if that is safe."""
        self.ended, self._again_micros = NEVER, None
        if self.again:
            self._again_micros = self.world.client.now_micros() + PAUSE_MICROS
        else:
            self.outcome, self.reply = "uncertain", None


def prepared(
    world: Host,
    send: Callable[[EmbeddedClient], object],
    request_id: str,
    name: str,
    repeats: bool,
) -> Ask:
    """The one message that *send* sends, to be sent and looked after.

    Raises:
        InvalidInputError: it sends none, or several.
    """
    asking = Asking(world.client, request_id)
    send(asking)
    if len(asking.sent) != 1:
        msg = f"{name} sends {len(asking.sent)} messages; ask once for each"
        raise InvalidInputError(msg)
    [(message, decode)] = asking.sent
    name = name or f"{message.operation} {message.target}"
    return Ask(world, name, repeats, repeats, message, decode)
