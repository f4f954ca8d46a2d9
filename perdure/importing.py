"""Imports what users name as ``module:attribute`` on a command line."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

from perdure.errors import PerdureError


def import_from_here(module_name: str, refused: type[PerdureError]) -> ModuleType:
    """Import a module; those in the current folder are found too.

    Raises:
        PerdureError: it cannot be imported, as a *refused* that says why.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        msg = f"cannot import {module_name!r}: {type(error).__name__}: {error}"
        raise refused(msg) from error
