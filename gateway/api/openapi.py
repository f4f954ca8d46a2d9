"""The OpenAPI document, made from the table of operations that the router has too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from perdure._version import __version__
from perdure.gateway.http.answers import answer
from perdure.gateway.http.operations import OURS, TEXT, Operation, Parameter

_VARIABLE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_FAILURE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "Message": TEXT,
        "ExceptionMessage": TEXT,
        "ExceptionType": TEXT,
        "RequestId": TEXT,
    },
    "required": ["Message"],
}
_ABOUT = """\
The HTTP API of Durable Functions, and what is perdure's own beyond it, under /api/v1. Each
operation tells the role that it needs in x-perdure-role: read, operate or admin.
"""


class OpenApi:
    """What ``/api/v1/openapi.json`` answers."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        """Describe *operations*, to which this one may be added later."""
        self._operations = operations

    def operations(self) -> list[Operation]:
        """The route."""
        return [
            Operation(
                method="GET",
                path=OURS + "/openapi.json",
                answered_by=self.document,
                text="This document",
            )
        ]

    async def document(self, request: Request) -> Response:
        """GET ``/openapi.json``."""
        root = request.scope.get("root_path", "")
        return answer(200, described(self._operations) | {"servers": [{"url": root or "/"}]})


def described(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document, without where it is served."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _VARIABLE.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "perdure", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "security": [{"bearer": []}, {"key": []}, {"session": []}],
        "components": {
            "schemas": {"Failure": _FAILURE},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "session": {"type": "apiKey", "in": "cookie", "name": "perdure_session"},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    variables = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0}
            if kind == "int"
            else {"type": "string", "minLength": 1, "maxLength": 256},
        }
        for name, kind in _VARIABLE.findall(operation.path)
    ]
    told: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.text,
        "x-perdure-role": operation.role,
        "parameters": variables + [_parameter(one) for one in operation.parameters],
        "responses": {
            str(status): _response(operation, status, text)
            for status, text in operation.answers.items()
        }
        | {"default": _failure("it was refused, or it failed")},
    }
    if not operation.role:
        told["security"] = []
    if operation.body is not None:
        told["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": operation.body}},
        }
    return told


def _name(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.replace(":path", "").replace(":int", ""))
    slash = ["slash"] if operation.path.endswith("/") else []
    return "_".join([operation.method.lower(), *words, *slash])


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.text,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _response(operation: Operation, status: int, text: str) -> dict[str, Any]:
    if status >= 400:
        return _failure(text)
    if status == 204:
        return {"description": text}
    return {"description": text, "content": {operation.media_type: {"schema": {}}}}


def _failure(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Failure"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
