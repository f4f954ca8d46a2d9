"""Failures that the engine itself answers with, as the errors that they are."""

from __future__ import annotations

from perdure import errors
from perdure.errors import OperationFailedError, PerdureError

_PREFIX = "perdure.errors."


def typed(error: OperationFailedError) -> PerdureError:
    """The error of this package that *error* tells of; else *error* itself."""
    name = error.details.error_type
    kind = getattr(errors, name.removeprefix(_PREFIX), None)
    if name.startswith(_PREFIX) and isinstance(kind, type) and issubclass(kind, PerdureError):
        try:
            return kind(error.details.message)
        except TypeError:  # it wants more than a message
            return error
    return error
