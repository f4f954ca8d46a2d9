"""The model's entities: what a box and its history must be, as plain dicts.

Everything happens at once here. What is due later is a list of times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from perdure import errors
from tests.models.api import Entry, Refused

SENDING = ("pass_on", "remind")
"""Operations that are in the history also when they change nothing."""

WITH_RESULT = ("add", "add_slowly", "say", "look")
"""Operations whose result is never nothing."""


@attrs.define
class BoxModel:
    """One entity: its present state, and each state it has had, by version."""

    state: dict[str, Any] | None = None
    past: list[dict[str, Any] | None] = attrs.Factory(lambda: [None])
    events: list[Entry] = attrs.Factory(list[Entry])

    def become(self, state: dict[str, Any] | None, operation: str, kind: str) -> None:
        self.state = state
        self.past.append(state)
        self.events.append(Entry(len(self.past) - 1, operation, kind))


@attrs.define
class Boxes:
    """All boxes, the requests with names, the time, and what is still to come."""

    now: float = 0.0
    boxes_: dict[str, BoxModel] = attrs.Factory(dict[str, BoxModel])
    later: list[tuple[float, int, Callable[[], None]]] = attrs.Factory(
        list[tuple[float, int, Callable[[], None]]]
    )
    requests: dict[str, tuple[Any, tuple[str, Any]]] = attrs.Factory(
        dict[str, tuple[Any, tuple[str, Any]]]
    )
    sorts: dict[str, str] = attrs.Factory(dict[str, str])

    # ---- requests and time ----------------------------------------------------------------

    def _once(
        self, request_id: str | None, what: Any, do: Callable[[], Any], *, sort: str = ""
    ) -> Any:
        """A request with a name is done once; what it came to is told again."""
        if request_id is None:
            return do()
        if request_id not in self.requests:
            try:
                came = ("answered", do())
            except Refused as refusal:
                came = ("refused", refusal.kind)
            self.requests[request_id] = (what, came)
            self.sorts[request_id] = sort
        before, (kind, value) = self.requests[request_id]
        if before != what:
            raise Refused(errors.RequestMismatchError)
        if sort == "call" != self.sorts[request_id] and what[1] in WITH_RESULT:
            raise Refused(errors.RequestMismatchError)
        if kind == "refused":
            raise Refused(value)
        return value

    def _at(self, time: float, do: Callable[[], None]) -> None:
        self.later.append((time, len(self.later), do))

    @property
    def due(self) -> list[float]:
        """The times at which something happens."""
        return sorted(time for time, _, _ in self.later)

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self.later and min(self.later)[0] <= until:
            first = min(self.later, key=lambda entry: entry[:2])
            self.later.remove(first)
            self.now = first[0]
            first[2]()
        self.now = until

    # ---- entities -------------------------------------------------------------------------

    def _box(self, key: str) -> BoxModel:
        return self.boxes_.setdefault(key, BoxModel())

    def _do(  # noqa: C901 - a table
        self, key: str, operation: str, arguments: list[Any]
    ) -> Any:
        """Handle one message."""
        box = self._box(key)
        if operation == "delete":
            if box.state is not None:
                self._box(key).become(None, "delete", "deleted")
            return None
        state = box.state or {"total": 0, "words": []}
        total, words = state["total"], list(state["words"])
        result: Any = None
        match operation, arguments:
            case (("add" | "add_slowly"), [amount]):
                total += amount
                result = total
            case "say", [word, *times]:
                words += [word] * (times[0] if times else 1)
                result = words
            case "pass_on", [_, amount]:
                total -= amount
            case "look", []:
                return total
            case "cheat", []:
                raise Refused(errors.OperationFailedError)
            case "fail", [_]:
                raise Refused(errors.OperationFailedError)
            case "remind", [seconds, amount]:
                self._at(self.now + seconds, lambda: self._do(key, "add", [amount]))
            case _:
                raise AssertionError(operation)
        after = {"total": total, "words": words}
        if after != state or operation in SENDING:
            self._box(key).become(after, operation, "changed")
        if operation == "pass_on":
            self._do(arguments[0], "add", [arguments[1]])
        return result

    def signal(
        self,
        key: str,
        operation: str,
        arguments: list[Any],
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None:
        def do() -> None:
            if delay:
                self._at(self.now + delay, happen)
            else:
                happen()

        def happen() -> None:
            try:
                self._do(key, operation, arguments)
            except Refused:
                return  # nobody is told

        self._once(request_id, (key, operation, arguments), do)

    def call(
        self, key: str, operation: str, arguments: list[Any], request_id: str | None = None
    ) -> Any:
        what = (key, operation, arguments)
        do = partial(self._do, key, operation, arguments)
        return self._once(request_id, what, do, sort="call")

    def delete(self, key: str) -> None:
        self.signal(key, "delete", [])

    def state(self, key: str) -> dict[str, Any] | None:
        return self._box(key).state

    def as_of(self, key: str, version: int) -> dict[str, Any] | None:
        past = self._box(key).past
        if version >= len(past):
            raise Refused(errors.InvalidInputError)
        return past[version]

    def history(self, key: str, after: int) -> list[Entry]:
        return [entry for entry in self._box(key).events if entry.version > after]

    def boxes(self, page: int) -> list[tuple[str, dict[str, Any]]]:
        del page
        there = sorted(self.boxes_, key=str.encode)
        return [(key, box.state) for key in there if (box := self.boxes_[key]).state]

    def watched(self, key: str, amount: int) -> list[int]:
        before = self._box(key).state
        return [before["total"] if before else 0, self._do(key, "add", [amount])]

    def changes(self) -> dict[str, list[Entry]]:
        return {key: box.events for key, box in self.boxes_.items() if box.events}
