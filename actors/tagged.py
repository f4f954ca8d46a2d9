"""Types that msgspec cannot hold by itself, rewritten to ones that it can.

msgspec reads no union of two attrs classes, for it cannot tell which one an object is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Tagged:
    """The base of the stand-ins: a class each, made from an annotation."""

    @classmethod
    def build(cls, value: Any, convert: Callable[[Any, Any], Any]) -> Any:
        """Make the value that the plain *value* stands for."""
        raise NotImplementedError


def plan(annotation: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """The annotation to read with, and what turns a value into what is written."""
    return annotation, None
