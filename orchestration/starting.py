"""What starts an orchestration: the message, from whoever sends it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from perdure.actors.directory import Conditions, Starter
from perdure.actors.ids import checked_name
from perdure.actors.messages import Message
from perdure.orchestration import effects, requests
from perdure.orchestration.checking import checked_tags, checked_text
from perdure.orchestration.definitions import OrchestratorDefinition
from perdure.orchestration.instance_ids import checked_instance_id
from perdure.orchestration.programs import Programs


def start_of(
    programs: Programs,
    orchestrator: Any,
    input: Any,
    version: str | None,
    tags: Mapping[str, str] | None,
) -> tuple[requests.Start, OrchestratorDefinition]:
    """What a start carries, and the orchestrator that it starts.

    Raises:
        UnknownOrchestratorError: it is not registered, or not in that version.
        InvalidInputError, EncodingError, DecodingError: the input does not fit, or the tags.
    """
    wanted = programs.version if version is None else checked_text("version", version)
    definition = programs.registry.orchestrator(orchestrator, wanted)
    start = requests.Start(
        name=definition.name,
        input=definition.encode_input(input),
        version=wanted or definition.version,
        tags=checked_tags(tags),
    )
    return start, definition


def instance_id_of(
    instance_id: str | None, new_id: Callable[[], str], request_id: str | None = None
) -> str:
    """The id that was chosen; else one that each repeat of the request gets; else a new one.

    An empty text chooses none, as in Durable Task.

    Raises:
        InvalidIdError: one of the ids breaks the rules.
    """
    if instance_id is not None and instance_id != "":
        return checked_instance_id(instance_id)
    if request_id is not None:
        return uuid.uuid5(uuid.NAMESPACE_OID, checked_name("request id", request_id)).hex
    return new_id()


def starter(programs: Programs, new_id: Callable[[], str]) -> Starter:
    """Makes the messages by which actors and pipelines start orchestrations."""

    def message(
        orchestrator: Any,
        input: Any,
        instance_id: str | None,
        start_at: int,
        version: str | None,
        tags: Mapping[str, str] | None,
        conditions: Conditions,
    ) -> Message:
        start, _ = start_of(programs, orchestrator, input, version, tags)
        start.start_at = start_at
        start.if_exists = conditions.if_exists
        start.told = [] if conditions.told is None else [requests.Notice(*conditions.told)]
        return effects.send(instance_id_of(instance_id, new_id), requests.START, start, "")

    return message
