"""The JSON of the field: the links to one orchestration, and its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from perdure.orchestration.status import OrchestrationState

BASE = "/runtime/webhooks/durabletask"
"""Where the field's API begins."""

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
