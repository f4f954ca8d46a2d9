"""Errors on their way to another process: their class by name, their text, and their fields.

What comes in is data. A name is looked up among the errors of this package, and nothing of it
is called: the text is the sender's, since some errors make theirs from what only it has.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perdure import errors
from perdure.errors import FailureDetails, PerdureError, note_origin


class Fault(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An error as it travels.

    Attributes:
        kind: the name of its class in ``perdure.errors``.
        message: its text.
        fields: what it knows beside, by name.
        details: of one that tells of a failure.
    """

    kind: str
    message: str
    fields: dict[str, Any] = {}
    details: FailureDetails | None = None


def fault_of(error: PerdureError) -> Fault:
    """An error, ready to be sent."""
    known = {name: value for name, value in vars(error).items() if name[0] != "_"}
    details = known.pop("details", None)
    return Fault(
        kind=_public_name(type(error)), message=str(error), fields=known, details=details
    )


def error_of(fault: Fault) -> PerdureError:
    """The error that was sent; a plain PerdureError where its class is not known here."""
    kind = getattr(errors, fault.kind, None)
    if not (isinstance(kind, type) and issubclass(kind, PerdureError)):
        return PerdureError(f"{fault.kind}: {fault.message}")
    error: PerdureError = kind.__new__(kind)
    error.args = (fault.message,)
    for name, value in fault.fields.items():
        if name.isidentifier() and name[0] != "_" and not hasattr(kind, name):
            setattr(error, name, _frozen(value))
    if fault.details is not None:
        error.details = fault.details  # type: ignore[attr-defined]  # those that tell have it
        note_origin(error, fault.details)
    return error


def _frozen(value: Any) -> Any:
    """A field as errors have it: several values are a tuple."""
    items: list[Any] = value
    return tuple(items) if type(value) is list else value


def _public_name(kind: type[PerdureError]) -> str:
    """The nearest class that the other side can know."""
    names = (k.__name__ for k in kind.__mro__ if getattr(errors, k.__name__, None) is k)
    return next(names, "PerdureError")
