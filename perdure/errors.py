"""Every error perdure raises, in one tree: catch :class:`PerdureError` for all of them.

Each docstring says what the reader should do; each message names the thing, the value and
the remedy. The fields of an error are for programs, its message is for people.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import attrs


class PerdureError(Exception):
    """The root of perdure's errors."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross processes as they are: pools and test runners pickle them."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[PerdureError], args: tuple[Any, ...], fields: dict[str, Any]
) -> PerdureError:
    """An error as it was; its initializer, which words the message, is not run again."""
    error = kind.__new__(kind, *args)
    error.args = args  # an OSError takes them in its initializer only
    error.__dict__.update(fields)
    return error


# ---- what a caller passed ---------------------------------------------------------------


class InvalidInputError(PerdureError, ValueError):
    """A value cannot be used: correct it and call again. Nothing was stored."""


class InvalidIdError(InvalidInputError):
    """An entity key, instance id or request id breaks the rules for ids."""


class EncodingError(InvalidInputError):
    """A value cannot be written as JSON that every store keeps unchanged."""


class DecodingError(InvalidInputError):
    """Stored or received JSON does not fit the type that the code asks for."""


class PayloadTooLargeError(InvalidInputError):
    """A payload is over its limit: store the data elsewhere and send a reference to it."""


class DefinitionError(PerdureError, TypeError):
    """An entity class is not well formed: change the class as the message says."""


class UnknownEntityError(PerdureError, LookupError):
    """No entity of that kind is registered: add its class to the app."""


class UnknownOperationError(PerdureError, LookupError):
    """The entity has no such operation: the message lists those it has."""


class ExtraMissingError(PerdureError, ImportError):
    """A part of perdure needs packages that an extra brings: install it, as the message says.

    Attributes:
        extra: its name.
    """

    def __init__(self, what: str, extra: str, cause: object) -> None:
        super().__init__(
            f"{what} needs the extra {extra}: pip install 'perdure[{extra}]' ({cause})"
        )
        self.extra = extra


class UnknownEventError(PerdureError, LookupError):
    """A stored event has no registered class: register it, or an upcaster for its version."""


# ---- what became of a message -----------------------------------------------------------


@attrs.frozen(kw_only=True)
class FailureDetails:
    """What a caller learns of an exception that ended an operation.

    Attributes:
        error_type: the exception's qualified class name.
        message: its text.
        stack_trace: its formatted traceback, or ``None``.
        inner_failure: of the exception that it was raised from, or ``None``.
        properties: what the exception says of itself in its ``failure_properties``.
        is_non_retriable: no retry policy tries it again.
    """

    error_type: str
    message: str
    stack_trace: str | None = None
    inner_failure: FailureDetails | None = None
    properties: Mapping[str, Any] = attrs.Factory(dict[str, Any])
    is_non_retriable: bool = False

    def is_caused_by(self, kind: type[BaseException] | str) -> bool:
        """Whether the exception, or one that it was raised from, is a *kind*.

        Args:
            kind: an exception class, or a name: qualified, as ``error_type`` is, or the last
                part of it. Subclasses are not known: only names are compared.
        """
        if isinstance(kind, str):
            wanted = kind
        elif kind.__module__ == "builtins":
            wanted = kind.__qualname__
        else:
            wanted = f"{kind.__module__}.{kind.__qualname__}"
        if self.error_type == wanted or self.error_type.rpartition(".")[2] == wanted:
            return True
        return self.inner_failure is not None and self.inner_failure.is_caused_by(kind)


def note_origin(error: PerdureError, details: FailureDetails | None) -> None:
    """Have Python show, below the traceback of *error*, where the failure came from."""
    if details is not None and details.stack_trace:
        error.add_note(f"It came from:\n{details.stack_trace.rstrip()}")


class OperationFailedError(PerdureError):
    """An entity's operation raised: its state is as before. ``details`` tells why."""

    def __init__(self, target: str, operation: str, details: FailureDetails) -> None:
        super().__init__(f"{target} {operation}: {details.error_type}: {details.message}")
        self.target = target
        self.operation = operation
        self.details = details
        note_origin(self, details)


