"""A reference to one orchestration: what a client asks of it, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from perdure.actors.ids import checked_name
from perdure.actors.messages import Message
from perdure.actors.replies import Reply
from perdure.errors import InstanceNotFoundError, OperationFailedError
from perdure.orchestration import requests
from perdure.orchestration.checking import checked_flag, checked_text
from perdure.orchestration.definitions import encode_plain
from perdure.orchestration.faults import typed
from perdure.orchestration.history import Event, EventRaised
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.running import RunningActivity
from perdure.orchestration.status import OrchestrationState
from perdure.orchestration.waiting import Waiting, Watch

R_co = TypeVar("R_co", covariant=True)

_plain = msgspec.json.Decoder().decode


class Source(Protocol):
    """What a reference asks of its client."""

    @property
    def waits(self) -> Waiting:
        """Lets references wait."""
        ...

    def new_id(self) -> str:
        """A request id nobody used before."""
        ...

    def send_call(self, message: Message, decode: Callable[[bytes], Any]) -> Reply[Any]:
        """Send one call and return what its answer comes with."""
        ...

    def read_instance(
        self, instance_id: str, *, fetch_input: bool
    ) -> OrchestrationState | None:
        """How an orchestration was at its last commit; ``None`` when there is none."""
        ...

    def read_events(self, instance_id: str) -> Iterator[Event]:
        """The history of an orchestration's present generation."""
        ...

    def export_instance(self, instance_id: str) -> bytes:
        """The same by itself, as JSON."""
        ...

    def running_activities(self, instance_id: str) -> list[RunningActivity]:
        """The attempts of its activities that are at work now."""
        ...


