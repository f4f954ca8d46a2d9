"""Reading what is committed."""
from __future__ import annotations
from typing import Generic, TypeVar
E = TypeVar("E")
class Reads(Generic[E]):
    """tbd"""
    __slots__ = ()
