"""A forked child must not use what its parent opened: its handles are closed as it begins."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something open that does not survive a fork."""

    def forked(self) -> None:
        """Called in the child, before anything else runs there."""


_open: weakref.WeakSet[Forkable] = weakref.WeakSet()


def _in_child() -> None:
    for handle in list(_open):
        handle.forked()


def close_in_children(handle: Forkable) -> None:
    """Have *handle* told in every child that this process forks."""
    _open.add(handle)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
