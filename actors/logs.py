"""Log records that say what they are about: the same fields in users' and the engine's.

The fields are attributes of the record, so any formatter or handler can use them:
``entity_id``, ``instance_id``, ``operation``, ``orchestrator``, ``activity``, ``task_id``,
``attempt``, ``request_id``, ``trace_id``. A field that does not apply is not there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from perdure.actors.messages import Message
from perdure.actors.tracing import trace_id

Fields = Mapping[str, str | int]


def fields_of(message: Message) -> dict[str, str | int]:
    """What a record about *message* is about."""
    fields = {**address_fields(message.target), "operation": message.operation}
    if message.target.startswith("@@") and message.caller:
        fields["instance_id"] = message.caller
    if message.request_id:
        fields["request_id"] = message.request_id
    if message.trace:
        fields["trace_id"] = trace_id(message.trace)
    return fields


def address_fields(address: str) -> dict[str, str | int]:
    """What a record about that actor is about."""
    if address.startswith("@@"):
        return {"activity": address[2:]}
    return {"entity_id" if address.startswith("@") else "instance_id": address}


class ContextLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose records say what they are about.

    What a record is given as ``extra=`` is there beside that.
    """

    def __init__(
        self,
        logger: logging.Logger,
        fields: Fields,
        is_silent: Callable[[], bool] | None = None,
    ) -> None:
        """Log to *logger*, with *fields*, whenever *is_silent* is not given, or says no."""
        super().__init__(logger, fields)
        self._fields = fields
        self._is_silent = is_silent

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether something is said."""
        if self._is_silent is not None and self._is_silent():
            return False
        return super().isEnabledFor(level)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields."""
        kwargs["extra"] = {**self._fields, **(kwargs.get("extra") or {})}
        return msg, kwargs


_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, and the rest."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        more = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        line |= {name: value for name, value in more.items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return _encode(line).decode()


_encode = msgspec.json.Encoder(enc_hook=str).encode
