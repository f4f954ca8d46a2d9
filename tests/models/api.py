"""What a model and every way to reach the real thing have in common.

The machine does the same on both and compares what comes of it: a value, or a refusal by the
name of its error. A further way in (a client over a wire) is one more class like these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from perdure import errors

Command = list[Any]
"""What a clerk is told: a verb and its values."""

EVERYTHING = frozenset(
    {
        "cancel",
        "changes",
        "delayed",
        "readonly",
        "result",
        "start_or_get",
        "signal_with_start",
        "terminate_alone",
        "watch",
    }
)
"""What not every way in offers; all else each of them does."""


class Refused(Exception):  # noqa: N818 - it is an answer here
    """Something was refused, with an error of that kind, by its class or its name."""

    def __init__(self, kind: type[errors.PerdureError] | str) -> None:
        super().__init__(kind)
        self.kind = kind if isinstance(kind, str) else kind.__name__


@attrs.frozen
class Status:
    """What is compared of an orchestration's status."""

    instance_id: str
    name: str
    status: str
    input: Any
    output: Any
    custom: Any


@attrs.frozen
class Entry:
    """What is compared of an event in an entity's history."""

    version: int
    operation: str
    kind: str


class Api(Protocol):
    """Everything that a client can ask, of one kind of entity and one orchestrator.

    Each raises Refused where perdure raises one of its errors.
    """

    can: frozenset[str]

    def signal(
        self,
        key: str,
        operation: str,
        arguments: list[Any],
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None: ...

    def call(
        self, key: str, operation: str, arguments: list[Any], request_id: str | None = None
    ) -> Any: ...

    def delete(self, key: str) -> None: ...

    def state(self, key: str) -> dict[str, Any] | None: ...

    def as_of(self, key: str, version: int) -> dict[str, Any] | None: ...

    def history(self, key: str, after: int) -> list[Entry]: ...

    def boxes(self, page: int) -> list[tuple[str, dict[str, Any]]]:
        """All entities with their states, read in pages of that size."""
        ...

    def watched(self, key: str, amount: int) -> list[int]:
        """The totals that a watch shows: at first, and after an ``add`` of *amount*."""
        ...

    def changes(self) -> dict[str, list[Entry]]:
        """The whole feed, by entity: the order between entities is the store's."""
        ...

    def start(
        self,
        instance: str,
        total: int,
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None: ...

    def start_or_get(self, instance: str, total: int, *, replace_finished: bool) -> None: ...

    def signal_with_start(self, instance: str, command: Command, total: int) -> None: ...

    def raise_event(
        self, instance: str, command: Command, request_id: str | None = None
    ) -> None: ...

    def tell(self, instance: str, what: str) -> None:
        """``cancel``, ``suspend``, ``resume``, ``rewind`` or ``purge`` it."""
        ...

    def terminate(self, instance: str, output: str) -> None: ...

    def restart(self, instance: str) -> None:
        """Start it again under its own id."""
        ...

    def status(self, instance: str) -> Status | None: ...

    def result(self, instance: str) -> Any:
        """Its output if it has completed; Refused with its status, or a timeout."""
        ...

    def query(self, statuses: list[str] | None, prefix: str, page: int) -> list[Status]: ...

    def count(self, prefix: str) -> dict[str, int]: ...

    def purge_all(self, statuses: list[str]) -> bool:
        """Forget all finished ones of these; whether there were any. Children count or not,
        as they go with their parents or by themselves."""
        ...

    def advance(self, seconds: float) -> None:
        """Let time pass, and all happen that is due."""
        ...

    def settle(self) -> None:
        """Let all happen that happens without time passing."""
        ...

    def crash(self) -> None:
        """End the process without a word, and open the store in another one."""
        ...

    def reopen(self) -> None:
        """Close in good order, and open again."""
        ...

    def findings(self) -> list[str]:
        """What verification finds wrong, and histories that do not replay."""
        ...

    def end(self) -> None:
        """Let go of everything."""
        ...


def outcome_of(ask: Callable[[], Any]) -> tuple[str, Any]:
    """What comes of asking: a value, or the name of a refusal."""
    try:
        return "answered", ask()
    except Refused as refusal:
        return "refused", refusal.kind
