"""The JSON of the field: the links to one orchestration, and its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from perdure.actors.context import to_datetime
from perdure.actors.ids import EntityId
from perdure.actors.locks import lock_of, shown_state
from perdure.orchestration.status import OrchestrationState
from perdure.storage.records import StoredState

_OPERATIONS = (
    ("sendEventPostUri", "/raiseEvent/{eventName}"),
    ("terminatePostUri", "/terminate?reason={text}"),
    ("rewindPostUri", "/rewind?reason={text}"),
    ("purgeHistoryDeleteUri", ""),
    ("restartPostUri", "/restart"),
    ("suspendPostUri", "/suspend?reason={text}"),
    ("resumePostUri", "/resume?reason={text}"),
)


def instance_url(base: str, instance_id: str) -> str:
    """Where one orchestration is. Its id is one segment, whatever it is made of."""
    return f"{base}/instances/{quote(instance_id, safe=':@!$&()*+,;=~')}"


def management_payload(base: str, instance_id: str) -> dict[str, str]:
    """The links to one orchestration; placeholders are for whoever uses them to fill in.

    Args:
        base: the URL of the API, up to ``durabletask``.
        instance_id: which one.
    """
    url = instance_url(base, instance_id)
    links = {name: url + operation for name, operation in _OPERATIONS}
    return {"id": instance_id, "statusQueryGetUri": url, **links}


def second(moment: datetime) -> str:
    """A time to the second, in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def status_payload(state: OrchestrationState) -> dict[str, Any]:
    """The status of one orchestration. The output of one that failed is why."""
    output = state.output
    if state.failure_details is not None:
        output = f"{state.failure_details.error_type}: {state.failure_details.message}"
    return {
        "name": state.name,
        "instanceId": state.instance_id,
        "runtimeStatus": state.runtime_status,
        "input": state.input,
        "customStatus": state.custom_status,
        "output": output,
        "createdTime": second(state.created_at),
        "lastUpdatedTime": second(state.last_updated_at),
    }


def instance_summary(state: OrchestrationState, *, with_output: bool) -> dict[str, Any]:
    """What our own API tells of one orchestration: times with their fractions, and all that a
    list needs.
    """
    failure = state.failure_details
    told: dict[str, Any] = {
        "instanceId": state.instance_id,
        "name": state.name,
        "runtimeStatus": state.runtime_status,
        "createdTime": state.created_at,
        "lastUpdatedTime": state.last_updated_at,
        "customStatus": state.custom_status,
        "version": state.version,
        "tags": state.tags,
        "parentInstanceId": state.parent_instance_id,
        "reason": state.reason,
        "isStalled": state.is_stalled,
        "generation": state.generation,
        "error": None if failure is None else f"{failure.error_type}: {failure.message}",
    }
    return told | {"output": state.output} if with_output else told


def entity_summary(row: StoredState, *, with_state: bool) -> dict[str, Any] | None:
    """What our own API tells of one entity; nothing of one that has no state now.

    Raises:
        CorruptionError: it is damaged.
    """
    state = shown_state(row.state)
    if state is None:
        return None
    entity_id = EntityId.parse(row.stream)
    lock = lock_of(row.state)
    told: dict[str, Any] = {
        "entityId": {"name": entity_id.kind, "key": entity_id.key},
        "version": row.version,
        "modifiedTime": to_datetime(row.time_micros),
        "waiting": row.waiting,
        "lockedBy": None if lock is None else lock.holder,
    }
    return told | {"state": msgspec.Raw(state)} if with_state else told