class QuarantinedError(PerdureError):
    """The message cannot be processed and was set aside: mend the cause, then re-drive it."""


class ReadonlyViolationError(PerdureError):
    """A ``@perdure.readonly`` operation changed, recorded or sent something: all undone."""


class ReplyTimeoutError(PerdureError, TimeoutError):
    """No answer within the timeout. The operation may still happen; wait again, or repeat it
    with the same ``request_id``, which is empty for a wait for an orchestration.
    """

    def __init__(
        self, request_id: str, seconds: float, instance_id: str = "", waits_for: str = ""
    ) -> None:
        if request_id:
            text = (
                f"no answer to request {request_id!r} within {seconds} s; it may still happen: "
                f"call get() again, or repeat the call with options(request_id={request_id!r})"
            )
        else:
            done = "begun" if waits_for == "start" else "ended"
            text = (
                f"orchestration {instance_id!r} has not {done} within {seconds} s; it goes on: "
                f"wait again, or ask client.why({instance_id!r}) what it waits for"
            )
        super().__init__(text)
        self.request_id = request_id


class OutcomeUnknownError(PerdureError):
    """The commit failed in a way that leaves its outcome open: repeat with this request id,
    which is safe for seven days.
    """

    def __init__(self, request_id: str, cause: str) -> None:
        super().__init__(
            f"the outcome of request {request_id!r} is unknown ({cause}); repeat it with "
            f"options(request_id={request_id!r}): it is applied once at most"
        )
        self.request_id = request_id


class RequestMismatchError(InvalidInputError):
    """The request id was used before for something else: choose a new id."""


