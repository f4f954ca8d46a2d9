"""What is known of an orchestration, as a value: its status, output and custom status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
import msgspec

from perdure.actors.answers import details_of
from perdure.actors.context import to_datetime
from perdure.errors import FailureDetails
from perdure.orchestration.state import FINISHED, InstanceState, read_state
from perdure.storage.records import StoredState

_plain = msgspec.json.Decoder().decode


@attrs.frozen(kw_only=True)
class OrchestrationState:
    """An orchestration as it was at its last commit.

    Attributes:
        instance_id: names it.
        name: of its orchestrator.
        runtime_status: Pending, Running, Completed, Failed, Terminated, Suspended or Canceled.
        created_at: when it was started, in UTC.
        last_updated_at: when something happened to it last, in UTC.
        input: what its present generation was started with, as plain JSON values; ``None``
            where it was not asked for.
        output: of a completed or terminated one, as plain JSON values.
        custom_status: what it says of itself, as plain JSON values.
        failure_details: of a failed or cancelled one.
        version: stamped at its start; empty for none.
        tags: what its starter said of it.
        parent_instance_id: who started it, or ``None``.
        reason: why it is suspended, or stalled; else empty.
        is_stalled: its code does not fit its history; it waits for other code.
        generation: names its present run.
    """

    instance_id: str
    name: str
    runtime_status: str
    created_at: datetime
    last_updated_at: datetime
    input: Any = None
    output: Any = None
    custom_status: Any = None
    failure_details: FailureDetails | None = None
    version: str = ""
    tags: Mapping[str, str] = attrs.Factory(dict[str, str])
    parent_instance_id: str | None = None
    reason: str = ""
    is_stalled: bool = False
    generation: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.runtime_status in FINISHED


def state_of(row: StoredState) -> InstanceState:
    """What a stored row holds.

    Raises:
        CorruptionError: it is not as this package wrote it.
    """
    assert row.state is not None
    return read_state(row.stream, row.state)


def public_state(instance_id: str, state: InstanceState) -> OrchestrationState:
    """A row as users see it, without the input."""
    return OrchestrationState(
        instance_id=instance_id,
        name=state.name,
        runtime_status=state.status,
        created_at=to_datetime(state.created),
        last_updated_at=to_datetime(state.updated),
        output=_plain(state.output),
        custom_status=_plain(state.custom_status),
        failure_details=None if state.failure is None else details_of(state.failure),
        version=state.version,
        tags=dict(state.tags),
        parent_instance_id=state.parent or None,
        reason=state.reason,
        is_stalled=state.stalled,
        generation=state.generation,
    )


@attrs.frozen
class OrchestrationPage:
    """Part of a longer list of orchestrations.

    Attributes:
        items: this page's.
        next: pass it as ``after`` for the next page; ``None`` after the last.
    """

    items: list[OrchestrationState]
    next: str | None


@attrs.frozen
class PurgeResult:
    """What a purge of many came to.

    Attributes:
        deleted: how many are forgotten, without the children that went with them.
        is_complete: false when the time was over before all that fit were gone.
    """

    deleted: int
    is_complete: bool
