"""Which orchestrations a query is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from perdure.actors.context import to_micros
from perdure.errors import InvalidInputError
from perdure.orchestration.checking import checked_tags, checked_text
from perdure.orchestration.state import STATUSES, InstanceState


def chooser(
    *,
    statuses: list[str] | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    parent: str | None = None,
    custom_status: str | None = None,
) -> Callable[[InstanceState], bool]:
    """Whether a row fits all that is given; see :meth:`Client.query`.

    Raises:
        InvalidInputError: there is no such status, or another argument makes no sense.
    """
    for status in statuses or ():
        if status not in STATUSES:
            msg = f"status {status!r}: use some of {', '.join(STATUSES)}"
            raise InvalidInputError(msg)
    for what, value in (("name", name), ("parent", parent), ("custom_status", custom_status)):
        if value is not None:
            checked_text(what, value)
    wanted = checked_tags(tags)
    first = None if created_from is None else to_micros(created_from)
    last = None if created_to is None else to_micros(created_to)
    text = None if custom_status is None else custom_status.encode()

    def fits(state: InstanceState) -> bool:
        return (
            (not statuses or state.status in statuses)
            and (first is None or state.created >= first)
            and (last is None or state.created <= last)
            and (name is None or state.name.lower() == name.lower())
            and wanted.items() <= state.tags.items()
            and (parent is None or state.parent == parent)
            and (text is None or text in bytes(state.custom_status))
        )

    return fits
