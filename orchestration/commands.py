"""What a node is asked about orchestrations from another process, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from perdure.actors.answers import NULL
from perdure.actors.control import CALL_SECONDS_LIMIT
from perdure.errors import InvalidInputError
from perdure.orchestration.refs import OrchestrationRef
from perdure.orchestration.status import PurgeResult


class Command(msgspec.Struct, tag_field="do", kw_only=True, forbid_unknown_fields=True):
    """One thing to do."""


class Start(Command, tag="start", kw_only=True):
    """Start an orchestration; answered with its id."""

    name: str
    instance_id: str
    request_id: str | None = None
    input: msgspec.Raw = NULL
    at: datetime | None = None
    version: str | None = None
    tags: dict[str, str] = {}


class Result(Command, tag="result", kw_only=True):
    """Wait for its end; answered with its result."""

    instance_id: str
    timeout_seconds: float


class RaiseEvent(Command, tag="raise_event", kw_only=True):
    """Raise an external event."""

    instance_id: str
    name: str
    request_id: str | None = None
    data: msgspec.Raw = NULL


class Terminate(Command, tag="terminate", kw_only=True):
    """End it at once."""

    instance_id: str
    output: msgspec.Raw = NULL
    recursive: bool = True


class Ask(Command, tag="ask", kw_only=True):
    """Cancel, suspend, resume or rewind it."""

    instance_id: str
    what: str
    reason: str = ""


class Restart(Command, tag="restart", kw_only=True):
    """Start it again; answered with the id."""

    instance_id: str
    new_instance_id: str | None = None


class Purge(Command, tag="purge", kw_only=True):
    """Forget a finished one."""

    instance_id: str
    recursive: bool = True


class PurgeAll(Command, tag="purge_all", kw_only=True):
    """Forget the finished ones that fit; answered with how many there were."""

    statuses: list[str] = []
    created_from: datetime | None = None
    created_to: datetime | None = None
    recursive: bool = True


AnyCommand = Start | Result | RaiseEvent | Terminate | Ask | Restart | Purge | PurgeAll
encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(AnyCommand).decode
_plain = msgspec.json.Decoder().decode


class Commanded(Protocol):
    """What a command needs of a client."""

    def start(
        self,
        orchestrator: str,
        input: Any,
        *,
        instance_id: str,
        start_at: datetime | None,
        version: str | None,
        tags: dict[str, str],
        request_id: str | None,
    ) -> OrchestrationRef[Any]:
        """Start one."""
        ...

    def orchestration(self, instance_id: str) -> OrchestrationRef[Any]:
        """Refer to one."""
        ...

    def purge_orchestrations(
        self,
        *,
        created_from: datetime | None,
        created_to: datetime | None,
        statuses: list[str],
        recursive: bool,
    ) -> PurgeResult:
        """Forget finished ones."""
        ...


def perform(client: Commanded, data: bytes) -> bytes:
    """Do what is asked; the answer as JSON.

    Raises:
        InvalidInputError: it is no command that this version knows.
        PerdureError: it cannot be done.
    """
    try:
        command: AnyCommand = _read(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the request is not understood: {error}; use the same perdure on both sides"
        raise InvalidInputError(msg) from error
    return encode(_do(client, command))


def _value(given: msgspec.Raw) -> Any:
    try:
        return _plain(given)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the request holds what is not JSON: {error}"
        raise InvalidInputError(msg) from error


def _do(client: Commanded, command: AnyCommand) -> Any:
    if isinstance(command, Start):
        return client.start(
            command.name,
            _value(command.input),
            instance_id=command.instance_id,
            start_at=command.at,
            version=command.version,
            tags=command.tags,
            request_id=command.request_id,
        ).id
    if isinstance(command, PurgeAll):
        return client.purge_orchestrations(
            created_from=command.created_from,
            created_to=command.created_to,
            statuses=command.statuses,
            recursive=command.recursive,
        ).deleted
    ref = client.orchestration(command.instance_id)
    match command:
        case Result():
            return ref.result(min(command.timeout_seconds, CALL_SECONDS_LIMIT))
        case RaiseEvent():
            return ref.raise_event(
                command.name, _value(command.data), request_id=command.request_id
            )
        case Terminate():
            return ref.terminate(_value(command.output), recursive=command.recursive)
        case Restart():
            return ref.restart(new_instance_id=command.new_instance_id).id
        case Purge():
            return ref.purge(recursive=command.recursive)
        case Ask():
            return _ask(ref, command)


def _ask(ref: OrchestrationRef[Any], command: Ask) -> None:
    asks = {
        "cancel": ref.cancel,
        "suspend": ref.suspend,
        "resume": ref.resume,
        "rewind": ref.rewind,
    }
    if command.what not in asks:
        msg = f"an orchestration cannot be asked to {command.what!r}; use {', '.join(asks)}"
        raise InvalidInputError(msg)
    asks[command.what](command.reason)
