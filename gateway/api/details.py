"""All about one orchestration, or one entity, in one answer."""

from __future__ import annotations

from itertools import islice
from typing import Any

import attrs
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from perdure.actors.context import to_datetime
from perdure.actors.ids import EntityId
from perdure.actors.messages import from_row
from perdure.actors.quarantine import message_in, quarantined
from perdure.errors import CorruptionError, InstanceNotFoundError, PerdureError
from perdure.gateway.api.signatures import signatures
from perdure.gateway.api.timeline import bars
from perdure.gateway.durabletask.history_events import moment
from perdure.gateway.durabletask.payloads import entity_summary, instance_summary
from perdure.gateway.engine import Engine
from perdure.gateway.http.answers import answer, missing
from perdure.gateway.http.operations import OURS, Operation
from perdure.orchestration.status import OrchestrationState, public_state, state_of
from perdure.storage.records import MessageRow, QuarantineRow

EVENTS = 2_000
"""So many events of a history make a timeline; of a longer one the newest."""

MAIL = 100
"""So many waiting messages are shown."""

_FAR = (1 << 62) - 1


class Details:
    """What is shown of one actor."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = engine.client

    def operations(self) -> list[Operation]:
        """The routes."""
        answers = {200: "what was asked for", 404: "there is none"}
        return [
            Operation(
                method="GET",
                path=OURS + "/instances/{instance_id}",
                answered_by=self.instance,
                text="An orchestration: input, output, timeline, family, and what it waits for",
                answers=answers,
            ),
            Operation(
                method="GET",
                path=OURS + "/entities/{name}/{key:path}",
                answered_by=self.entity,
                text="An entity: state, queue, lock, and its operations",
                answers=answers,
            ),
        ]

    async def instance(self, request: Request) -> Response:
        """GET ``/instances/{id}``."""
        ref = self._client.orchestration(request.path_params["instance_id"])

        def look() -> dict[str, Any]:
            state = ref.status(fetch_input=True)
            if state is None:
                msg = f"there is no orchestration {ref.id!r}"
                raise InstanceNotFoundError(msg)
            return self._instance(state)

        return answer(200, await self._engine.read(look))

    def _instance(self, state: OrchestrationState) -> dict[str, Any]:
        ref = self._client.orchestration(state.instance_id)
        history = list(ref.history())
        timeline = bars(history[-EVENTS:])
        children = [bar["instanceId"] for bar in timeline if bar["kind"] == "child"]
        failure = state.failure_details
        return instance_summary(state, with_output=True) | {
            "input": state.input,
            "failure": None if failure is None else attrs.asdict(failure),
            "events": len(history),
            "isWhole": len(history) <= EVENTS,
            "timeline": timeline,
            "children": self._family(children),
            "parent": next(iter(self._family([state.parent_instance_id])), None),
            "why": self._why(state.instance_id),
            "activities": [attrs.asdict(a) for a in ref.activities()],
        }

    def _family(self, ids: list[str | None]) -> list[dict[str, Any]]:
        """What is known of relatives; of one that was forgotten its id."""
        named = [instance_id for instance_id in ids if instance_id]
        store = self._engine.store()
        rows = [(name, store.state(name)) for name in named[:MAIL]]
        return [
            {"instanceId": name}
            if row is None or row.state is None
            else instance_summary(public_state(name, state_of(row)), with_output=False)
            for name, row in rows
        ]

    def _why(self, address: str) -> list[dict[str, Any]]:
        try:
            return [attrs.asdict(reason) for reason in self._client.why(address)]
        except PerdureError as error:  # the rest is worth seeing all the more
            return [{"kind": "unknown", "text": str(error), "about": ""}]

    async def entity(self, request: Request) -> Response:
        """GET ``/entities/{name}/{key}``."""
        definition = self._client.definition_of(request.path_params["name"])
        entity_id = EntityId(definition.kind, request.path_params["key"])
        found = await self._engine.read(lambda: self._entity(entity_id))
        if found is None:
            return missing(f"there is nothing of {entity_id}")
        return answer(200, found | {"operations": signatures(definition)})

    def _entity(self, entity_id: EntityId) -> dict[str, Any] | None:
        store, address = self._engine.store(), str(entity_id)
        row = store.state(address)
        summary = None if row is None else entity_summary(row, with_state=True)
        loaded = store.load([address], _FAR)[address]
        aside = [row for row in islice(quarantined(store), 1000) if row.stream == address]
        if summary is None and not loaded.version and not loaded.messages and not aside:
            return None
        base = store.base(address)
        return (summary or _without_state(entity_id, loaded.version)) | {
            "historyBegins": 0 if base is None else base.version,
            "queue": [_waiting(message) for message in loaded.messages[:MAIL]],
            "waiting": len(loaded.messages),
            "quarantined": [set_aside(row) for row in aside[:MAIL]],
            "why": self._why(address),
        }


def _without_state(entity_id: EntityId, version: int) -> dict[str, Any]:
    return {
        "entityId": {"name": entity_id.kind, "key": entity_id.key},
        "version": version,
        "modifiedTime": None,
        "lockedBy": None,
        "state": None,
    }


def _waiting(row: MessageRow) -> dict[str, Any]:
    """A message that waits; of a damaged one why it cannot be read."""
    told: dict[str, Any] = {
        "id": row.id,
        "dueTime": moment(row.due_micros) if row.due_micros else None,
    }
    try:
        if row.corrupt is not None:
            return told | {"unreadable": row.corrupt}
        message = from_row(row)
    except CorruptionError as error:
        return told | {"unreadable": str(error)}
    return told | {
        "operation": message.operation,
        "requestId": message.request_id,
        "caller": message.caller or None,
        "input": msgspec.Raw(message.input or b"null"),
    }


def set_aside(row: QuarantineRow) -> dict[str, Any]:
    """A message in quarantine; of a damaged one what can be told."""
    message = message_in(row)
    return {
        "id": row.id,
        "address": row.stream,
        "time": to_datetime(row.time_micros),
        "attempts": row.attempts,
        "reason": row.reason,
        "operation": None if message is None else message.operation,
        "requestId": None if message is None else message.request_id,
        "input": None if message is None else msgspec.Raw(message.input or b"null"),
    }
