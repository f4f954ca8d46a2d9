"""A process that does nothing but perdure's work: how Python's collector is set for it."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

THRESHOLD = (50_000, 20, 50)
"""With many actors in memory the usual threshold costs up to half of an activation."""


def pass_over() -> None:
    """Have the garbage collector pass over all that there is now."""
    gc.collect()
    gc.freeze()


def settle() -> None:
    """Set the garbage collector for many objects that stay; once all is there."""
    pass_over()
    gc.set_threshold(*THRESHOLD)


@contextmanager
def settled() -> Generator[None]:
    """The same for a block."""
    before = gc.get_threshold()
    settle()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
