"""Requests of clients in the simulated scenario: sent, lost, repeated; what came of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from perdure.actors.messages import Message
from perdure.actors.node import Node
from perdure.actors.replies import Reply
from perdure.errors import (
    OperationFailedError,
    OutcomeUnknownError,
    PerdureError,
    RowRejectedError,
)
from perdure.orchestration.client import Client
from perdure.orchestration.refs import OrchestrationRef
from perdure.orchestration.waiting import Waits


class _Sent:
    """Stands in for a reply: what was asked is looked at later."""

    def get(self, timeout: float | None = None) -> None:
        """Do not wait."""


@attrs.define(eq=False)
class Ask:
    """One request of a client.

    Attributes:
        kind: what was asked.
        instance: whom.
        mark: of an event.
        chosen: the id is one to repeat it with, even by another process.
        outcome: ``acknowledged``, ``refused``, ``uncertain``; empty while it is not known.
    """

    kind: str
    instance: str
    chosen: bool
    mark: str = ""
    message: Message | None = None
    reply: Reply[Any] | None = None
    outcome: str = ""

    def send(self, client: Client) -> None:
        """Send it, or send it again."""
        assert self.message is not None
        self.reply = client.send_call(_copy(self.message), _ignore)

    def look(self, client: Client) -> None:
        """Take note of the outcome, if there is one."""
        if self.outcome or self.reply is None or not self.reply.done:
            return
        try:
            self.reply.get(timeout=0)
        except OutcomeUnknownError:
            self.lost(client)
        except (OperationFailedError, RowRejectedError):
            self.outcome = "refused"
        except PerdureError:
            self.lost(client)
        else:
            self.outcome = "acknowledged"

    def lost(self, client: Client) -> None:
        """There is no outcome; a chosen id makes it safe to ask again."""
        if self.chosen:
            self.send(client)
        else:
            self.outcome = "uncertain"


@attrs.define(eq=False)
class Asking:
    """The client as a reference sees it, for which nothing waits."""

    client: Client
    ask: Ask
    number: int
    node: Node = attrs.field(init=False)
    waits: Waits = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node, self.waits = self.client.node, self.client.waits

    def new_id(self) -> str:
        """A request id."""
        return f"ask-{self.number}" if self.ask.chosen else self.client.new_id()

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Any:
        """Send it without waiting."""
        message.chosen = self.ask.chosen
        self.ask.message = message
        self.ask.send(self.client)
        return _Sent()

    def read_instance(self, instance_id: str, *, fetch_input: bool) -> Any:
        """How it is."""
        return self.client.read_instance(instance_id, fetch_input=fetch_input)

    def ref(self) -> OrchestrationRef[Any]:
        """The orchestration, to be asked."""
        asking: Any = self  # a restart reads the instance; nothing else is read
        return OrchestrationRef(asking, self.ask.instance)


def _ignore(_: bytes) -> None:
    """Read nothing."""


def _copy(message: Message) -> Message:
    return Message(
        target=message.target,
        operation=message.operation,
        input=message.input,
        form=message.form,
        request_id=message.request_id,
        chosen=message.chosen,
    )