class MailboxFullError(PerdureError):
    """A mailbox or the node has as many waiting messages as it takes: slow down, retry.

    ``request_ids`` names the refused ones among signals that were sent together.
    """

    def __init__(self, message: str, request_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.request_ids = request_ids


class NotAllowedHereError(PerdureError, RuntimeError):
    """Waiting inside a turn could deadlock and would not be durable: send a signal instead."""


# ---- the node and its store -------------------------------------------------------------


class NodeClosedError(PerdureError):
    """The client or node is closed: open the app again."""


class StoreError(PerdureError):
    """The root of what can be wrong with a store."""


class StoreUnavailableError(StoreError):
    """The disk failed or is full: nothing is accepted until it works again; reads go on."""


class RowRejectedError(StoreError):
    """One record of a commit cannot be stored; nothing of the commit was."""


class VersionConflictError(StoreError):
    """A stream is not at the version a turn expected: another writer was there first."""


class OwnershipLostError(StoreError):
    """Another process has taken the store over: this node stops writing."""


class StoreOwnedError(StoreError):
    """Another process owns the store: stop it, or reach it through its client."""

    def __init__(self, path: str, pid: int | None) -> None:
        owner = "another process" if pid is None else f"process {pid}"
        remedy = (
            "stop it, or reach it: commands of perdure do, and perdure.connect where it serves"
        )
        if pid == os.getpid():
            owner, remedy = "this process itself", "close the client that has it open"
        super().__init__(f"store {path!r} is owned by {owner}; {remedy}")
        self.path = path
        self.pid = pid


class StoreOpenError(StoreError):
    """The store's file cannot be opened: the message says why and what helps."""


class StoreVersionError(StoreOpenError):
    """The store was written by a newer perdure: upgrade perdure."""


class CorruptionError(StoreError):
    """A checksum does not fit its row, or the file is damaged: restore a backup, or purge."""


class ForkedError(StoreError):
    """The handle was opened before ``os.fork()``: open the store again in the child."""


# ---- a server elsewhere -----------------------------------------------------------------


class ServerUnreachableError(PerdureError, ConnectionError):
    """The server cannot be reached, or hung up: see that it runs, and ask again."""


class AccessDeniedError(PerdureError, PermissionError):
    """The server does not let this client in, or do this: the token is missing, wrong, or has
    not the role that is named.
    """


class ServerAnswerError(PerdureError):
    """The answer is not understood: the URL is not that of a gateway, or its perdure is another
    version.
    """


# ---- orchestrations ---------------------------------------------------------------------


class UnknownOrchestratorError(PerdureError, LookupError):
    """No orchestrator of that name, or in that version, is registered: add it to the app."""


class UnknownActivityError(PerdureError, LookupError):
    """No activity of that name is registered: add it to the app."""


class InstanceAlreadyExistsError(PerdureError):
    """An orchestration with that instance id lives: choose another, or ``start_or_get``."""


class InstanceNotFoundError(PerdureError, LookupError):
    """There is no orchestration with that instance id."""


class ScheduleNotFoundError(PerdureError, LookupError):
    """There is no schedule with that id."""


class InstanceFinishedError(PerdureError):
    """The orchestration has ended: nothing reaches it any more."""


class WrongStatusError(PerdureError):
    """The orchestration's status does not allow that: the message says which ones do."""


class TaskFailedError(PerdureError):
    """An activity, a child or an entity's operation has failed; ``details`` tells why."""

    def __init__(self, what: str, details: FailureDetails) -> None:
        super().__init__(f"{what} failed: {details.error_type}: {details.message}")
        self.details = details
        note_origin(self, details)

    @property
    def is_non_retriable(self) -> bool:
        """Whether no retry policy tries it again."""
        return self.details.is_non_retriable


class OrchestrationFailedError(PerdureError):
    """The orchestration has not completed: it failed, was terminated or cancelled.

    ``status`` says which, ``details`` why it failed.
    """

    def __init__(self, instance_id: str, status: str, details: FailureDetails | None) -> None:
        why = "" if details is None else f": {details.error_type}: {details.message}"
        super().__init__(f"orchestration {instance_id!r} is {status}{why}")
        self.instance_id = instance_id
        self.status = status
        self.details = details
        note_origin(self, details)


class NonRetriableError(PerdureError):
    """Raise it, or a class of yours with ``is_non_retriable = True``: no retry tries again."""

    is_non_retriable = True


class NonDeterminismError(PerdureError):
    """The code asks for something else than what the history holds: the orchestration waits,
    stalled, until the code is as it was, or branches on ``ctx.patched(…)``.

    Attributes:
        recorded: what the history holds, one line per decision.
        asked: what the code asks for.
        source: the file and line that asks for something else; empty when it asks for less.
    """

    def __init__(
        self, instance_id: str, recorded: list[str], asked: list[str], source: str
    ) -> None:
        here = next(
            (
                n
                for n, pair in enumerate(zip(recorded, asked, strict=False))
                if len({*pair}) > 1
            ),
            min(len(recorded), len(asked)),
        )
        left = recorded[here] if here < len(recorded) else "(nothing more)"
        right = asked[here] if here < len(asked) else "(nothing more)"
        where = f" at {source}" if source else ""
        super().__init__(
            f"the code of orchestration {instance_id!r} does not fit its history: decision "
            f"{here + 1} is {left!r} there, and {right!r} in the code{where}; deploy the code "
            "it was started with, or branch on ctx.patched(…)"
        )
        self.instance_id = instance_id
        self.recorded = recorded
        self.asked = asked
        self.source = source


class HistoryTooLongError(PerdureError):
    """An orchestration has more events than one generation may have; it failed with this."""


class NotDurableError(NotAllowedHereError):
    """An orchestrator may await only what its context gives: the message names what instead."""


class CriticalSectionError(NotAllowedHereError):
    """Not allowed inside a critical section, or without one: the message says what is."""


class ActivityTimeoutError(PerdureError, TimeoutError):
    """The attempt took too long, or its heartbeat stopped."""


class ActivityProcessDiedError(PerdureError):
    """The process of an attempt in a process pool has died: of the attempt, of a signal, or for
    lack of memory. A retry policy tries again, in another process.
    """


class CancelledError(BaseException):
    """Somebody has cancelled the orchestration or activity; raised where it waits, so that
    ``finally`` blocks run. Let it pass, or raise it again.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
