"""What an entity's operations take and give, for people and for forms."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.actors.codec import type_name
from perdure.actors.definition import EntityDefinition
from perdure.actors.operations import OperationSpec, Parameter


def signatures(definition: EntityDefinition) -> list[dict[str, Any]]:
    """The operations of a kind; none of a function-style one, which takes any name."""
    return [_signature(spec) for spec in definition.operations.values()]


def _signature(spec: OperationSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "text": str(spec),
        "doc": (spec.function.__doc__ or "").strip().partition("\n")[0],
        "readonly": spec.readonly,
        "isAsync": spec.is_async,
        "parameters": [_parameter(parameter) for parameter in spec.parameters],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    annotation = parameter.codec.annotation
    return {
        "name": parameter.name,
        "type": type_name(annotation),
        "required": parameter.required,
        "schema": _schema(annotation),
    }


def _schema(annotation: Any) -> dict[str, Any]:
    """What it may be in JSON Schema; anything where the class has no schema of msgspec's."""
    try:
        return msgspec.json.schema(annotation)
    except (TypeError, ValueError):
        return {}