class OrchestrationRef(Generic[R_co]):
    """One orchestration, as a client sees it.

    Attributes:
        id: its instance id.
    """

    __slots__ = ("_client", "_decode", "_watch", "id")

    def __init__(
        self, client: Source, instance_id: str, decode: Callable[[bytes], R_co] = _plain
    ) -> None:
        self._client = client
        self._decode = decode
        self._watch: Watch | None = None
        self.id = instance_id

    # ---- waiting --------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> R_co:
        """Its result, once it has completed; waits at most *timeout* seconds.

        Raises:
            OrchestrationFailedError: it failed, was terminated or cancelled.
            ReplyTimeoutError: it has not ended yet.
            InstanceNotFoundError: there is none.
        """
        return self._outcome().get(timeout)

    def _outcome(self) -> Reply[R_co]:
        return self._client.waits.wait(self._watched(), "result", self._decode)

    def watch(self) -> Self:
        """Take note of what is committed of it from now on; gives itself.

        Whoever then waits for it need not read the store: of use before ``pipeline.start``.
        """
        self._watched()
        return self

    def _watched(self) -> Watch:
        if self._watch is None:
            self._watch = self._client.waits.watch(self.id)
        return self._watch

    def __await__(self) -> Generator[Any, None, R_co]:
        return self._outcome().__await__()

    def wait_for_start(self, timeout: float | None = None) -> None:
        """Wait until it is no longer Pending, at most *timeout* seconds."""
        self._client.waits.wait(self._watched(), "start", _nothing).get(timeout)

    # ---- reading --------------------------------------------------------------------------

    def status(self, *, fetch_input: bool = False) -> OrchestrationState | None:
        """How it was at its last commit; ``None`` when there is none.

        Args:
            fetch_input: also read what it was started with.
        """
        return self._client.read_instance(self.id, fetch_input=fetch_input)

    def history(self) -> Iterator[Event]:
        """What happened to its present generation, and what it decided, oldest first.

        Raises:
            InstanceNotFoundError: there is none.
        """
        return self._client.read_events(self.id)

    def activities(self) -> list[RunningActivity]:
        """The attempts of its activities that are at work now, with their progress."""
        return self._client.running_activities(self.id)

    def export_history(self) -> bytes:
        """The same by itself, as JSON: what ``perdure.testing.assert_replays`` takes.

        Raises:
            InstanceNotFoundError: there is none.
        """
        return self._client.export_instance(self.id)

    # ---- asking it ------------------------------------------------------------------------

    def raise_event(
        self, name: str, data: Any = None, *, request_id: str | None = None
    ) -> None:
        """Raise an external event; durable when this returns. Case of *name* does not matter.

        Args:
            name: of the event.
            data: what it brings.
            request_id: names this request: repeated with it, even after a crash, it raises
                nothing more.

        Raises:
            InstanceNotFoundError, InstanceFinishedError: nobody will take it.
        """
        checked_name("event name", name)
        event = EventRaised(name=name, data=encode_plain(data, f"event {name}"))
        self.ask(requests.RAISE_EVENT, event, request_id)

    def terminate(self, output: Any = None, *, recursive: bool = True) -> None:
        """End it at once, its children too unless *recursive* is false.

        Running activities finish and are ignored; locks are released. Again is no error.

        Raises:
            InstanceNotFoundError, InstanceFinishedError: there is nothing to end.
        """
        data = encode_plain(output, "the output")
        self.ask(
            requests.TERMINATE, requests.Terminate(data, checked_flag("recursive", recursive))
        )

    def cancel(self, reason: str = "") -> None:
        """Have CancelledError raised where its code waits, so that it ends in its own way.

        Raises:
            InstanceNotFoundError, InstanceFinishedError: there is nothing to cancel.
        """
        self.ask(requests.CANCEL, requests.Reason(checked_text("reason", reason)))

    def suspend(self, reason: str = "") -> None:
        """Have it take note of nothing until it is resumed. Again is no error.

        Raises:
            WrongStatusError: it is Pending.
            InstanceNotFoundError, InstanceFinishedError: there is nothing to suspend.
        """
        self.ask(requests.SUSPEND, requests.Reason(checked_text("reason", reason)))

    def resume(self, reason: str = "") -> None:
        """Have a suspended one go on. Again is no error."""
        self.ask(requests.RESUME, requests.Reason(checked_text("reason", reason)))

    def rewind(self, reason: str = "") -> None:
        """Have a failed one go on from before its failure: what failed runs again.

        Raises:
            WrongStatusError: it is not Failed.
        """
        self.ask(requests.REWIND, requests.Reason(checked_text("reason", reason)))

    def restart(self, *, new_instance_id: str | None = None) -> OrchestrationRef[R_co]:
        """Start it again with its name and input, under the same id or another.

        Raises:
            InstanceAlreadyExistsError: one with that id lives.
        """
        again_id = self.id if new_instance_id is None else checked_instance_id(new_instance_id)
        state = self._client.read_instance(self.id, fetch_input=True)
        if state is None:
            msg = f"there is no orchestration {self.id!r}"
            raise InstanceNotFoundError(msg)
        start = requests.Start(
            name=state.name,
            input=encode_plain(state.input, "the input"),
            version=state.version,
            tags=dict(state.tags),
        )
        again = OrchestrationRef(self._client, again_id, self._decode)
        again.begin(start)
        return again

    def purge(self, *, recursive: bool = True) -> None:
        """Forget a finished one, with its history; nothing of it is left.

        Args:
            recursive: its children too, as far as they are finished.

        Raises:
            WrongStatusError: it is not finished.
            InstanceNotFoundError: there is none.
        """
        self.ask(requests.PURGE, requests.Purge(checked_flag("recursive", recursive)))

    def begin(self, start: requests.Start, request_id: str | None = None) -> None:
        """Start it; whoever then waits for its result need not read the store."""
        self._watched()
        self.ask(requests.START, start, request_id)

    def ask(
        self, operation: str, payload: msgspec.Struct, request_id: str | None = None
    ) -> Any:
        """Send it one of the messages of ``requests.py``, and wait for what it answers."""
        try:
            return self.send(operation, payload, request_id).get()
        except OperationFailedError as error:
            raise typed(error) from None

    def send(
        self, operation: str, payload: msgspec.Struct, request_id: str | None = None
    ) -> Reply[Any]:
        """Send it one of the messages of ``requests.py``."""
        chosen = None if request_id is None else checked_name("request id", request_id)
        message = Message(
            target=self.id,
            operation=operation,
            input=requests.encode(payload),
            form="value",
            request_id=chosen or self._client.new_id(),
            chosen=chosen is not None,
        )
        return self._client.send_call(message, _plain)

    def __repr__(self) -> str:
        return f"<OrchestrationRef {self.id}>"


def _nothing(_: bytes) -> None:
    """Read nothing."""
