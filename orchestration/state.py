"""An orchestration's present row: what is known of it without its history."""

from __future__ import annotations

import msgspec

from perdure.actors.answers import NULL, Failure
from perdure.errors import CorruptionError
from perdure.orchestration.requests import Notice, Start

PENDING = "Pending"
RUNNING = "Running"
COMPLETED = "Completed"
FAILED = "Failed"
TERMINATED = "Terminated"
SUSPENDED = "Suspended"
CANCELED = "Canceled"
CONTINUED_AS_NEW = "ContinuedAsNew"

FINISHED = frozenset({COMPLETED, FAILED, TERMINATED, CANCELED})
STATUSES = (
    PENDING,
    RUNNING,
    COMPLETED,
    FAILED,
    TERMINATED,
    SUSPENDED,
    CANCELED,
    CONTINUED_AS_NEW,
)


class Trace(msgspec.Struct, array_like=True, gc=False):
    """An orchestration's span while it goes on, fixed in the commit that makes it.

    Attributes:
        own: the trace that all it sends carries.
        parent: the trace of what started it; empty for none.
        begun_micros: when the present generation began; 0: it did not.
    """

    own: str
    parent: str = ""
    begun_micros: int = 0


class InstanceState(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """What is stored of one orchestration beside its history.

    Attributes:
        name: of the orchestrator.
        status: one of ``STATUSES``.
        generation: names the present run; empty before the first.
        begins: the version of the stream before the first event of this generation.
        created: of the first start, in microseconds since 1970 UTC.
        updated: of the last event.
        version: stamped at the start.
        parent: who started it, and which of its requests waits.
        tags: what its starter said of it.
        custom_status: what the code says of itself, as JSON.
        output: of a completed or terminated one, as JSON.
        failure: of a failed or cancelled one.
        reason: why it is suspended, or stalled.
        stalled: its code does not fit its history.
        start: of a pending one, what it will start with; of one that was ended before it began,
            what it would have started with.
        told: whom to signal when it has ended.
        timer: the message that it sent itself to begin, or to be forgotten, at a later time.
        trace: its span; ``None`` when it was started while nothing was traced.
    """

    name: str
    status: str
    generation: str = ""
    begins: int = 0
    created: int = 0
    updated: int = 0
    version: str = ""
    parent: str = ""
    parent_task: str = ""
    tags: dict[str, str] = {}
    custom_status: msgspec.Raw = NULL
    output: msgspec.Raw = NULL
    failure: Failure | None = None
    reason: str = ""
    stalled: bool = False
    start: Start | None = None
    timer: int = 0
    told: list[Notice] = []
    trace: Trace | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.status in FINISHED


write_state = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(InstanceState).decode


def read_state(address: str, state: bytes) -> InstanceState:
    """A stored row.

    Raises:
        CorruptionError: it is not as this package wrote it.
    """
    try:
        return _read(state)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the row of orchestration {address!r} cannot be read: {error}; restore a backup"
        raise CorruptionError(msg) from error
